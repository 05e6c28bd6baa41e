"""The permissions of an operator, as the page about callers has them, are those of the calls that the commands make."""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields
from typing import Any, ClassVar

import pytest

from operations.aws.signed_http import Answer
from operations.aws.target import Target
from operations.errors import UserError
from operations.repository import REPOSITORY
from tests.support.documented_commands import section
from tests.support.orderctl_run import run_on
from tests.system.conftest import Laptop

OPERATOR = section(REPOSITORY / "docs" / "how-to" / "permit-callers.md", "An operator")
ARGUMENTS = {
    "history": "{order}",
    "orders cancel": "{order}",
    "orders show": "{order}",
    "replay plan": "--last 1h --to notification",
    "replay start": "--last 1h --to notification --wait --yes",
    "stock show": "MUG-BLUE",
    "trace": "{order}",
}
"""The arguments of a command that needs some."""
NAMES = {"s3:ListObjectsV2": "s3:ListBucket", "s3:ListBuckets": "s3:ListAllMyBuckets", "lambda:Invoke": "lambda:InvokeFunction"}
"""The actions in IAM that have another name than the operation."""
NEEDS_NO_PERMISSION = {"sts:GetCallerIdentity"}


class RecordingTarget(Target):
    """A target that notes the action of each call to AWS."""

    actions: ClassVar[set[str]] = set()

    def client(self, service: str, **config: object) -> Any:
        """Return the client, which notes its calls."""
        client = super().client(service, **config)
        client.meta.events.register("before-call", self._note, unique_id="noted")
        return client

    def call(self, *given: Any, **named: Any) -> Answer:
        """Send the request, and note it."""
        self.actions.add("execute-api:Invoke")
        return super().call(*given, **named)

    @classmethod
    def _note(cls, model: Any, **_: object) -> None:
        action = f"{model.service_model.service_name}:{model.name}"
        cls.actions.add(NAMES.get(action, action))


def rows() -> Iterator[tuple[list[str], set[str]]]:
    """Yield the commands and the actions of each row of the table."""
    for line in OPERATOR.splitlines():
        if line.startswith("| `"):
            commands, actions, _ = line.strip("| ").split(" | ", 2)
            yield re.findall(r"`([^`]+)`", commands), set(re.findall(r"`([^`]+)`", actions))


def of_the_policy() -> set[str]:
    (text,) = re.findall(r"```json\n(.*?)```", OPERATOR, re.DOTALL)
    actions: set[str] = set()
    for statement in json.loads(text)["Statement"]:
        actions |= set([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    return actions


@pytest.fixture(scope="module")
def order(laptop: Laptop) -> str:
    """Return an order with its events in the journal, on a stage that has replayed them."""
    order_id = str(laptop.place().json()["order_id"])
    laptop.settled(order_id)
    laptop.quiet()
    run_on(laptop.target, f"replay start {ARGUMENTS['replay start']}")
    return order_id


@pytest.mark.parametrize(("commands", "actions"), [pytest.param(*row, id=", ".join(row[0])) for row in rows()])
def test_actions_of_a_command_are_those_of_the_page(laptop: Laptop, order: str, commands: list[str], actions: set[str]) -> None:
    target = RecordingTarget(**{field.name: getattr(laptop.target, field.name) for field in fields(Target)})
    RecordingTarget.actions.clear()
    for command in commands:
        with suppress(UserError):  # a parcel that has gone is not cancelled
            run_on(target, f"{command} {ARGUMENTS.get(command, '').format(order=order)}")
    assert RecordingTarget.actions - NEEDS_NO_PERMISSION - of_the_policy() == actions
