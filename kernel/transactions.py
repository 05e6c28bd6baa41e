"""Transactions: several conditional writes that happen all or not at all."""

import random
import time
from collections.abc import Callable, Mapping
from typing import Final, Required, TypedDict

from botocore.exceptions import ClientError

from kernel.aggregate_store import AttributeValue, ContentionError, Row, Write, unmarshal
from kernel.clients import AwsClient


class Action(TypedDict, total=False):
    """An action of TransactWriteItems: exactly one of these kinds."""

    Update: Write
    Put: Write
    Delete: Write
    ConditionCheck: Write


class CancellationReason(TypedDict, total=False):
    """The reason why an action cancelled its transaction, or `None`. `Item` is the item that its condition refused."""

    Code: Required[str]
    Item: Mapping[str, AttributeValue]


TRIES: Final = 8
FIRST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 0.3
"""In seconds, with full jitter and twice as long each time: 1.55 s of pauses at most, 0.8 s on average."""

REFUSED: Final = "ConditionalCheckFailed"
CONFLICT: Final = "TransactionConflict"
WORTH_RETRYING: Final = frozenset({CONFLICT, "ThrottlingError", "ProvisionedThroughputExceeded"})
ERRORS_OF_AN_UPDATE: Final = {"ConditionalCheckFailedException": REFUSED, "TransactionConflictException": CONFLICT}
"""The errors of an UpdateItem that a transaction has as reasons."""

_chance = random.Random()  # nosec B311 - it spreads retries


def transact(
    client: AwsClient,
    actions: list[Action],
    *,
    chance: random.Random = _chance,
    pause: Callable[[float], None] = time.sleep,
) -> dict[int, Row | None]:
    """Write all of `actions`, or nothing. Return the actions that failed their conditions: none if everything is written.

    They are keyed by position in `actions`; the value is the present row if the action asks for ALL_OLD, else None. Only a
    conflict with another transaction, or throttling, is retried. Raises ContentionError when the retries are spent.
    A lone Update is an UpdateItem: DynamoDB bills a transaction's write twice.

    No ClientRequestToken is given. The conditions make a repeat harmless for ever. A token does so only for ten minutes, and
    only for the same bytes (`updated_at` differs). botocore gives each call a random one, for its own retries.
    """
    for attempt in range(TRIES):
        try:
            _write(client, actions)
        except ClientError as error:
            reasons = _reasons(error)
            codes = {reason["Code"] for reason in reasons} - {"None"}
            if not codes or not codes <= WORTH_RETRYING | {REFUSED}:
                raise
            if REFUSED in codes:  # a fact, whatever else was in the way
                return {position: _row(reason) for position, reason in enumerate(reasons) if reason["Code"] == REFUSED}
            if attempt + 1 < TRIES:
                pause(chance.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt)))
        else:
            return {}
    raise ContentionError(f"a transaction of {len(actions)} actions met others {TRIES} times")


def _write(client: AwsClient, actions: list[Action]) -> None:
    match actions:
        case [{"Update": update}]:
            client.update_item(**update)
        case _:
            client.transact_write_items(TransactItems=actions)


def _reasons(error: ClientError) -> list[CancellationReason]:
    """Return the reasons of a failed write, one for each action; none for an error that is no action's."""
    code = ERRORS_OF_AN_UPDATE.get(error.response["Error"]["Code"])
    if code:
        return [{"Code": code, "Item": error.response.get("Item", {})}]
    found: list[CancellationReason] = error.response.get("CancellationReasons", [])
    return found


def _row(reason: CancellationReason) -> Row | None:
    item = reason.get("Item")
    return unmarshal(item) if item else None
