"""The law by which stacks find each other, and the order of deployment that follows from it."""

import json
import re
from importlib import import_module

import pytest

import app
import stages
from cdk import declared_contract, stack_contract, stack_order
from cdk.stack_contract import ContractError
from cdk.stack_order import DependencyCycleError, MissingProviderError, StackWiring
from kernel.naming import SERVICES, facts_function_name
from stages import StageError
from tests.infrastructure.templates import Assembly, texts
from tests.support.consumers import SUBSCRIPTIONS

CANCELLATIONS = {"cancellations-rule-arn", "cancellations-queue-url", "cancellations-dlq-url"}
PROVIDED = {
    "platform": {
        *("bus-name", "bus-arn", "archive-arn", "alarm-topic-arn", "schema-registry-name", "receipt-key-arn"),
        *("staging-rule-arn", "staging-queue-url", "staging-dlq-url", "quarantine-dlq-url"),
    },
    "payment": {"commands-arn", "operator-arn", "ledger-table-name", "gateway", *CANCELLATIONS},
    "inventory": {"commands-arn", "operator-arn", "api-url", *CANCELLATIONS},
    "order": {
        *("commands-arn", "operator-arn", "contact-arn", "api-url", "workflow-arn", "start-rule-arn", "start-dlq-url"),
        *("intake-rule-arn", "intake-queue-url", "intake-dlq-url"),
        *("fulfilment-rule-arn", "fulfilment-queue-url", "fulfilment-dlq-url"),
    },
    "shipping": {
        *("api-url", "carrier", "carrier-webhook-secret-arn"),
        *("orders-rule-arn", "orders-queue-url", "orders-dlq-url", *CANCELLATIONS),
        *("bookings-rule-arn", "bookings-queue-url", "bookings-dlq-url"),
    },
    "notification": {
        *("notices-rule-arn", "notices-queue-url", "notices-dlq-url"),
        *("sender-address", "commands-arn", "feedback-dlq-url"),
    },
    "audit": {"function-arn", "orders-rule-arn", "orders-queue-url", "orders-dlq-url"},
    "journal": {"bucket-name", "events-dlq-url"},
}
BY_EVERY_SUBSCRIPTION = ("rule-arn", "queue-url", "dlq-url")
BY_EVERY_STACK = {"settings", "contract"}
BY_EVERY_SERVICE = {"table-name", "relay-dlq-url", "sweeper-arn"}


def provided_by_subscriptions() -> dict[str, set[str]]:
    """Return what each service provides by its subscriptions, which is all that a new one does."""
    found: dict[str, set[str]] = {service: set() for service in SERVICES}
    for service, name in SUBSCRIPTIONS:
        found[service] |= {f"{name}-{thing}" for thing in BY_EVERY_SUBSCRIPTION}
    return found


def test_operator_and_stacks_find_the_parameters_that_they_read(assembly: Assembly) -> None:
    expected = {
        f"/orderflow/dev/{service}/{thing}": service
        for service, things in {**provided_by_subscriptions(), **PROVIDED}.items()
        for thing in things | BY_EVERY_STACK | (BY_EVERY_SERVICE if service in SERVICES else set())
    }
    assert assembly.provides() == expected


def test_parameter_names_have_the_documented_form(assembly: Assembly) -> None:
    for name, service in assembly.provides().items():
        assert re.fullmatch(rf"/orderflow/dev/{service}/[a-z]+(-[a-z]+)*", name)


def test_every_required_parameter_is_published(assembly: Assembly) -> None:
    provided = assembly.provides()
    for service in assembly.templates:
        for name in assembly.requires(service):
            assert provided[name] != service


def test_services_require_only_the_platform_except_for_saga_and_facts(assembly: Assembly) -> None:
    elsewhere = {
        service: {name for name in assembly.requires(service) if not name.startswith("/orderflow/dev/platform/")}
        for service in SERVICES
    }
    assert elsewhere == {
        **{service: set() for service in SERVICES},
        "order": {"/orderflow/dev/payment/commands-arn", "/orderflow/dev/inventory/commands-arn"},
        "shipping": {"/orderflow/dev/order/contact-arn"},
        "notification": {"/orderflow/dev/order/contact-arn"},
    }


