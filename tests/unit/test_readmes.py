"""The README of each service has the same headings, and its states, commands and events are those of the code."""

import re
from pathlib import Path

import pytest

from kernel.naming import SERVICES
from kernel.schemas import SERVICES_FOLDER
from operations.orders.status_changes import tables
from services.inventory.functions import operator as stock_keeping
from services.inventory.functions.commands import StockCommands
from services.notification.functions.commands import SuppressionCommands
from services.notification.storage.suppressions import Suppressions
from services.order.functions import commands as order
from services.order.functions import operator as price_setting
from services.payment.functions.commands import PaymentCommands
from services.payment.functions.operator import OperatorCommands

HEADINGS = ["What it owns", "Functions", "Table", "Commands", "Events", "States"]
COMMANDS = {
    "order": {**order.OrderCommands(None, None, None).table, **price_setting.OperatorCommands(None).table},  # type: ignore[arg-type]
    "payment": {**PaymentCommands(None, None).table, **OperatorCommands(None).table},  # type: ignore[arg-type]
    "inventory": {**StockCommands(None, None, None).table, **stock_keeping.OperatorCommands(None, None, None).table},  # type: ignore[arg-type]
    "notification": SuppressionCommands(Suppressions(None, "notes")).table,
}


def readme(service: str) -> str:
    return Path(SERVICES_FOLDER, service, "README.md").read_text()


def section(service: str, heading: str) -> str:
    """Return the text below one of the README's headings."""
    return readme(service).split(f"## {heading}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("service", SERVICES)
def test_headings_are_the_same_in_every_service(service: str) -> None:
    found = re.findall(r"^## (.*)$", readme(service), re.MULTILINE)
    assert [heading for heading in found if heading in HEADINGS] == HEADINGS


@pytest.mark.parametrize("service", SERVICES)
def test_commands_are_those_of_the_functions(service: str) -> None:
    printed = [line.split("`")[1] for line in section(service, "Commands").splitlines() if line.startswith("| `")]
    assert sorted(printed) == sorted(COMMANDS.get(service, {}))


@pytest.mark.parametrize("service", SERVICES)
def test_published_events_are_those_of_the_transitions(service: str) -> None:
    published = {step.publishes for table in tables(service) for step in table.transitions if step.publishes}
    printed = set(section(service, "Events").split("Consumes")[0].split("`")[1::2])
    assert printed >= published
    assert {event for event in printed if event[0].isupper() and not event.isupper() and "_" not in event} == published


@pytest.mark.parametrize("service", [service for service in SERVICES if service != "order"])
def test_published_events_have_schemas(service: str) -> None:
    published = {step.publishes for table in tables(service) for step in table.transitions if step.publishes}
    assert published == {path.name.split(".")[0] for path in Path(SERVICES_FOLDER, service, "schemas").glob("*.json")}
