"""The README's commands, and those of the pages about importing and replays, run as they are printed."""

import re
from contextlib import nullcontext

import pytest

from tests.documented_commands import PAGES, REPOSITORY, Command, of_page
from tests.polling import eventually
from tests.system.conftest import Laptop
from tests.system.shell import shell
from tests.system.test_runbooks import forget_dead_letters, parcels_on_their_way

RUN = [
    page
    for page in PAGES
    if page in ("README.md", "docs/how-to/import-orders.md", "docs/how-to/replay.md") or re.fullmatch(r"services/.*", page)
]
NOT_RUN = {
    "make ": "it sets up, or starts, what this test stands on",
    ". .venv/bin/activate": "the test's shell has the environment on its path",
    "orderctl events tail": "it ends with Ctrl-C; test_rules.py tails",
    "orderctl down": "it would end the tests' laptop",
    "orderctl --target aws": "it needs an account",
    "orderctl stages new": "it writes a file into the repository; tests/unit/orderctl/test_cli.py makes a stage",
    "aws secretsmanager": "it needs an account, and Stripe's keys",
}
"""Commands, by their beginning, that are not run here, and why. The command line takes them: test_documented_commands.py."""
COMMANDS = [
    (page, command) for page in RUN for command in of_page(REPOSITORY / page) if not command.line.startswith(tuple(NOT_RUN))
]


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("page", "command"), COMMANDS, ids=[f"{page}: {command.line}" for page, command in COMMANDS])
def test_a_printed_command_works(laptop: Laptop, page: str, command: Command) -> None:
    if command.line.startswith("orderctl audit"):
        forget_dead_letters(laptop)
    with parcels_on_their_way(laptop) if command.line.startswith("orderctl audit") else nullcontext():
        printed = shell(laptop.target, re.sub(r"\bORDER\b", lambda _: order_with_a_parcel(laptop), command.line))
    shown = [line.strip() for line in printed.splitlines()]
    assert [line for line in command.output if line not in shown] == []


def order_with_a_parcel(laptop: Laptop) -> str:
    """The id of an order that was just placed and whose parcel is booked."""
    order_id = str(laptop.place().json()["order_id"])
    eventually(lambda: laptop.row("shipping", f"SHIP#{order_id}"), 60, f"the parcel of {order_id} is booked")
    return order_id


@pytest.mark.parametrize("beginning", NOT_RUN)
def test_each_exception_is_of_a_command_that_is_printed(beginning: str) -> None:
    printed = [command.line for page in RUN for command in of_page(REPOSITORY / page)]
    assert any(line.startswith(beginning) for line in printed)
