"""Tables, for a person on a narrow screen and for grep."""

import io

from rich.console import Console

from orderctl.terminal import output
from orderctl.terminal.output import Format

ORDER = {
    "order_id": "ord-ymvh2m3pwdgv7bdytdbmjg3ygf",
    "reason": "INVENTORY_UNAVAILABLE",
    "total": "49.99 USD",
    "note": "n " * 40,
}
COLUMNS = {"order_id": "Order", "reason": "Reason", "total": "Total", "note": "Note"}


def printed(*, terminal: bool) -> list[str]:
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=80, color_system=None)
    output.show([ORDER], COLUMNS, Format.TABLE, console=console)
    return file.getvalue().splitlines()


def test_an_id_can_be_copied_from_a_narrow_screen() -> None:
    lines = printed(terminal=True)
    assert any(line.startswith(ORDER["order_id"]) for line in lines)
    assert max(map(len, lines)) <= 80


def test_row_is_one_line_in_a_pipe() -> None:
    heading, row = printed(terminal=False)
    assert heading.split() == ["Order", "Reason", "Total", "Note"]
    assert row.split()[:3] == [ORDER["order_id"], "INVENTORY_UNAVAILABLE", "49.99"]
