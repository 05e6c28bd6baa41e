"""The saga's time budget: attempts x time-outs + back-off <= workflow <= caller <= API. Asserted at synth."""

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from typing import Any

State = Mapping[str, Any]

LIVE_ENTRY = "AuthorizePayment"
RARE = frozenset({"RefuseCapture"})
"""Left out of the live budget: a capture refused after the decision, on top of every retry spent, may outlive the workflow.

The run is then cut, the caller hears 202, and the sweeper resumes from the row, as after any other cut.
"""


class OverBudget(ValueError):
    """A path of the workflow can take longer than what waits for it."""


def seconds_of(state: State) -> float:
    """The longest a state can take: each attempt's time-out, and the longest back-off before each retry."""
    if state["Type"] == "Parallel":
        return max(longest_path(branch, branch["StartAt"])[0] for branch in state["Branches"])
    if state["Type"] != "Task":
        return 0
    longest = float(state["TimeoutSeconds"])
    for retrier in state.get("Retry", ()):
        for attempt in range(retrier["MaxAttempts"]):
            delay = retrier["IntervalSeconds"] * retrier.get("BackoffRate", 2.0) ** attempt
            longest += min(delay, retrier.get("MaxDelaySeconds", delay)) + state["TimeoutSeconds"]
    return longest


def next_of(state: State) -> Iterator[str]:
    """Every state that may follow."""
    if "Next" in state:
        yield state["Next"]
    for choice in state.get("Choices", ()):
        yield choice["Next"]
    if "Default" in state:
        yield state["Default"]
    for catcher in state.get("Catch", ()):
        yield catcher["Next"]


def longest_path(
    machine: Mapping[str, Any], entry: str, without: frozenset[str] = frozenset()
) -> tuple[float, tuple[str, ...]]:
    """The longest way from `entry` to an end, in seconds and as states. The definition has no loop."""
    states = machine["States"]

    @cache
    def from_here(name: str) -> tuple[float, tuple[str, ...]]:
        ways = [from_here(following) for following in next_of(states[name]) if following not in without]
        seconds, path = max(ways, default=(0.0, ()))
        return seconds_of(states[name]) + seconds, (name, *path)

    return from_here(entry)


def assert_within(machine: Mapping[str, Any], caller_seconds: float, api_seconds: float) -> float:
    """The live run's longest path in seconds. Raises OverBudget naming the rung that is too short."""
    seconds, path = longest_path(machine, LIVE_ENTRY, RARE)
    ladder = [
        (f"the path {' → '.join(path)}", seconds),
        ("the workflow's TimeoutSeconds", float(machine["TimeoutSeconds"])),
        ("the caller's read time-out", caller_seconds),
        ("the API's time-out", api_seconds),
    ]
    for (what, lower), (above, upper) in pairwise(ladder):
        if lower > upper:
            raise OverBudget(f"{what} takes up to {lower:g} s, but {above} is {upper:g} s")
    return seconds
