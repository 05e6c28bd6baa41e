"""The templates as CloudFormation would fill them in: references become ARNs and names of one made-up account."""

from dataclasses import dataclass
from typing import Any

from tests.infrastructure.iam import Caller, Statement
from tests.infrastructure.templates import Assembly, Resource, referred

ACCOUNT, REGION = "123456789012", "eu-west-1"
PSEUDO = {"AWS::AccountId": ACCOUNT, "AWS::Region": REGION, "AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com"}
ARNS_OF = {
    "IAM::Role": "arn:aws:iam::{account}:role/{name}",
    "SQS::Queue": "arn:aws:sqs:{region}:{account}:{name}",
    "Events::EventBus": "arn:aws:events:{region}:{account}:event-bus/{name}",
    "Events::Rule": "arn:aws:events:{region}:{account}:rule/{name}",
    "Lambda::Function": "arn:aws:lambda:{region}:{account}:function:{name}",
    "DynamoDB::Table": "arn:aws:dynamodb:{region}:{account}:table/{name}",
}
ANY_ARN = "arn:aws:other:{region}:{account}:{name}"


@dataclass(frozen=True)
class Resolved:
    """A stage's templates with every reference filled in, across stacks too."""

    assembly: Assembly

    def value(self, service: str, value: Any) -> Any:
        """Return a value of that stack's template with its references filled in."""
        if isinstance(value, list):
            return [self.value(service, part) for part in value]
        if not isinstance(value, dict):
            return value
        match value:
            case {"Ref": str(name)}:
                return self._ref(service, name)
            case {"Fn::GetAtt": [str(name), str(attribute)]}:
                if attribute.endswith("Arn"):
                    return self._arn(self.assembly.resource(service, name))
                return f"{self._name(service, name)}.{attribute}"
            case {"Fn::Join": [str(between), list(parts)]}:
                return between.join(self.value(service, part) for part in parts)
        if any(key.startswith("Fn::") for key in value):
            raise NotImplementedError(f"{service}: {value}")
        return {key: self.value(service, part) for key, part in value.items()}

    def arn(self, resource: Resource) -> str:
        """Return the resource's ARN."""
        return self._arn(resource)

    def callers(self) -> list[Caller]:
        """Return every role of the stage, with its tags and its policies."""
        return [
            Caller(
                f"{role.service}/{role.id}",
                self._arn(role),
                tags={tag["Key"]: tag["Value"] for tag in role.properties["Tags"]},
                policies=self.value(role.service, self.assembly.statements_of(role.service, role.id)),
            )
            for role in self.assembly.resources("IAM::Role")
        ]

    def role_of(self, service: str, module: str) -> str:
        """Return the name of the caller that a function's role is."""
        return f"{service}/{referred(self.assembly.function(service, module).properties['Role'])}"

    def bus(self) -> tuple[str, list[Statement]]:
        """Return the bus's ARN and its policy."""
        (bus,) = self.assembly.resources("Events::EventBus")
        policies = self.assembly.resources("Events::EventBusPolicy")
        return self._arn(bus), [self.value(policy.service, policy.properties["Statement"]) for policy in policies]

    def queues(self) -> dict[str, list[Statement]]:
        """Return each queue's policy, by its ARN."""
        found: dict[str, list[Statement]] = {self._arn(queue): [] for queue in self.assembly.resources("SQS::Queue")}
        for policy in self.assembly.resources("SQS::QueuePolicy"):
            for queue in policy.properties["Queues"]:
                arn = self._arn(self.assembly.resource(policy.service, referred(queue)))
                found[arn] += self.value(policy.service, policy.properties["PolicyDocument"]["Statement"])
        return found

    def _ref(self, service: str, name: str) -> str:
        if name in PSEUDO:
            return PSEUDO[name]
        parameter = self.assembly.templates[service].get("Parameters", {}).get(name)
        if parameter is None:
            return self._name(service, name)
        if parameter["Type"] != "AWS::SSM::Parameter::Value<String>":
            raise NotImplementedError(f"{service}: {parameter}")
        (published,) = [
            found for found in self.assembly.resources("SSM::Parameter") if found.properties["Name"] == parameter["Default"]
        ]
        return str(self.value(published.service, published.properties["Value"]))

    def _name(self, service: str, logical_id: str) -> str:
        """Return a name as CloudFormation makes it: it begins with the stack's."""
        (file,) = self.assembly.folder.glob(f"*-{service.capitalize()}.template.json")
        return f"{file.name.split('.')[0]}-{logical_id}"

    def _arn(self, resource: Resource) -> str:
        name = self._name(resource.service, resource.id)
        return ARNS_OF.get(resource.type, ANY_ARN).format(account=ACCOUNT, region=REGION, name=name)
