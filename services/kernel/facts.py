"""The query between services: what the row of an order durably says, in the service that owns it.

An event is a hint. Before a consumer moves money, goods or an order on it, the consumer reads the owner's row (ADR 27).
"""

import json
import os
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from services.kernel import clients, outside_json
from services.kernel.events import DomainEvent
from services.kernel.names import FACTS_ARN, parameter_name
from services.kernel.rows import Row
from services.kernel.schemas import InvalidEvent

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.parameters.ssm import SSMProvider

Facts = Mapping[str, Any]
"""What a service states of its row: `status`, and what else belongs to it."""
KEPT_SECONDS: Final = 300
"""How long a function uses an ARN before it reads the parameter again."""


class FactsUnavailableError(Exception):
    """The owner did not answer. The row's state is unknown, and the same question may be repeated."""


def answer(row: Row | None, *names: str) -> dict[str, Any]:
    """Return a `facts` function's answer: FOUND with `status` and those of `names` that the row has, or NOT_FOUND."""
    if row is None:
        return {"outcome": "NOT_FOUND"}
    return {"outcome": "FOUND", **{name: row[name] for name in ("order_id", "status", *names) if name in row}}


def facts_of(service: str, order_id: str, **about: str) -> Facts | None:
    """Return what `service` durably states of the order, or None if it has no row. `about` tells which of several rows.

    Raises FactsUnavailableError, GetParameterError, and botocore's errors of Lambda.
    """
    found = ask(function_of(service), order_id, **about)
    match found.get("outcome"):
        case "FOUND":
            return found
        case "NOT_FOUND":
            return None
        case outcome:
            raise FactsUnavailableError(f"{service} answered {outcome!r} about {order_id}")


def ask(function_arn: str, order_id: str, **about: str) -> dict[str, Any]:
    """Invoke a query function on an order and return its answer. Raises FactsUnavailableError, and botocore's errors."""
    answered = clients.functions().invoke(
        FunctionName=function_arn,
        InvocationType="RequestResponse",
        Payload=json.dumps({"order_id": order_id, **about}).encode(),
    )
    found: dict[str, Any] = outside_json.read_object(answered["Payload"].read())
    if "FunctionError" in answered:
        failure = found.get("errorType", answered["FunctionError"])  # never its message, which may hold personal data
        raise FactsUnavailableError(f"the query about {order_id} failed: {failure}")
    return found


def function_of(service: str) -> str:
    """Return the ARN of the service's `facts` function, from its SSM parameter. Raises GetParameterError.

    The ARN is read at run time because some services are deployed before those whose facts they read.
    """
    arn = _parameters().get(parameter_name(os.environ["STAGE"], service, FACTS_ARN), max_age=KEPT_SECONDS)
    assert isinstance(arn, str)
    return arn


def contradicted(event: DomainEvent, owner: str, facts: Facts | None) -> InvalidEvent:
    """Return the refusal of an event that its owner's row does not bear out."""
    status = f"{facts['status']} there" if facts else "unknown there"
    reason = f"the {owner} service does not confirm it: the order is {status}; nothing was changed"
    return InvalidEvent(f"{event.detail_type} from {event.source}", "metadata.order_id", reason)


@cache
def _parameters() -> "SSMProvider":
    """Imported at the first question: most invocations have none, and the import takes a tenth of a second."""
    from aws_lambda_powertools.utilities.parameters.ssm import SSMProvider

    return SSMProvider(boto3_client=clients.parameters())
