"""Look into dead-letter queues: what each message is about, and why it is there. Nothing is taken out."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Final, NotRequired, TypedDict

from jsonschema import Draft7Validator

from kernel import clock, outside_json, schemas
from kernel.clients import AwsClient
from kernel.inbox import ATTEMPTS
from kernel.outside_json import OutsideJsonError
from operations.aws import stage_state
from operations.aws.service_client import in_parts
from operations.aws.target import Target
from operations.errors import UserError

ENDING: Final = "-dlq-url"
MAX_MESSAGES: Final = 10
"""The most messages of one ReceiveMessage and of one ChangeMessageVisibilityBatch."""
WAIT_SECONDS = 1
"""Not 0: with a wait, SQS queries all servers of the queue (long polling)."""
LOOK_SECONDS: Final = 30
"""How long messages stay hidden if the command dies before it returns them."""


class MessageAttribute(TypedDict, total=False):
    """A text attribute of a message; Orderflow writes no other type."""

    StringValue: str


class Message(TypedDict):
    """A message as SQS returns it; `SentTimestamp` of its `Attributes` is in milliseconds of the epoch."""

    MessageId: str
    ReceiptHandle: str
    Body: str
    Attributes: dict[str, str]
    MessageAttributes: NotRequired[dict[str, MessageAttribute]]


class DeadLetter(TypedDict):
    """A dead letter for the operator. `event` and `order_id` are None if the body names none.

    `violations` are those of today's schema, `received` and `redriven` are counts, and `first_seen` is in RFC 3339 (UTC).
    """

    id: str
    event: object
    order_id: object
    reason: str
    rule: str | None
    first_seen: str
    received: int
    redriven: int
    violations: list[str]
    body: object


def queues(target: Target) -> dict[str, int]:
    """Return the number of messages of each dead-letter queue of the stage, by name: `order/intake`."""
    return {name.removesuffix(ENDING): depth for name, depth in stage_state.depths(target, ENDING).items()}


def content_of(name: str) -> str:
    """Return what lands in the queue of that name."""
    service, _, source = name.partition("/")
    if name == "platform/quarantine":
        return "messages that were redriven too often"
    if source == "relay":
        return f"{service} rows whose events the relay could not publish; the sweeper publishes them"
    if source == "start":
        return f"events that did not start the saga; the {service} sweeper starts it"
    if service == "journal":
        return "events that the journal lacks: docs/how-to/runbooks/journal-incomplete.md"
    if source == "feedback":
        return "bounces and complaints that were not recorded: suppress their addresses with `orderctl mails suppress`"
    return f"events that {service} rejected, or failed to process"


def messages(target: Target, name: str, limit: int) -> list[DeadLetter]:
    """Return at most `limit` messages of a queue. Raises UserError for an unknown queue."""
    urls = {found.removesuffix(ENDING): url for found, url in stage_state.parameters(target, ENDING).items()}
    if name not in urls:
        raise UserError(f"There is no dead-letter queue {name}.", f"Choose one of: {', '.join(sorted(urls)) or 'none'}.")
    return [describe(message) for message in peek(target.client("sqs"), urls[name], limit)]


def peek(client: AwsClient, url: str, limit: int) -> list[Message]:
    """Return at most `limit` messages of a queue. Each is visible to others again before this returns."""
    seen: dict[str, Message] = {}
    try:
        while len(seen) < limit:
            answer = client.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=min(MAX_MESSAGES, limit - len(seen)),
                VisibilityTimeout=LOOK_SECONDS,
                WaitTimeSeconds=WAIT_SECONDS,
                MessageAttributeNames=["All"],
                AttributeNames=["All"],
            )
            found = answer.get("Messages", [])
            if not found:
                break
            seen |= {message["ReceiptHandle"]: message for message in found}
    finally:
        for part in in_parts(seen, MAX_MESSAGES):
            entries = [{"Id": str(n), "ReceiptHandle": handle, "VisibilityTimeout": 0} for n, handle in enumerate(part)]
            client.change_message_visibility_batch(QueueUrl=url, Entries=entries)
    return list({message["MessageId"]: message for message in seen.values()}.values())


def describe(message: Message) -> DeadLetter:
    """Describe a message by its body, its attributes and today's schema. The body may be anything."""
    body: object
    try:
        body = outside_json.read(message["Body"])
    except OutsideJsonError:
        body = message["Body"]
    attributes = {name: value.get("StringValue") for name, value in message.get("MessageAttributes", {}).items()}
    return {
        "id": message["MessageId"],
        "event": _at(body, "detail-type"),
        "order_id": _at(body, "detail", "metadata", "order_id"),
        "reason": _reason(attributes, body),
        "rule": attributes.get("RULE_ARN"),
        "first_seen": clock.rfc3339(datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, UTC)),
        "received": int(message["Attributes"].get("ApproximateReceiveCount", "0")),
        "redriven": redrives_of(attributes),
        "violations": violations(body),
        "body": body,
    }


def redrives_of(attributes: Mapping[str, str | None]) -> int:
    """Return how often a message was redriven, by its attributes. A count that is no number is none."""
    text = attributes.get(ATTEMPTS) or ""
    return int(text) if re.fullmatch("[0-9]{1,6}", text) else 0


def violations(body: object) -> list[str]:
    """Return the violations of today's schema by an event: `data.lines[0].sku: 'x y' does not match ...`."""
    source, detail_type = _at(body, "source"), _at(body, "detail-type")
    version = _at(body, "detail", "metadata", "event_version")
    for known, schema in schemas.read_schemas().items():
        pattern, *named = known
        if named == [detail_type, version] and fnmatchcase(str(source), pattern):
            found = sorted(Draft7Validator(schema).iter_errors(_at(body, "detail")), key=lambda error: error.json_path)
            return [f"{error.json_path.removeprefix('$.')}: {error.message}" for error in found]
    return [] if detail_type is None else [f"this orderctl has no schema of {detail_type} from {source}, version {version}"]


def _reason(attributes: Mapping[str, object], body: object) -> str:
    if "reason" in attributes:  # the subscriber set it aside
        return str(attributes["reason"])
    if "ERROR_CODE" in attributes:  # the rule could not hand it over
        return f"{attributes['ERROR_CODE']}: {attributes.get('ERROR_MESSAGE', 'the rule could not deliver it')}"
    condition = _at(body, "requestContext", "condition")
    if condition is not None:  # Lambda gave a part of a stream up
        function = str(_at(body, "requestContext", "functionArn") or "").split(":function:")[-1]
        return f"{condition}: the event is still in its row after {function} failed; the sweeper publishes it"
    return "the function failed at every attempt; see its log"


def _at(value: object, *path: str) -> object:
    """Return the value at the end of the path, or None if there is none: dead letters may hold anything."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value
