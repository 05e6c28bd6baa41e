"""A deployment after which services would not understand each other is refused before it begins."""

from dataclasses import replace

import pytest

from cdk import stack_contract
from cdk.stack_contract import Contract, ContractError
from cdk.stack_order import StackWiring
from kernel.naming import SERVICES, parameter_name
from operations.deploy import contracts
from operations.errors import UserError

PAYMENT = Contract(
    answers={"payment.capture": (1,)},
    calls={"order.facts": (1,)},
    publishes={"payment.PaymentRefunded": (1,)},
    consumes={"order.OrderCancelled": (1, 2)},
)
ORDER = Contract(
    answers={"order.facts": (1,)},
    calls={"payment.capture": (1,)},
    publishes={"order.OrderCancelled": (2,)},
    consumes={"payment.PaymentRefunded": (1,)},
)
NEW_PAYMENT = replace(PAYMENT, answers={"payment.capture": (1, 2)})
NEW_ORDER = replace(ORDER, calls={"payment.capture": (2,)})
"""An order service that sends version 2 of a command, as it did when an order could be captured in part (ADR 23)."""


def stacks(**named: Contract) -> list[StackWiring]:
    return [StackWiring(f"OrderflowDev-{service.capitalize()}", (), (), contract) for service, contract in named.items()]


def refusal(services: str, version: list[StackWiring], **deployed: Contract) -> UserError:
    chosen = [stack for stack in version if contracts.service_of(stack) in services.split()]
    with pytest.raises(UserError) as refused:
        contracts.check(chosen, version, deployed)
    return refused.value


def test_caller_is_not_deployed_before_the_owner_of_its_command() -> None:
    version = stacks(payment=NEW_PAYMENT, order=NEW_ORDER)
    refused = refusal("order", version, payment=PAYMENT, order=ORDER)
    assert refused.message == (
        "This version of order does not fit with the deployed payment: order sends payment.capture in version 2, and payment "
        "accepts version 1."
    )
    mend = "Nothing was changed. Deploy with `orderctl deploy payment` first, then `orderctl deploy order`."
    assert refused.hint == mend
    contracts.check(version[:1], version, {"payment": PAYMENT, "order": ORDER})
    contracts.check(version[1:], version, {"payment": NEW_PAYMENT, "order": ORDER})
    contracts.check(version, version, {"payment": PAYMENT, "order": ORDER})


def test_owner_is_not_rolled_back_below_its_deployed_caller() -> None:
    refused = refusal("payment", stacks(payment=PAYMENT, order=ORDER), payment=NEW_PAYMENT, order=NEW_ORDER)
    assert "does not fit with the deployed order: order sends payment.capture in version 2" in refused.message
    assert refused.hint == "Nothing was changed. Deploy with `orderctl deploy order` first, then `orderctl deploy payment`."


def test_owner_may_not_forget_a_version_while_its_caller_still_sends_it() -> None:
    version = stacks(payment=replace(PAYMENT, answers={"payment.capture": (2,)}), order=NEW_ORDER)
    refused = refusal("payment order", version, payment=PAYMENT, order=ORDER)
    assert "The deployed order would get no answer until it is deployed too" in refused.message
    assert refused.hint == "Nothing was changed. Accept the deployed version in services/payment/contract.py as well."


@pytest.mark.parametrize("services", ["order", "payment"])
def test_mending_command_is_not_refused_itself(services: str) -> None:
    """Both together would leave the deployed order without an answer until it is deployed."""
    version = stacks(payment=replace(PAYMENT, answers={"payment.capture": (2,)}), order=NEW_ORDER)
    refused = refusal(services, version, payment=PAYMENT, order=ORDER)
    assert refused.hint == "Nothing was changed. Accept the deployed version in services/payment/contract.py as well."
    accepting = stacks(payment=NEW_PAYMENT, order=NEW_ORDER)
    assert "`orderctl deploy payment` first" in refusal("order", accepting, payment=PAYMENT, order=ORDER).hint
    contracts.check(accepting[:1], accepting, {"payment": PAYMENT, "order": ORDER})


def test_caller_does_not_ask_an_owner_that_is_deployed_after_it() -> None:
    """Payment asks order for its facts, and is deployed before it."""
    asking = replace(PAYMENT, calls={"order.facts": (2,)})
    version = stacks(payment=asking, order=replace(ORDER, answers={"order.facts": (1, 2)}))
    refused = refusal("payment order", version, payment=PAYMENT, order=ORDER)
    assert (
        "The new payment would get no answer until order is deployed too: payment sends order.facts in version 2"
        in refused.message
    )
    assert refused.hint == "Nothing was changed. Deploy with `orderctl deploy order` first, then `orderctl deploy payment`."
    contracts.check(version[1:], version, {"payment": PAYMENT, "order": ORDER})
    contracts.check(version, version, {})


