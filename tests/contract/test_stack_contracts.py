"""The contracts between the services name what their code sends and answers."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, cast

import pytest

from cdk import declared_contract, stack_contract
from kernel.naming import SERVICES
from services.inventory.functions.commands import StockCommands
from services.order.workflow.definition import definition
from services.payment.functions.commands import PaymentCommands

QUERIES = {"facts", "contact"}
"""The functions that answer one query each, and take no command's name."""


def sent_by_the_saga(states: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the service and the name of each command to another service, also in the branches of parallel states."""
    for state in states.values():
        for branch in state.get("Branches", ()):
            yield from sent_by_the_saga(branch["States"])
        arguments = state.get("Arguments", {})
        service = str(arguments.get("FunctionName", "")).strip("${}").removesuffix("Commands").lower()
        if service in SERVICES and service != "order":
            yield service, arguments["Payload"]["command"]


def test_order_calls_the_commands_that_the_saga_sends() -> None:
    calls = import_module("services.order.contract").CALLS
    declared = {(owner, name) for owner, named in calls.items() for name in named if name not in QUERIES}
    assert declared == set(sent_by_the_saga(cast(dict[str, Any], definition()["States"])))


@pytest.mark.parametrize(("service", "commands", "parts"), [("payment", PaymentCommands, 2), ("inventory", StockCommands, 3)])
def test_service_answers_the_commands_of_its_function(service: str, commands: Any, parts: int) -> None:
    answers = import_module(f"services.{service}.contract").ANSWERS
    assert set(answers) - QUERIES == set(commands(*[None] * parts).table)


@pytest.mark.parametrize("service", SERVICES)
def test_service_answers_the_queries_that_it_has_a_function_for(service: str) -> None:
    declared = import_module(f"services.{service}.contract")
    for query in QUERIES:
        try:
            import_module(f"services.{service}.functions.{query}")
        except ModuleNotFoundError:
            assert query not in declared.ANSWERS
        else:
            assert query in declared.ANSWERS


def test_services_of_one_version_fit() -> None:
    fitting = {service: declared_contract.of_service(service) for service in SERVICES}
    assert list(stack_contract.misfits(fitting)) == []
    assert fitting["order"].publishes["order.OrderCancelled"] == [2]
    older = declared_contract.of_service("order", ["OrderCancelled.v1"])
    assert older.publishes["order.OrderCancelled"] == [1, 2]
    assert fitting["payment"].consumes == {"order.OrderCancelled": [1, 2]}


def test_contracts_are_the_same_after_they_were_published() -> None:
    for service in SERVICES:
        text = stack_contract.as_json(declared_contract.of_service(service))
        assert stack_contract.as_json(stack_contract.from_json(text)) == text
        assert len(text) <= 4096, "a standard parameter of SSM holds no more"
