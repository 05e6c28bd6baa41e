"""The saga's client: start a run and wait for its end, or start one and not wait."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from kernel import outside_json
from kernel.clients import AwsClient
from kernel.logs import logger
from services.order.workflow.statements import LiveInput, ResumeInput

START_SECONDS = 5.0
"""How long a start waits for the answer of Step Functions."""


@dataclass(frozen=True)
class RunEnd:
    """The end of a run. `decision` is the order's statement of its row after it; None for a run that failed."""

    decision: object = None


class Saga:
    """The workflow at `arn`. `client` makes the client of Step Functions for a read time-out in seconds."""

    def __init__(self, client: Callable[[float], AwsClient], arn: str) -> None:
        self.client = client
        self.arn = arn

    def prepare(self) -> "Saga":
        """Load the API model of Step Functions, which all its clients share, before the first run; return the saga."""
        self.client(START_SECONDS)
        return self

    def run(self, given: LiveInput | ResumeInput, patience: float) -> RunEnd | None:
        """Start the saga and wait `patience` seconds for its end. Return how it ended, or None if it did not.

        The result is on the order's row, also of a run that failed.

        A failed synchronous execution still responds with HTTP 200; its `status` says so
        (https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartSyncExecution.html).
        """
        order_id = given["order_id"]
        client = self.client(patience)
        try:
            execution = client.start_sync_execution(stateMachineArn=self.arn, name=order_id, input=json.dumps(given))
        except (BotoCoreError, ClientError) as error:
            logger.warning("no response of the saga", order_id=order_id, error=type(error).__name__)
            return None
        if execution["status"] != "SUCCEEDED":
            logger.warning("saga not finished", order_id=order_id, status=execution["status"], error=execution.get("error"))
            return RunEnd()
        return RunEnd(outside_json.read_object(execution.get("output", "{}")).get("decision"))

    def start(self, given: ResumeInput, name: str) -> bool:
        """Start the saga under this name, without waiting for its end. Return whether it started."""
        client = self.client(START_SECONDS)
        try:
            client.start_execution(stateMachineArn=self.arn, name=name, input=json.dumps(given))
        except (BotoCoreError, ClientError) as error:
            logger.warning("saga not started", order_id=given["order_id"], error=type(error).__name__)
            return False
        return True
