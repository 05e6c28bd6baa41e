"""The AWS calls of the functions and roles of a world, each by its action, resource and part."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from operations.permissions.recorded import FROM_THE_SENDER, Call
from simulation.engine.api import JsonValue, Request
from simulation.engine.bus import Envelope, Rule
from simulation.engine.scheduler import Task
from simulation.stage import deployment
from simulation.stage.conditions import FROM_A_NEWER_VERSION
from simulation.stage.world import World

ONE_ROW: Final = {"GetItem": "GetItem", "PutItem": "PutItem", "UpdateItem": "UpdateItem", "DeleteItem": "DeleteItem"}
OF_A_TRANSACTION: Final = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}
"""The permission for each action of a transaction
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html)."""
TABLES: Final = {deployment.LEDGER: "payment/ledger"}
ALONE: Final = frozenset({"PASS"})
"""The kinds of rows that a table has once: the whole key counts."""
ATTRIBUTE: Final = re.compile(r"(?<![:#\w])[a-z_]+\b(?!\()")
"""A name in an expression that is no value (`:before`), no function and no operator."""
SAGA: Final = "order/saga"
START: Final = "order/start"


class CallLog:
    """The calls of one world's functions and roles, from now on."""

    def __init__(self, world: World) -> None:
        self.calls: set[Call] = set()
        self._variables = {name: function.environ for name, function in world.functions.deployed.items()}
        self._attach(world)

    def called(self, caller: str, service: str, operation: str, request: Request) -> None:
        """Keep a call of an execution, by the execution's name. The row that stands for a newer version's is of no kind."""
        name = caller.rpartition(" > ")[2].split(" ")[0]
        if name not in self._variables:
            return  # a copy on the network
        by = name.replace("-", "/", 1)
        for action, on, only in asked(service, operation, request, self._variables[name]):
            if not only or not FROM_A_NEWER_VERSION.startswith(only):
                self.calls.add(Call(by, action, on, only))

    def _attach(self, world: World) -> None:
        world.sdk.called = self.called
        invoke = world.workflow.invoke

        def invoke_step(state: str, function: str, payload: JsonValue, timeout_seconds: float, task: Task) -> JsonValue:
            self.calls.add(Call(SAGA, "lambda:InvokeFunction", f"function {_path(function)}"))
            return invoke(state, function, payload, timeout_seconds, task)

        world.workflow.invoke = invoke_step
        world.bus.rules = [self._starting(rule) if rule.name == "order-start" else rule for rule in world.bus.rules]

    def _starting(self, rule: Rule) -> Rule:
        def start(event: Envelope, about: str) -> None:
            self.calls.add(Call(START, "states:StartExecution", f"workflow {SAGA}"))
            rule.target(event, about)

        return replace(rule, target=start)


def asked(service: str, operation: str, request: Request, variables: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield the permissions that an API call needs, each as action, resource and part. `variables` are its function's.

    Raises ValueError for a call that is not known here.
    """
    match service, operation:
        case "dynamodb", _:
            for action, on, only in _of_rows(operation, request):
                yield f"dynamodb:{action}", on, only
        case "events", "PutEvents":
            for entry in request["Entries"]:
                yield "events:PutEvents", "bus", f"{entry['Source']} {entry['DetailType']}"
        case "sqs", "SendMessage" | "ChangeMessageVisibility":
            name = str(request["QueueUrl"]).rpartition("/")[2]
            kind = "dead letters" if name.endswith("-dlq") else "queue"
            yield f"sqs:{operation}", f"{kind} {_path(name.removesuffix('-dlq'))}", ""
        case "lambda", "Invoke":
            name = str(request["FunctionName"]).rpartition(":")[2]
            yield "lambda:InvokeFunction", f"function {_path(deployment.facts_functions().get(name, name))}", ""
        case "sesv2", "SendEmail":
            sender = FROM_THE_SENDER if variables["SENDER_ADDRESS"] in request["FromEmailAddress"] else "any"
            yield "ses:SendEmail", "mail identity", sender
            if "ConfigurationSetName" in request:
                yield "ses:SendEmail", "mail configuration set", sender
        case "stepfunctions", "StartExecution" | "StartSyncExecution":
            yield f"states:{operation}", f"workflow {SAGA}", ""
        case "secretsmanager", "GetSecretValue":
            (variable,) = [name for name, value in variables.items() if value == request["SecretId"]]
            yield "secretsmanager:GetSecretValue", f"secret {variable}", ""
        case _:
            raise ValueError(f"{service}: {operation} is not known here")


def _of_rows(operation: str, request: Request) -> Iterator[tuple[str, str, str]]:
    if operation in ONE_ROW:
        yield operation, _table(request), prefix_of(request.get("Key") or request["Item"])
    elif operation == "BatchGetItem":
        for name, wanted in request["RequestItems"].items():
            for key in wanted["Keys"]:
                yield operation, _table({"TableName": name}), prefix_of(key)
    elif operation == "TransactWriteItems":
        for action in request["TransactItems"]:
            for kind, write in action.items():
                yield OF_A_TRANSACTION[kind], _table(write), prefix_of(write.get("Key") or write["Item"])
    elif operation == "Query" and "IndexName" in request:
        yield operation, f"index {_table(request).removeprefix('table ')}/{request['IndexName']}", ""
    elif operation in ("Query", "Scan"):
        yield operation, _table(request), _attributes(request)
    else:
        raise ValueError(f"dynamodb: {operation} is not known here")


def _attributes(request: Request) -> str:
    """Return the attributes that a scan names, if it asks for them only; else it sees whole rows."""
    if "ProjectionExpression" not in request:
        return ""
    expressions = f"{request['ProjectionExpression']} {request.get('FilterExpression', '')}"
    for placeholder, name in request.get("ExpressionAttributeNames", {}).items():
        expressions = expressions.replace(placeholder, name)
    return " ".join(sorted(set(ATTRIBUTE.findall(expressions))))


def _table(request: Request) -> str:
    name = request["TableName"]
    return f"table {TABLES.get(name, name)}"


def prefix_of(key: Request) -> str:
    """Return how a row's key starts: `ORDER#`; empty for a key without a `#`, which is an id alone."""
    kind, mark, row_id = str(key["pk"]["S"]).partition("#")
    if kind in ALONE:
        return kind + mark + row_id
    return kind + mark if mark else ""


def _path(name: str) -> str:
    """Return `order/intake` for `order-intake`."""
    return name.replace("-", "/", 1)
