"""The lines of an invocation end with the mark that the function's process writes."""

from queue import Queue

import pytest

from laptop.emulator.extensions.log_lines import END, lines_up_to_the_end


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ([END], ""),
        (["one", "", "two", END], "one\n\ntwo"),
        (["without an end" + END], "without an end"),
        ([END, "after a late mark", END], "after a late mark"),
        (["the process died"], "the process died"),
        ([], ""),
    ],
)
def test_lines_end_with_the_last_mark(written: list[str], found: str) -> None:
    lines: Queue[str] = Queue()
    for line in written:
        lines.put(line)
    assert lines_up_to_the_end(lines, 0.01) == found
    assert lines.empty()
