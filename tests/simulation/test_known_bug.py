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


def test_replaced_lines_keep_their_indentation() -> None:
    change = Replacement("a.py", "return self.row", "if late:\n    return None\nreturn self.row", "Store.save")
    assert changed(CODE, change) == CODE.replace(
        "save(self):\n        return self.row",
        "save(self):\n        if late:\n            return None\n        return self.row",
    )


def test_bug_inside_a_function_changes_only_that_function() -> None:
    assert changed(CODE, Replacement("a.py", "return None", "return 1", "load")).endswith("def load():\n    return 1\n")


def test_bug_inside_a_workflow_state_is_placed_by_its_name() -> None:
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
def test_misplaced_bug_is_refused_with_the_place(change: Replacement, reason: str) -> None:
    with pytest.raises(MisplacedBugError, match=reason):
        changed(CODE, change)


def test_numbers_of_bugs_are_unique() -> None:
    numbers = Counter(bug.name.split("-")[0] for bug in known_bugs())
    assert all(number.isdecimal() for number in numbers)
    assert [number for number, bugs in numbers.items() if bugs > 1] == []
