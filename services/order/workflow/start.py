"""Starting the saga: once and waiting for its answer, or once and not waiting."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from services.kernel import outside_json
from services.kernel.rows import Row
from services.order import decisions, identity

logger = Logger(child=True)
LIVE, RESUME, ABORT = "live", "resume", "abort"


@dataclass(frozen=True)
class Answer:
    """What the saga durably reached. `status` is None when it cannot be known: the sweeper finishes what was begun."""

    status: str | None
    reason: str | None = None


UNKNOWN = Answer(None)


def live_input(row: Row) -> dict[str, Any]:
    """The workflow's input for an order just placed: no name, no address, nothing but what the saga needs.

    A repeat of the request may find the order decided: the saga asks for the same again, and is told what became of it.
    """
    asked = decisions.as_ordered(row)
    return {
        "mode": LIVE,
        "order_id": row["order_id"],
        "correlation_id": row["correlation_id"],
        "causation_id": identity.placed_event_id(row["order_id"]),
        "total": asked["total"],
        "payment_token": row["payment_token"],
        "if_short": row.get("if_short", decisions.REJECT),
        "lines": [{"sku": line["sku"], "quantity": line["quantity"]} for line in asked["lines"]],
    }


def recovery_input(order_id: str, mode: str) -> dict[str, Any]:
    """The workflow's input for an order that it reads itself: `resume`, or `abort` if no decision was taken yet."""
    return {"mode": mode, "order_id": order_id}


def run(client: Any, workflow_arn: str, workflow_input: Mapping[str, Any]) -> Answer:
    """Start the saga and wait for its answer. Every fault, refusal and time-out is UNKNOWN, never a no.

    A failed synchronous execution still answers HTTP 200; its `status` tells
    (https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartSyncExecution.html).
    """
    try:
        execution = client.start_sync_execution(
            stateMachineArn=workflow_arn, name=workflow_input["order_id"], input=json.dumps(workflow_input)
        )
    except (BotoCoreError, ClientError) as error:
        logger.warning("saga not answered", order_id=workflow_input["order_id"], error=type(error).__name__)
        return UNKNOWN
    if execution["status"] != "SUCCEEDED":
        logger.warning(
            "saga not finished", order_id=workflow_input["order_id"], status=execution["status"], error=execution.get("error")
        )
        return UNKNOWN
    output = outside_json.read_object(execution["output"])
    return Answer(output["status"], output.get("reason"))
