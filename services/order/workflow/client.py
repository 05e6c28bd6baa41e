"""Starting the saga: once and waiting for its answer, or once and not waiting."""

import json
from collections.abc import Mapping

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from kernel.clients import AwsClient

logger = Logger(child=True)
LIVE, RESUME = "live", "resume"


def recovery_input(order_id: str, tried_at: str | None = None) -> dict[str, object]:
    """Return the workflow's input for an order that it loads itself. `tried_at` names the try, as its row has it."""
    return {"mode": RESUME, "order_id": order_id, **({"tried_at": tried_at} if tried_at else {})}


def run(client: AwsClient, workflow_arn: str, workflow_input: Mapping[str, object]) -> bool:
    """Start the saga and wait for its end. Return whether it ended: what it reached is on the order's row alone.

    A failed synchronous execution still answers HTTP 200; its `status` shows the failure
    (https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartSyncExecution.html).
    """
    order_id = workflow_input["order_id"]
    try:
        execution = client.start_sync_execution(stateMachineArn=workflow_arn, name=order_id, input=json.dumps(workflow_input))
    except (BotoCoreError, ClientError) as error:
        logger.warning("saga not answered", order_id=order_id, error=type(error).__name__)
        return False
    if execution["status"] != "SUCCEEDED":
        logger.warning("saga not finished", order_id=order_id, status=execution["status"], error=execution.get("error"))
    return True
