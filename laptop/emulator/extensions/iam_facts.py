"""Gap: with its IAM on, the engine lacks facts of a request that the policies of Orderflow name.

Without them a condition on rows or on events holds for every request, a permission to send mails from one identity for none,
and the bus has no policy. `aws:PrincipalArn` is the ARN of a role; the engine has that of its session instead.

A function reaches the laptop's AWS by plain HTTP on the loopback interface, which counts as TLS here: the policies of queues,
topics and buckets refuse everything else. The root key is the laptop's operator. A queue admits operators by a tag.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Final, Protocol

from laptop.emulator.extensions.engine_functions import Document, EngineChangedError, EngineFunction, resource_type, wrap

Facts = dict[str, list[str] | str]
"""Condition keys of a request, with their values."""

_TABLE_AND_KEY_SAYS: Final = re.compile(r"\s*(?P<name>[#\w]+)\s*=\s*(?P<value>:\w+)")
_MEMBERS: Final = {"ConditionCheck": "ConditionCheckItem", "Delete": "DeleteItem", "Get": "GetItem", "Put": "PutItem"}
"""The action of each member of a transaction's item; `Update` is the remaining one."""
_body: Final[ContextVar[bytes]] = ContextVar("the body of the request", default=b"")


class _Evaluation(Protocol):
    """The part of the engine's evaluation that names the caller."""

    principal_type: str
    principal_account: str


def register() -> None:
    """Add the facts to each evaluation, and evaluate the policy of a bus."""
    from ministack import app
    from ministack.core import iam_evaluator
    from ministack.services import eventbridge, sqs

    if "sqs" not in iam_evaluator._RESOURCE_POLICY_LOOKUPS:
        raise EngineChangedError("the evaluator finds the policies of resources in another way")
    wrap(app, "pin_request_origin", _as_if_by_tls)
    wrap(app, "pin_signed_body", _keeping_body)
    wrap(iam_evaluator, "_resolve_condition_key", _with_roles)
    wrap(iam_evaluator, "enforce", _with_facts)
    # The engine checks a queue's policy twice. This check also limits the root key, and lacks the caller's tags.
    wrap(sqs, "_enforce_queue_policy", lambda _: lambda queue, action: None)
    eventbridge.bus_policy_for_arn = _bus_policy
    iam_evaluator._RESOURCE_POLICY_LOOKUPS["events"] = ("eventbridge", "bus_policy_for_arn")
    resource_type("AWS::Events::EventBusPolicy", create=_state, update=_restate, delete=_withdraw)


def _as_if_by_tls(original: EngineFunction) -> EngineFunction:
    def pin(source_ip: str, secure_transport: bool) -> object:
        return original(source_ip, True)

    return pin


def _keeping_body(original: EngineFunction) -> EngineFunction:
    def pin(body: bytes) -> object:
        _body.set(body)
        return original(body)

    return pin


def _with_roles(original: EngineFunction) -> EngineFunction:
    from ministack.services import iam

    def resolve(key: str, context: _Evaluation) -> object:
        value = original(key, context)
        if key.lower() != "aws:principalarn" or context.principal_type != "AssumedRole":
            return value
        role = iam._roles.get_scoped(context.principal_account, None, value.split("/")[1])
        return role["Arn"] if role else value

    return resolve


def _with_facts(original: EngineFunction) -> EngineFunction:
    def enforce(
        key: str, action: str, service: str, region: str, resource_arn: str = "*", service_context: Document | None = None
    ) -> object:
        content = _content() if service in FACTS else {}
        facts = FACTS[service](action, resource_arn, content) if service in FACTS else {}
        needed = [resource_arn] if action != "ses:SendEmail" else mail_resources(region, content)
        decisions = (original(key, action, service, region, arn, {**(service_context or {}), **facts}) for arn in needed)
        return next(filter(None, decisions), None)  # an allowed call has no decision

    return enforce


def _content() -> Document:
    try:
        content = json.loads(_body.get() or b"{}")
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def rows(action: str, resource_arn: str, request: Document) -> Facts:
    """Return the partition keys of the rows of one table that a request to DynamoDB names, for one action."""
    keys = list(_keys(action.partition(":")[2], resource_arn, request))
    return {"dynamodb:LeadingKeys": keys} if keys else {}


