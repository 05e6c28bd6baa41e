"""Each role has the permissions for its recorded calls and those that AWS demands, and no others: 0 unused, 0 missing."""

from dataclasses import dataclass

import pytest

from operations.permissions import demanded, recorded
from operations.permissions.demanded import OWN_KEY, SHIFTED_TRAFFIC
from operations.permissions.recorded import ADAPTERS, SANDBOX, Call
from tests.infrastructure.granted import Granted
from tests.infrastructure.resolved import Resolved


@dataclass(frozen=True)
class Compared:
    """The permissions that a stage's policies grant, and those that it needs."""

    granted: Granted
    recorded: frozenset[Call]
    demanded: set[Call]


STAGES = {
    "sandboxes": (SANDBOX, "assembly", ()),
    "Stripe and EasyPost": (ADAPTERS, "lasting", ()),
    "shifted traffic, a key of its own": (ADAPTERS, "shifting", (SHIFTED_TRAFFIC, OWN_KEY)),
}
"""Each with its kind, its fixture and its options."""


@pytest.fixture(params=STAGES.values(), ids=STAGES)
def stage(request: pytest.FixtureRequest) -> Compared:
    kind, fixture, options = request.param
    granted = Granted(Resolved(request.getfixturevalue(fixture)))
    calls, needed = recorded.load()[kind], demanded.calls(kind, granted.functions(), options)
    if OWN_KEY in options:
        needed |= demanded.of_the_key(calls | needed)
    return Compared(granted, calls, needed)


def as_lines(calls: set[Call]) -> list[str]:
    return sorted(f"{call.by}: {call.action} on {call.on} {call.only}".strip() for call in calls)


def test_policies_allow_the_recorded_calls_and_what_aws_demands_and_nothing_else(stage: Compared) -> None:
    granted, needed = stage.granted.calls(), stage.recorded | stage.demanded
    assert as_lines(granted - needed) == [], "unused: no function makes these calls"
    assert as_lines(needed - granted) == [], "missing: a function makes these calls"


def test_no_demand_is_for_a_call_that_is_recorded(stage: Compared) -> None:
    assert as_lines(stage.recorded & stage.demanded) == []


def test_only_demanded_permissions_have_wildcards(stage: Compared) -> None:
    """The condition on a row's key is a prefix, and no wildcard of a resource."""
    wild = {call.action for call in stage.granted.wildcards()}
    assert wild == {call.action for call in stage.demanded if "*" in call.on + call.only} | {"dynamodb:ListStreams"}


def test_every_function_is_recorded_or_makes_no_call(stage: Compared) -> None:
    silent = stage.granted.functions() - {call.by for call in stage.recorded}
    assert silent == {"journal/function"}, "its results go back to the delivery stream"
