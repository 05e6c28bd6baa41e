"""How a known bug finds the lines that it changes."""

from collections import Counter

import pytest

from simulation.known_bugs.bug import MisplacedBugError, Replacement, changed, known_bugs

CODE = """class Store:
    def load(self):
        return self.row

    def save(self):
        return self.row


def load():
    return None
"""
WORKFLOW = """States:
  Begin: # the first
    Type: Pass
    Next: End
  Both:
    Type: Parallel
    Branches:
      - StartAt: Left
        States:
          Left:
            Type: Pass
            Next: End
"""


def test_lines_are_replaced_at_their_own_indentation() -> None:
    change = Replacement("a.py", "return self.row", "if late:\n    return None\nreturn self.row", "Store.save")
    assert changed(CODE, change) == CODE.replace(
        "save(self):\n        return self.row",
        "save(self):\n        if late:\n            return None\n        return self.row",
    )


def test_only_the_named_function_is_changed() -> None:
    assert changed(CODE, Replacement("a.py", "return None", "return 1", "load")).endswith("def load():\n    return 1\n")


def test_a_state_of_a_branch_is_found_by_its_name() -> None:
    right = WORKFLOW.replace("            Next: End", "            Next: Right")
    assert changed(WORKFLOW, Replacement("a.yaml", "Next: End", "Next: Right", "Left")) == right


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (Replacement("a.py", "return self.row", "", "Store"), "2 times in a.py, Store"),
        (Replacement("a.py", "return 2", ""), "0 times in a.py"),
        (Replacement("a.py", "return None", "", "erase"), "a.py has no erase"),
    ],
    ids=["twice", "missing", "no such function"],
)
def test_a_bug_that_fits_nowhere_is_refused(change: Replacement, reason: str) -> None:
    with pytest.raises(MisplacedBugError, match=reason):
        changed(CODE, change)


def test_each_bug_has_a_number_of_its_own() -> None:
    numbers = Counter(bug.name.split("-")[0] for bug in known_bugs())
    assert all(number.isdecimal() for number in numbers)
    assert [number for number, bugs in numbers.items() if bugs > 1] == []
