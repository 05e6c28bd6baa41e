"""The permissions of the synthesized policies, one by one, in the words of `operations.permissions`.

It refuses a statement of any other form, so that none escapes the comparison with the recorded calls.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kernel.naming import ALIAS
from operations.permissions import recorded
from operations.permissions.recorded import Call
from tests.infrastructure.resolved import ACCOUNT, REGION, Resolved
from tests.infrastructure.templates import Resource, listed, referred

STREAM_ACTIONS = {"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"}
"""Actions on the stream of a table. `Resolved` fills in its ARN as the table's."""
MAIL_RESOURCES = {
    ("identity", True): "mail identity",
    ("identity", False): "mail identity of the domain",
    ("configuration-set", False): "mail configuration set",
}
THERE_IS_ONE = {
    "KMS::Key": "key",
    "KinesisFirehose::DeliveryStream": "delivery streams",
    "Logs::LogGroup": "its log",
    "S3::Bucket": "bucket",
}
"""The resources that a permission names by their type: there is one in the stage, or one for each function."""
SECRET_ACTION = "secretsmanager:GetSecretValue"


@dataclass(frozen=True)
class Granted:
    """The permissions of the roles of a stage, in the stacks with recorded calls."""

    stage: Resolved

    def calls(self) -> set[Call]:
        """Return every permission, each with the function or role that has it. Raises ValueError for an unknown form."""
        return {
            Call(self._name_of(role), action, on, only)
            for role, statement in self._statements()
            for action, on, only in self._permissions(role, statement)
        }

    def functions(self) -> set[str]:
        """Return every function, as `order/api`."""
        return {
            _path(function)
            for function in self.stage.assembly.resources("Lambda::Function")
            if function.service in recorded.STACKS
        }

    def wildcards(self) -> set[Call]:
        """Return the actions and resources that a policy names by a wildcard."""
        return {
            Call(self._name_of(role), action, resource)
            for role, statement in self._statements()
            for action in listed(statement["Action"])
            for resource in (self.stage.value(role.service, each) for each in listed(statement["Resource"]))
            if "*" in action + resource
        }

    def _statements(self) -> Iterator[tuple[Resource, dict[str, Any]]]:
        for role in self.stage.assembly.resources("IAM::Role"):
            if role.service in recorded.STACKS:
                for statement in self.stage.assembly.statements_of(role.service, role.id):
                    yield role, statement

    def _permissions(self, role: Resource, statement: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
        if statement["Effect"] != "Allow" or set(statement) - {"Effect", "Action", "Resource", "Condition"}:
            raise ValueError(f"{role}: {statement}")
        resources = [self.stage.value(role.service, resource) for resource in listed(statement["Resource"])]
        for action in listed(statement["Action"]):
            for resource in resources:
                name, within = self._resource(role, action, resource)
                for only in parts(statement.get("Condition", {})):
                    if within and only:
                        raise ValueError(f"{role}: {statement}")
                    yield action, name, within or only

    def _name_of(self, role: Resource) -> str:
        """Return `order/api` for the role of a function, and `order/saga` for another."""
        for function in self.stage.assembly.resources("Lambda::Function", service=role.service):
            if referred(function.properties["Role"]) == role.id:
                return _path(function)
        return f"{role.service}/{role.id.partition('Role')[0].lower()}"

    def _resource(self, role: Resource, action: str, arn: str) -> tuple[str, str]:
        """Return the resource of an ARN, and the part of it. Raises ValueError for one that is none of the stage's.

        An alias of a function stands for the function.
        """
        if arn == "*":
            return arn, ""
        arn = _in_region(arn).removesuffix(f":{ALIAS}")
        if action in STREAM_ACTIONS:
            return f"stream {self._tables()[arn.removesuffix('/stream/*')]}", ""
        table, _, index = arn.partition("/index/")
        if table in self._tables():
            return f"index {self._tables()[table]}/{index}" if index else f"table {self._tables()[table]}", ""
        if "arn:aws:ses:" in arn:
            kind, _, name = arn.rpartition(":")[2].partition("/")
            return MAIL_RESOURCES[kind, "@" in name], ""
        known = self._others() if action != SECRET_ACTION else self._secrets(role)
        resource, _, objects = arn.partition("/") if "s3" in action else (arn, "", "")
        if resource in known:
            return known[resource], objects
        raise ValueError(f"{role}: {action} on {arn}")

    def _tables(self) -> dict[str, str]:
        tables = self.stage.assembly.resources("DynamoDB::Table")
        return {
            self.stage.arn(table): table.service if table.id.startswith("Table") else f"{table.service}/ledger"
            for table in tables
        }

    def _others(self) -> dict[str, str]:
        assembly, found = self.stage.assembly, dict[str, str]()
        for parameter in assembly.resources("SSM::Parameter"):
            service, thing = parameter.properties["Name"].split("/")[-2:]
            for end, kind in (("-dlq-url", "dead letters"), ("-queue-url", "queue")):
                if thing.endswith(end):
                    queue = self.stage.value(parameter.service, parameter.properties["Value"])
                    found[f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}"] = f"{kind} {service}/{thing.removesuffix(end)}"
        for function in assembly.resources("Lambda::Function"):
            name = self.stage.value(function.service, function.properties.get("FunctionName")) or ""
            found[self.stage.arn(function)] = f"function {_path(function)}"
            if name:
                found[f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"] = f"function {_path(function)}"
        for alias in assembly.resources("Lambda::Alias"):
            function = assembly.resource(alias.service, referred(alias.properties["FunctionName"]))
            found[self.stage.value(alias.service, {"Ref": alias.id})] = f"function {_path(function)}"
        for group in assembly.resources("CodeDeploy::DeploymentGroup"):
            for alarm in group.properties["AlarmConfiguration"]["Alarms"]:
                found[self.stage.arn(assembly.resource(group.service, referred(alarm["Name"])))] = "alarms of a shift"
        for kind, name in THERE_IS_ONE.items():
            for resource in assembly.resources(kind):
                found[self.stage.arn(resource)] = name
        found[self.stage.bus()[0]] = "bus"
        workflow = assembly.one("StepFunctions::StateMachine", "order", "Saga")
        found[self.stage.value("order", {"Ref": workflow.id})] = "workflow order/saga"
        return found

    def _secrets(self, role: Resource) -> dict[str, str]:
        found = {}
        for function in self.stage.assembly.resources("Lambda::Function", service=role.service):
            if referred(function.properties["Role"]) == role.id:
                variables = function.properties["Environment"]["Variables"]
                for name, value in variables.items():
                    if name.endswith("_ARN"):
                        found[self.stage.value(role.service, value)] = f"secret {name}"
        return found


def parts(condition: dict[str, Any]) -> list[str]:
    """Return the parts of a resource that a condition leaves. Raises ValueError for a condition of an unknown form."""
    match condition:
        case {} if not condition:
            return [""]
        case {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": keys, **others}, **more} if not others and not more:
            if not all(key.endswith("*") for key in listed(keys)):
                raise ValueError(str(condition))
            return [key.removesuffix("*") for key in listed(keys)]
        case {
            "ForAllValues:StringEquals": {"dynamodb:Attributes": names},
            "StringEquals": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
        }:
            return [" ".join(sorted(names))]
        case {"ForAllValues:StringEquals": {"events:source": source, "events:detail-type": types}}:
            return [f"{source} {detail_type}" for detail_type in listed(types)]
        case {"StringEquals": {"kms:ViaService": str(service)}}:
            return [f"through {service.partition('.')[0]}"]
        case {"StringEquals": {"ses:FromAddress": str()}}:
            return [recorded.FROM_THE_SENDER]
    raise ValueError(str(condition))


def _in_region(arn: str) -> str:
    """Return the ARN in the one region of `Resolved`: a stage that names its region has it in its templates."""
    parts = arn.split(":", 5)
    return ":".join([*parts[:3], REGION, *parts[4:]]) if len(parts) == 6 and parts[3] else arn


def _path(function: Resource) -> str:
    """Return `order/api` for `services.order.functions.api.handler`."""
    return f"{function.service}/{function.properties['Handler'].split('.')[-2]}"