def _keys(action: str, resource_arn: str, request: Document) -> Iterator[str]:
    if "/index/" in resource_arn:
        return  # an index has keys of its own
    table = resource_arn.rpartition("/")[2]
    for item in request.get("TransactItems", ()):
        for member, content in item.items():
            if _MEMBERS.get(member, "UpdateItem") == action and _is(content, table):
                yield from _key(table, content.get("Key") or content.get("Item") or {})
    for name, content in request.get("RequestItems", {}).items():
        if _is({"TableName": name}, table):
            for row in content.get("Keys", ()) if isinstance(content, dict) else map(_written, content):
                yield from _key(table, row)
    yield from _key(table, request.get("Key") or request.get("Item") or {})
    names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
    for compared in _TABLE_AND_KEY_SAYS.finditer(request.get("KeyConditionExpression", "")):
        name = names.get(compared["name"], compared["name"])
        yield from _key(table, {name: values.get(compared["value"], {})})


def _is(content: Document, table: str) -> bool:
    return str(content.get("TableName", "")).rpartition("/")[2] == table


def _written(request: Document) -> Document:
    (content,) = request.values()
    row: Document = content.get("Key") or content.get("Item") or {}
    return row


def _key(table: str, row: Document) -> Iterator[str]:
    from ministack.services import dynamodb

    known = dynamodb._tables.get(table)
    if known is not None and (value := row.get(known["pk_name"])):
        yield from map(str, value.values())


def events(action: str, resource_arn: str, request: Document) -> Facts:
    """Return the sources and types of the events that a call puts on one bus."""
    bus = resource_arn.rpartition("/")[2]
    entries = [entry for entry in request.get("Entries", ()) if entry.get("EventBusName", "default").rpartition("/")[2] == bus]
    if action != "events:PutEvents" or not entries:
        return {}
    return {
        "events:source": [entry.get("Source", "") for entry in entries],
        "events:detail-type": [entry.get("DetailType", "") for entry in entries],
    }


def mails(action: str, resource_arn: str, request: Document) -> Facts:
    """Return the sender of a mail."""
    return {"ses:FromAddress": request["FromEmailAddress"]} if "FromEmailAddress" in request else {}


def mail_resources(region: str, request: Document) -> list[str]:
    """Return the ARNs of the resources that a mail needs: its sender's identity and its configuration set."""
    from ministack.core.responses import get_account_id

    names = {"identity": "FromEmailAddress", "configuration-set": "ConfigurationSetName"}
    owner = f"arn:aws:ses:{region}:{get_account_id()}"
    return [f"{owner}:{kind}/{request[name]}" for kind, name in names.items() if name in request] or ["*"]


FACTS: Final[dict[str, Callable[[str, str, Document], Facts]]] = {"dynamodb": rows, "events": events, "sesv2": mails}
"""The facts of a request, by the engine's name of the service."""


def _bus_policy(arn: str) -> tuple[Document, str] | None:
    from ministack.services import eventbridge

    policy = eventbridge._event_bus_policies.get(arn.rpartition("/")[2])
    return (policy, arn.split(":")[4]) if policy else None


def _state(logical_id: str, properties: Document, stack: str) -> tuple[str, dict[str, str]]:
    from ministack.services import eventbridge

    bus = properties.get("EventBusName", "default")
    policy = eventbridge._event_bus_policies.get(bus) or {"Version": "2012-10-17", "Statement": []}
    others = [statement for statement in policy["Statement"] if statement["Sid"] != properties["StatementId"]]
    stated = {**properties["Statement"], "Sid": properties["StatementId"]}
    eventbridge._event_bus_policies[bus] = {**policy, "Statement": [*others, stated]}
    return properties["StatementId"], {}


def _restate(physical_id: str, old: Document, new: Document, stack: str) -> tuple[str, dict[str, str]]:
    _withdraw(physical_id, old)
    return _state("", new, stack)


def _withdraw(physical_id: str, properties: Document) -> None:
    from ministack.services import eventbridge

    eventbridge._remove_permission({"EventBusName": properties.get("EventBusName", "default"), "StatementId": physical_id})
