"""The time budget of a synchronous order, asserted at synth.

The run: attempts x time-outs + back-off <= the workflow's time-out <= the sweeper's lease. The API: its own cold start, its
calls before the run, every step once, its read afterwards <= its time-out <= API Gateway's. Where a step is retried the API may
answer 202 before the run ends; the run goes on.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from kernel import timeouts

State = Mapping[str, Any]

GATEWAY_SECONDS: Final = 30.0
"""API Gateway gives up an integration of an HTTP API then (https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html)."""
LEASE_SECONDS: Final = 45
"""How long a sweeper's lease keeps others off an order: above the workflow's time-out."""
COLD_START_SECONDS: Final = 2.0
"""The API's own start: its package loaded, its modules imported, its clients made."""
CALLS_BEFORE: Final = 2
"""The API's calls of DynamoDB before the run: the prices, and the order's row."""
ANSWER_SECONDS: Final = 0.5
"""The time that the API needs to write its answer, once it has read the row."""
REST_SECONDS: Final = timeouts.CONNECT_SECONDS + timeouts.DYNAMODB.seconds + ANSWER_SECONDS
"""The time that the API reserves beside the run: to reach Step Functions, to read the row, to answer."""
LIVE_ENTRY: Final = "AuthorizePayment"
"""The first state of a run for a caller that waits."""
RARE = frozenset({"RefuseCapture"})
"""Left out of the run's budget: a capture refused after the decision, on top of every retry spent, may outlive the workflow.

The run is then cut, the customer gets 202, and the sweeper resumes from the row, as after any other cut.
"""


def seconds_of(state: State, retried: bool = True) -> float:
    """Return the longest duration of a state: each attempt's time-out, and the longest back-off before each retry."""
    if state["Type"] == "Parallel":
        return max(longest_path(branch, branch["StartAt"], retried=retried)[0] for branch in state["Branches"])
    if state["Type"] != "Task":
        return 0
    longest = float(state["TimeoutSeconds"])
    for retrier in state.get("Retry", ()) if retried else ():
        for attempt in range(retrier["MaxAttempts"]):
            delay = retrier["IntervalSeconds"] * retrier.get("BackoffRate", 2.0) ** attempt
            longest += min(delay, retrier.get("MaxDelaySeconds", delay)) + state["TimeoutSeconds"]
    return longest


def next_of(state: State) -> Iterator[str]:
    """Return every state that may follow."""
    if "Next" in state:
        yield state["Next"]
    for choice in state.get("Choices", ()):
        yield choice["Next"]
    if "Default" in state:
        yield state["Default"]
    for catcher in state.get("Catch", ()):
        yield catcher["Next"]


def longest_path(
    machine: Mapping[str, Any], entry: str, without: frozenset[str] = frozenset(), retried: bool = True
) -> tuple[float, tuple[str, ...]]:
    """Return the longest path from `entry` to an end, in seconds and as states. The definition has no loop."""
    states = machine["States"]

    @cache
    def from_here(name: str) -> tuple[float, tuple[str, ...]]:
        ways = [from_here(following) for following in next_of(states[name]) if following not in without]
        seconds, path = max(ways, default=(0.0, ()))
        return seconds_of(states[name], retried) + seconds, (name, *path)

    return from_here(entry)


def patience_of_caller(left_seconds: float, workflow_seconds: int) -> int:
    """Return how many seconds the API waits for the run, if it is cut itself in `left_seconds`."""
    return min(workflow_seconds + 1, int(left_seconds - REST_SECONDS))


def assert_within(
    machine: Mapping[str, Any], lease_seconds: float, api_seconds: float, call: timeouts.Patience = timeouts.DYNAMODB
) -> float:
    """Return the run's longest path in seconds. `call` is one of the API's calls of DynamoDB before the run.

    Raises OverBudgetError naming the rung that is too short.
    """
    seconds, path = longest_path(machine, machine["StartAt"], RARE)
    timeouts.assert_ascending(
        (f"the path {' → '.join(path)}", seconds),
        ("the workflow's TimeoutSeconds", float(machine["TimeoutSeconds"])),
        ("the sweeper's lease on an order", lease_seconds),
    )
    once, steps = longest_path(machine, LIVE_ENTRY, RARE, retried=False)
    first_calls = COLD_START_SECONDS + CALLS_BEFORE * call.once
    timeouts.assert_ascending(
        (f"the API's cold start and calls, {' → '.join(steps)} each once, and the read", first_calls + once + REST_SECONDS),
        ("the API's time-out", api_seconds),
        ("API Gateway's time-out", GATEWAY_SECONDS),
    )
    own = COLD_START_SECONDS + CALLS_BEFORE * call.seconds + REST_SECONDS
    timeouts.assert_ascending(
        ("the API's own work, every attempt spent, without a run", own), ("the API's time-out", api_seconds)
    )
    return seconds
