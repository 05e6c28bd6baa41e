"""A service's README says what its code does: its states, commands and events."""

from pathlib import Path

import pytest

from services.inventory import commands as inventory
from services.inventory import operator as stock_keeping
from services.inventory import states as stock
from services.kernel.schemas import SERVICES_FOLDER
from services.kernel.transitions import ABSENT, TransitionTable
from services.payment import commands as payment
from services.payment import operator as refunding
from services.payment import states as money

SERVICES = {
    "payment": ((money.TRANSITIONS, money.DISPUTES, money.OUTSIDE_REFUNDS), {**payment.COMMANDS, **refunding.COMMANDS}),
    "inventory": ((stock.TRANSITIONS, stock.REPLENISHMENTS, stock.LEVELS), {**inventory.COMMANDS, **stock_keeping.COMMANDS}),
}


def section(service: str, heading: str) -> str:
    """The text below one of the README's headings."""
    text = Path(SERVICES_FOLDER, service, "README.md").read_text()
    return text.split(f"## {heading}\n")[1].split("\n## ")[0]


def states_as_rows(table: TransitionTable) -> list[str]:
    """The transition table as the README prints it."""
    known = [ABSENT, *dict.fromkeys(transition.target for transition in table.transitions)]
    rows = []
    for step in table.transitions:
        sources = ", ".join(sorted(step.sources, key=known.index))
        rows.append(f"| {step.name} | {sources} | {step.target} | {step.publishes or ''} | {step.guard} |")
    return rows


@pytest.mark.parametrize("service", SERVICES)
def test_the_states_are_the_transition_table(service: str) -> None:
    tables, _ = SERVICES[service]
    printed = [line for line in section(service, "States").splitlines() if line.startswith("| ")][1:]

    assert printed == [row for table in tables for row in states_as_rows(table)]


@pytest.mark.parametrize("service", SERVICES)
def test_the_commands_are_the_functions_commands(service: str) -> None:
    _, commands = SERVICES[service]
    printed = [line.split("`")[1] for line in section(service, "Commands").splitlines() if line.startswith("| `")]

    assert sorted(printed) == sorted(commands)


@pytest.mark.parametrize("service", SERVICES)
def test_the_events_are_those_of_the_transitions_and_each_has_its_schema(service: str) -> None:
    tables, _ = SERVICES[service]
    published = {step.publishes for table in tables for step in table.transitions if step.publishes}
    printed = set(section(service, "Events").split(".")[0].split("`")[1::2])
    schemas = {path.name.split(".")[0] for path in Path(SERVICES_FOLDER, service, "schemas").glob("*.json")}

    assert printed == published == schemas
