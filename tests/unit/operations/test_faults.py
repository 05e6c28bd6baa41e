"""Faults: orders that meet one, switches of the emulator, and what a stage on AWS answers."""

from typing import Any

import pytest

from laptop.emulator.faults import EFFECTS, PATH, applies
from operations import faults
from operations.aws.target import Kind
from operations.errors import UserError
from operations.faults import FAULTS, Switch, Trial
from services.payment.gateways import sandbox
from tests.support.console_stage import ConsoleStage

SWITCHES = {name: fault for name, fault in FAULTS.items() if isinstance(fault, Switch)}
TRIALS = {name: fault for name, fault in FAULTS.items() if isinstance(fault, Trial)}
PAYMENT = "OrderflowDev-Payment-CommandsFunction1"
BOOKING = "OrderflowDev-Shipping-BookingFunction1"
SHIPPING_SWEEPER = "OrderflowDev-Shipping-SweeperFunction1"


def active(stage: ConsoleStage) -> list[str]:
    return [fault["name"] for fault in faults.listed(stage) if fault["on"]]


def engines(name: str) -> dict[str, Any]:
    """Return a switch as the emulator gets it."""
    stage = ConsoleStage()
    faults.start(stage, name, "key-1")
    [found] = stage.faults
    return found


@pytest.mark.parametrize("name", [name for name, trial in TRIALS.items() if not trial.is_event])
def test_trial_places_one_order_and_switches_nothing(name: str) -> None:
    stage = ConsoleStage()
    assert faults.start(stage, name, "key-1") == {"order_id": "ord-placed"}
    [body] = stage.placed
    assert (body["payment_token"], body["lines"]) == (TRIALS[name].token, [{"sku": TRIALS[name].sku, "quantity": 1}])
    assert stage.faults == []


def test_tokens_of_the_trials_are_those_of_the_sandbox() -> None:
    known = {*sandbox.ACCEPTED, *sandbox.DECLINED, sandbox.UNAVAILABLE}
    assert {trial.token for trial in TRIALS.values()} <= known


def test_poison_event_is_published_and_is_no_order() -> None:
    stage = ConsoleStage()
    assert faults.start(stage, "poison-event", "key-1") == {"order_id": None}
    put = stage.bus.published[-1]
    assert (put.event["source"], put.event["detail"]["data"]) == ("orderflow.channel.shop", {})


@pytest.mark.parametrize("name", SWITCHES)
def test_switch_goes_on_with_an_order_that_meets_it_and_off_again(name: str) -> None:
    stage = ConsoleStage()
    assert faults.start(stage, name, "key-1") == {"order_id": "ord-placed"}
    assert active(stage) == [name]
    faults.start(stage, name, "key-2")
    assert active(stage) == [name]
    assert faults.stop(stage, [name]) == [name]
    assert active(stage) == faults.stop(stage, []) == []


def test_all_switches_go_off_together() -> None:
    stage = ConsoleStage()
    faults.start(stage, "slow-gateway", "key-1")
    faults.start(stage, "lost-answers", "key-2")
    assert sorted(faults.stop(stage, [])) == ["lost-answers", "slow-gateway"]
    assert active(stage) == []


@pytest.mark.parametrize(("act"), [lambda stage: faults.start(stage, "none", "k"), lambda stage: faults.stop(stage, ["none"])])
def test_unknown_fault_is_an_error_with_a_next_step(act: Any) -> None:
    with pytest.raises(UserError, match="There is no fault none") as caught:
        act(ConsoleStage())
    assert caught.value.hint == "List the faults with `orderctl faults list`."


def test_stage_on_aws_has_no_faults() -> None:
    for act in (faults.listed, lambda stage: faults.start(stage, "declined-card", "k"), lambda stage: faults.stop(stage, [])):
        stage = ConsoleStage(kind=Kind.AWS)
        with pytest.raises(UserError, match="for the laptop's AWS only"):
            act(stage)
        assert (stage.placed, stage.faults) == ([], [])


def test_switch_and_emulator_agree_on_their_form() -> None:
    assert faults.PATH == PATH
    assert {switch.effect for switch in SWITCHES.values()} <= EFFECTS
    for name in SWITCHES:
        assert set(engines(name)) == {"name", "effect", "functions", "commands", "source", "seconds", "times"}


@pytest.mark.parametrize(
    ("name", "function", "event", "expected"),
    [
        ("slow-gateway", PAYMENT, {"command": "authorize"}, True),
        ("slow-gateway", BOOKING, {"Records": [{"eventSource": "aws:sqs"}]}, False),
        ("crash-after-capture", PAYMENT, {"command": "capture"}, True),
        ("crash-after-capture", PAYMENT, {"command": "authorize"}, False),
        ("failing-carrier", BOOKING, {"Records": [{"eventSource": "aws:sqs"}]}, True),
        ("failing-carrier", SHIPPING_SWEEPER, {"source": "aws.events"}, True),
        ("double-deliveries", BOOKING, {"Records": [{"eventSource": "aws:sqs"}]}, True),
        ("double-deliveries", BOOKING, {"Records": [{"eventSource": "aws:dynamodb"}]}, False),
        ("double-deliveries", PAYMENT, {"command": "capture"}, False),
        ("double-deliveries", PAYMENT, {"Records": []}, False),
        ("lost-answers", PAYMENT, "text", True),
    ],
)
def test_switch_applies_to_the_functions_and_commands_that_it_names(
    name: str, function: str, event: object, expected: bool
) -> None:
    assert applies(engines(name), function, event) is expected
