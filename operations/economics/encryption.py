"""The cost of a stage's own key: the key, and the calls of KMS by which AWS's services use it."""

from collections.abc import Iterable, Mapping
from typing import Final

from operations.economics.bill import MILLION
from operations.economics.idle import MONTH_SECONDS
from operations.economics.prices import Prices
from operations.permissions import demanded, recorded
from operations.permissions.recorded import SANDBOX, Call

REUSED_SECONDS: Final = 300
"""DynamoDB and SQS keep the data key of a caller for five minutes
(https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html)."""
PARTS_OF_A_TABLE: Final = ("index ", "stream ")
QUEUE: Final = "queue "


def key_cost(prices: Prices, calls: Iterable[Call] | None = None) -> Mapping[str, float]:
    """Return the US dollars of a month by what costs them. `calls` are those of the stage, by default the recorded ones.

    The calls of KMS are at most so many: each function uses each of its tables and queues all the time. Secrets are read at
    cold starts only. Whether EventBridge reuses a key is not public, so the archive's calls are one for each event.
    """
    per_call = prices.per_million["kms.request"].usd / MILLION
    uses = data_keys(_of_a_stage() if calls is None else calls)
    return {
        "the key": prices.per_month["key"].usd,
        "calls for tables and queues, at most": uses * MONTH_SECONDS / REUSED_SECONDS * per_call,
        "calls for a million archived events, at most": MILLION * per_call,
    }


def data_keys(calls: Iterable[Call]) -> int:
    """Return the number of data keys in use: one for each caller of a table or queue, and one for EventBridge at each queue."""
    used = {(call.by, _whole(call.on)) for call in calls if demanded.of_the_key([call])}
    used = {(by, on) for by, on in used if not on.startswith("secret ")}
    return len(used) + len({on for _, on in used if on.startswith(QUEUE)})


def _of_a_stage() -> set[Call]:
    own = recorded.load()[SANDBOX]
    return {*own} | demanded.calls(SANDBOX, {call.by for call in own if "/" in call.by})


def _whole(resource: str) -> str:
    """Return `table order` for `index order/due`."""
    for part in PARTS_OF_A_TABLE:
        if resource.startswith(part):
            return "table " + resource.removeprefix(part).partition("/")[0]
    return resource
