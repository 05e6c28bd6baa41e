"""The code of an invariant never stands alone in prose: its name is in the same paragraph."""

import re
from collections.abc import Iterator
from typing import Final

import pytest

from audit.catalogue import BY_CODE
from tests.quality.prose.passage import Passage
from tests.quality.prose.sources import REPOSITORY, checked_files, passages

CODE: Final = re.compile(r"""(?<![\w.%/&=#+-])(?!(?<=["'])[A-Z]\d["'])(?P<code>[A-Z]\d)(?!\w)""")
"""A capital letter and a digit in prose. Alone between quotes it is data: `Finding("M4", ...)`."""
NOT_OURS: Final = {"L1": "a construct of the CDK that is one resource of CloudFormation"}
S3: Final = "S3"
"""The code of `stock_counters_match_reservations`, and the service of AWS."""


def alone(passage: Passage, source: str) -> Iterator[str]:
    """Yield the codes in a passage whose names are not in it. A code that no invariant has is alone too."""
    text = "\n".join(source.splitlines()[passage.first - 1 : passage.last])
    codes = {found["code"] for found in CODE.finditer(text)} - NOT_OURS.keys()
    if S3 in codes and not codes & BY_CODE.keys() - {S3} and "invariant" not in text.lower():
        codes.remove(S3)
    yield from (code for code in sorted(codes) if code not in BY_CODE or BY_CODE[code].name not in text)


@pytest.mark.parametrize(
    ("path", "source", "codes"),
    [
        ("a.py", '"""V1 and M4 at rest."""\n', ["M4", "V1"]),
        ("a.py", "row = 1  # invariant S3\n", ["S3"]),
        ("a.py", '"""Steps O1 to O6."""\n', ["O1", "O6"]),
        ("a.py", 'raise AuditError(f"{row} breaks M4.")\n', ["M4"]),
        ("a.py", 'raise AuditError("M4 is broken.")\n', ["M4"]),
        ("a.py", 'raise AuditError("M4")  # the money\n', []),
        ("a.py", '"""Read S3 by an L1."""\n', []),
        ("a.py", '"""A row that `cancelled_order_keeps_no_money` (M4) finds."""\n', []),
        ("a.py", "print(f\"{n} by {label('X1')}: the others\")\n", []),
        ("a.json", '{"description": "Negative counters are reported by S2."}\n', ["S2"]),
        ("a.yaml", "a: 1 # by M4\n", ["M4"]),
        ("a.md", "# How V1 is counted\n\nIt is every_order_ends.\n", ["V1"]),
        ("a.md", "The audit counts it (E5\nevery_event_is_published_and_processed).\n", []),
        ("a.md", "| Code | Name |\n| -- | -- |\n| `M4` | `cancelled_order_keeps_no_money` |\n| `M1` | |\n", ["M1"]),
    ],
)
def test_code_without_its_name_is_found(path: str, source: str, codes: list[str]) -> None:
    assert sorted({code for passage in passages(path, source) for code in alone(passage, source)}) == codes


def test_code_stands_beside_its_name() -> None:
    found = []
    for name in checked_files():
        source = (REPOSITORY / name).read_text()
        found += [f"{name}:{passage.first}: {code}" for passage in passages(name, source) for code in alone(passage, source)]
    assert found == [], "write the invariant's name, with its code behind it if the reader looks for the code"