def test_publisher_is_not_deployed_before_consumers_know_its_event() -> None:
    publisher = replace(ORDER, publishes={"order.OrderCancelled": (3,)})
    version = stacks(payment=replace(PAYMENT, consumes={"order.OrderCancelled": (1, 2, 3)}), order=publisher)
    refused = refusal("order", version, payment=PAYMENT, order=ORDER)
    assert "order sends order.OrderCancelled in version 3, and payment accepts versions 1, 2" in refused.message
    contracts.check(version, version, {"payment": PAYMENT, "order": ORDER})
    both = stacks(payment=version[0].contract, order=replace(publisher, publishes={"order.OrderCancelled": (2, 3)}))
    contracts.check(both[1:], both, {"payment": PAYMENT, "order": ORDER})


def test_event_is_not_dropped_while_a_deployed_consumer_needs_it() -> None:
    silent = replace(ORDER, publishes={})
    version = stacks(payment=replace(PAYMENT, consumes={}), order=silent)
    refused = refusal("order", version, payment=PAYMENT, order=ORDER)
    assert refused.message == (
        "This version of order does not fit with the deployed payment: order no longer publishes order.OrderCancelled, and "
        "payment consumes versions 1, 2."
    )
    assert refused.hint == "Nothing was changed. Deploy with `orderctl deploy payment` first, then `orderctl deploy order`."
    contracts.check(version[:1], version, {"payment": PAYMENT, "order": ORDER})
    contracts.check(version[1:], version, {"payment": version[0].contract, "order": ORDER})
    contracts.check(version, version, {"payment": PAYMENT, "order": ORDER})


def test_version_of_an_event_is_not_dropped_while_a_deployed_consumer_needs_it() -> None:
    version = stacks(payment=PAYMENT, order=ORDER)
    older = {"payment": replace(PAYMENT, consumes={"order.OrderCancelled": (1,)})}
    refused = refusal("order", version, **older, order=replace(ORDER, publishes={"order.OrderCancelled": (1, 2)}))
    assert "order sends order.OrderCancelled in version 2, and payment accepts version 1" in refused.message
    assert refused.hint == "Nothing was changed. Deploy with `orderctl deploy payment` first, then `orderctl deploy order`."


def test_event_that_this_version_still_consumes_must_stay() -> None:
    """No order of deployments mends it: the sources contradict each other."""
    version = stacks(payment=PAYMENT, order=replace(ORDER, publishes={}))
    for services in ("order", "payment order"):
        refused = refusal(services, version, payment=PAYMENT, order=ORDER)
        assert refused.hint == "Nothing was changed. Publish order.OrderCancelled again, or end its subscription in payment."


def test_consumer_of_a_new_event_is_deployed_before_its_publisher() -> None:
    version = stacks(payment=PAYMENT, order=ORDER)
    contracts.check(version[:1], version, {"payment": replace(PAYMENT, consumes={}), "order": replace(ORDER, publishes={})})


def test_services_of_before_contracts_are_deployed_together() -> None:
    version = stacks(payment=PAYMENT, order=ORDER)
    refused = refusal("order", version, payment=Contract(), order=Contract())
    assert "payment does not know it" in refused.message
    assert refused.hint == "Nothing was changed. Deploy with `orderctl deploy payment order`."
    contracts.check(version, version, {"payment": Contract(), "order": Contract()})


def test_misfit_that_reaches_beyond_two_services_is_mended_by_all() -> None:
    asking = {service: Contract(answers={f"{service}.facts": (1,)}) for service in ("payment", "order", "shipping")}
    called = {"payment": "order.facts", "order": "shipping.facts", "shipping": "payment.facts"}
    version = stacks(**{service: replace(asking[service], calls={called[service]: (1,)}) for service in asking})
    assert refusal("payment", version, **dict.fromkeys(asking, Contract())).hint.endswith("`orderctl deploy --all`.")


def test_first_deployment_and_a_fault_of_other_services_are_no_obstacle() -> None:
    version = stacks(payment=PAYMENT, order=ORDER)
    contracts.check(version[:1], version, {})
    shipping = Contract(calls={"inventory.facts": (1,)})
    contracts.check(version, version, {"shipping": shipping, "inventory": Contract()})


def test_deployed_contracts_are_read_from_the_parameters() -> None:
    found = contracts.deployed(
        {
            parameter_name("dev", "payment", "contract"): stack_contract.as_json(PAYMENT),
            parameter_name("dev", "payment", "commands-arn"): "arn",
            parameter_name("dev", "order", "contact-arn"): "arn",
            parameter_name("dev", "platform", "bus-arn"): "arn",
        }
    )
    assert set(found) == {"payment", "order"} <= set(SERVICES)
    assert stack_contract.as_json(found["payment"]) == stack_contract.as_json(PAYMENT)
    assert found["order"] == Contract()


def test_composition_that_does_not_fit_is_not_synthesized() -> None:
    stack_contract.check_fit({"payment": PAYMENT, "order": ORDER})
    with pytest.raises(ContractError, match=r"payment\.capture in version 2, and payment accepts version 1: correct contract"):
        stack_contract.check_fit({"payment": PAYMENT, "order": NEW_ORDER})