def test_contract_calls_the_functions_that_the_stack_may_invoke(assembly: Assembly) -> None:
    for service in SERVICES:
        calls = import_module(f"services.{service}.contract").CALLS
        policies = [text for policy in assembly.resources("IAM::Policy", service=service) for text in texts(policy.properties)]
        asked = {owner for owner in SERVICES if any(facts_function_name("dev", owner) in text for text in policies)}
        assert {owner for owner, named in calls.items() if "facts" in named} == asked
        functions = {tuple(name.split("/")[-2:]) for name in assembly.requires(service) if "/platform/" not in name}
        queried = {(owner, "contact-arn") for owner, named in calls.items() if "contact" in named}
        commanded = {(owner, "commands-arn") for owner, named in calls.items() if set(named) - {"facts", "contact"}}
        assert functions == queried | commanded


def test_every_stack_publishes_its_contract(assembly: Assembly) -> None:
    older = stages.load("dev").older_versions
    for stack in stack_order.read(assembly.folder):
        service = stack.name.removeprefix("OrderflowDev-").lower()
        contract = stack_contract.as_json(declared_contract.of_service(service, older))
        parameter = assembly.one("SSM::Parameter", service, "ContractParameter")
        assert parameter.properties["Value"] == contract == stack_contract.as_json(stack.contract)


def test_another_stage_has_names_of_its_own(assembly: Assembly, lasting: Assembly) -> None:
    assert not set(assembly.provides()) & set(lasting.provides())
    assert all(name.startswith("/orderflow/prod/") for service in lasting.templates for name in lasting.requires(service))


def test_assembly_has_the_order_of_deployment(assembly: Assembly) -> None:
    stacks = stack_order.read(assembly.folder)
    names = [stack.name.removeprefix("OrderflowDev-").lower() for stack in stacks]
    assert set(names) == set(assembly.templates)
    for stack, name in zip(stacks, names, strict=True):
        assert set(stack.requires) == assembly.requires(name)
        needed = {assembly.provides()[parameter] for parameter in stack.requires}
        assert needed <= set(names[: names.index(name)])


def test_the_cdk_deploys_in_that_order_too(assembly: Assembly) -> None:
    artifacts = json.loads((assembly.folder / "manifest.json").read_text())["artifacts"]
    provided = {parameter: f"OrderflowDev-{service.capitalize()}" for parameter, service in assembly.provides().items()}
    for stack in stack_order.read(assembly.folder):
        waits_for = {name for name in artifacts[stack.name]["dependencies"] if not name.endswith(".assets")}
        assert waits_for == {provided[parameter] for parameter in stack.requires}


def test_a_stage_that_cannot_be_part_of_a_name_is_refused() -> None:
    with pytest.raises(StageError, match="'Dev/1' is not the name of a stage"):
        stages.load("Dev/1")


BUS, COMMANDS = "/orderflow/dev/platform/bus-arn", "/orderflow/dev/payment/commands-arn"
PLATFORM = StackWiring("Platform", (BUS,), ())
PAYMENT = StackWiring("Payment", (COMMANDS,), (BUS,))
ORDER = StackWiring("Order", (), (BUS, COMMANDS))


def test_a_stack_comes_after_those_it_requires() -> None:
    assert stack_order.in_order([ORDER, PAYMENT, PLATFORM]) == [PLATFORM, PAYMENT, ORDER]


def test_missing_deployment_is_named() -> None:
    assert stack_order.missing(ORDER, deployed={BUS: "arn"}) == [COMMANDS]
    assert stack_order.providers([PLATFORM, PAYMENT])[COMMANDS] == "Payment"


def test_unprovided_requirement_names_stack_and_parameter() -> None:
    with pytest.raises(MissingProviderError, match="Order requires /orderflow/dev/payment/commands-arn, which no stack"):
        stack_order.in_order([PLATFORM, ORDER])


def test_cycle_of_stacks_is_named_with_its_parameters() -> None:
    waiting = StackWiring("Platform", (BUS,), (COMMANDS,))
    with pytest.raises(DependencyCycleError) as refusal:
        stack_order.in_order([waiting, PAYMENT])
    assert "Payment requires /orderflow/dev/platform/bus-arn of Platform" in str(refusal.value)
    assert "Platform requires /orderflow/dev/payment/commands-arn of Payment" in str(refusal.value)


@pytest.mark.parametrize("fault", [ContractError, MissingProviderError, DependencyCycleError])
def test_stacks_that_do_not_fit_end_the_synthesis_with_a_sentence(fault: type[ValueError]) -> None:
    def synthesize() -> None:
        raise fault("order sends payment.capture in version 2: correct contract.py of order or payment")

    refusal = app.main(synthesize)
    assert refusal == "The stacks do not fit: order sends payment.capture in version 2: correct contract.py of order or payment"
