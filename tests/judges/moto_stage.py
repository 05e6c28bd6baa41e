"""The stage's bus, archive, rules and queues on moto's server, from the synthesized templates.

moto's own CloudFormation does not take these templates: it cannot refer to an event bus, fails on a parameter's tags and on
an archive's pattern, and knows no policy of a bus. So each resource is created here by its API, with the properties of its
template unchanged. A property that is not known here is refused, not dropped.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.exceptions import ClientError, ConnectionError

from operations.aws.target import Target
from tests.infrastructure.templates import Assembly, Resource
from tests.support.polling import eventually

KNOWN: Final = {
    "SQS::Queue": {
        "DelaySeconds",
        "MessageRetentionPeriod",
        "RedrivePolicy",
        "SqsManagedSseEnabled",
        "Tags",
        "VisibilityTimeout",
    },
    "Events::EventBus": {"Description", "LogConfig", "Name", "Tags"},
    "Events::Archive": {"Description", "EventPattern", "RetentionDays", "SourceArn"},
    "Events::Rule": {"Description", "EventBusName", "EventPattern", "State", "Tags", "Targets"},
}
"""The properties of each kind. Tags, descriptions and the log of the bus are left out: nothing here depends on them.

A queue's delay is left out too, so that a test can take a message at once.
"""
PROBED: Final = ("order/start", "journal-")
"""The beginnings of the names of rules with a target that moto lacks: a workflow, a delivery stream. A queue of the test takes
the target's place, and gets the event unchanged.
"""


@dataclass(frozen=True)
class Made:
    """A created resource: what `Ref` and `GetAtt Arn` of it are."""

    ref: str
    arn: str


@dataclass
class MotoStage:
    """The stage as it was deployed. `queues` are the URLs of the queues that rules deliver to, by the rule's name."""

    target: Target
    assembly: Assembly
    made: dict[tuple[str, str], Made] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    queues: dict[str, str] = field(default_factory=dict)

    def deploy(self) -> None:
        """Create what the rules of the bus need, in the order of their references, and publish the parameters."""
        queues = self.assembly.resources("SQS::Queue")
        for queue in sorted(queues, key=lambda queue: "RedrivePolicy" in queue.properties):
            self._create_queue(queue)
        for bus in self.assembly.resources("Events::EventBus"):
            self._create_bus(bus)
        for archive in self.assembly.resources("Events::Archive"):
            self._create_archive(archive)
        self._publish()
        rules = [rule for rule in self.assembly.resources("Events::Rule") if "EventBusName" in rule.properties]
        for rule in rules:
            self._create_rule(rule)
        self._publish()
        names = {arn: name.removesuffix("-rule-arn") for name, arn in self.published("-rule-arn").items()}
        for rule in rules:
            made = self.made[rule.service, rule.id]
            self._create_targets(rule, names.get(made.arn, made.ref))

    def published(self, ending: str) -> dict[str, str]:
        """Return the published parameters with this end of their names, without `/orderflow/<stage>/`."""
        root = f"/orderflow/{self.target.stage}/"
        return {name.removeprefix(root): value for name, value in self.parameters.items() if name.endswith(ending)}

    def put(self, source: str, detail_type: str, detail: Mapping[str, Any]) -> str:
        """Put an event on the bus and return its id."""
        entry = {"Source": source, "DetailType": detail_type, "Detail": json.dumps(detail)}
        entry["EventBusName"] = self.target.parameter("platform/bus-name")
        (answer,) = self.target.client("events").put_events(Entries=[entry])["Entries"]
        return str(answer["EventId"])

    def delivered(self) -> dict[str, list[dict[str, Any]]]:
        """Take every message out of the rules' queues and return the bodies, by the rule's name."""
        return {name: list(self.taken(url)) for name, url in self.queues.items()}

    def taken(self, url: str) -> Iterator[dict[str, Any]]:
        """Take every message out of a queue and return the bodies."""
        client = self.target.client("sqs")
        while messages := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                yield json.loads(message["Body"])

    def _create_queue(self, queue: Resource) -> None:
        properties = self._properties(queue)
        names = ("MessageRetentionPeriod", "SqsManagedSseEnabled", "VisibilityTimeout")
        attributes = {name: json.dumps(properties[name]) for name in names if name in properties}
        if "RedrivePolicy" in properties:
            attributes["RedrivePolicy"] = json.dumps(properties["RedrivePolicy"])
        self.made[queue.service, queue.id] = self._new_queue(f"{queue.service}-{queue.id}", attributes)

    def _new_queue(self, name: str, attributes: Mapping[str, str]) -> Made:
        client = self.target.client("sqs")
        url = client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        return Made(url, client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])

    def _create_bus(self, bus: Resource) -> None:
        name = self._properties(bus)["Name"]
        arn = self.target.client("events").create_event_bus(Name=name)["EventBusArn"]
        self.made[bus.service, bus.id] = Made(name, arn)

    def _create_archive(self, archive: Resource) -> None:
        properties, name = self._properties(archive), f"{archive.service}-{archive.id}"
        arn = self.target.client("events").create_archive(
            ArchiveName=name,
            EventSourceArn=properties["SourceArn"],
            EventPattern=json.dumps(properties["EventPattern"]),
            RetentionDays=properties["RetentionDays"],
        )["ArchiveArn"]
        self.made[archive.service, archive.id] = Made(name, arn)

    def _create_rule(self, rule: Resource) -> None:
        wanted = {name: value for name, value in rule.properties.items() if name != "Targets"}
        properties, name = self._known(rule, wanted), f"{rule.service}-{rule.id}"
        arn = self.target.client("events").put_rule(
            Name=name,
            EventBusName=properties["EventBusName"],
            EventPattern=json.dumps(properties["EventPattern"]),
            State=properties["State"],
        )["RuleArn"]
        self.made[rule.service, rule.id] = Made(name, arn)

    def _create_targets(self, rule: Resource, name: str) -> None:
        if name.startswith(PROBED):
            probe = self._new_queue(f"probe-{rule.id}", {})
            targets, url = [{"Id": "Probe", "Arn": probe.arn}], probe.ref
        else:
            targets = self._value(rule.service, rule.properties["Targets"])
            (url,) = (made.ref for made in self.made.values() if made.arn == targets[0]["Arn"])
        self.queues[name] = url
        bus = self._value(rule.service, rule.properties["EventBusName"])
        made = self.made[rule.service, rule.id]
        self.target.client("events").put_targets(Rule=made.ref, EventBusName=bus, Targets=targets)

    def _publish(self) -> None:
        """Publish each parameter that has a known value by now."""
        for parameter in self.assembly.resources("SSM::Parameter"):
            name = parameter.properties["Name"]
            try:
                value = self._value(parameter.service, parameter.properties["Value"])
            except UnknownReferenceError:
                continue
            if name not in self.parameters:
                self.target.client("ssm").put_parameter(Name=name, Value=str(value), Type="String")
                self.parameters[name] = str(value)

    def _properties(self, resource: Resource) -> dict[str, Any]:
        return self._known(resource, resource.properties)

    def _known(self, resource: Resource, properties: Mapping[str, Any]) -> dict[str, Any]:
        unknown = properties.keys() - KNOWN[resource.type]
        if unknown:
            raise NotImplementedError(f"{resource} has {sorted(unknown)}: decide what they mean on moto")
        return {name: self._value(resource.service, value) for name, value in properties.items() if name != "Tags"}

    def _value(self, service: str, value: Any) -> Any:
        """Return a value of a template with its references filled in. Raises UnknownReferenceError."""
        if isinstance(value, list):
            return [self._value(service, part) for part in value]
        if not isinstance(value, dict):
            return value
        parameters = self.assembly.templates[service].get("Parameters", {})
        match value:
            case {"Ref": name} if name in parameters and parameters[name]["Default"] in self.parameters:
                return self.parameters[parameters[name]["Default"]]
            case {"Ref": name} if (service, name) in self.made:
                return self.made[service, name].ref
            case {"Fn::GetAtt": [name, "Arn"]} if (service, name) in self.made:
                return self.made[service, name].arn
        if any(key == "Ref" or key.startswith("Fn::") for key in value):
            raise UnknownReferenceError(f"{service}: {value}")
        return {key: self._value(service, part) for key, part in value.items()}


class UnknownReferenceError(Exception):
    """A reference to a resource that is not deployed here."""


@contextmanager
def serving(stage: str) -> Iterator[Target]:
    """Start moto's server on a free port of 127.0.0.1, and end it by its pid."""
    command = [sys.executable, "-c", START]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        assert port, "moto's server did not start; `python -m moto.server` says why"
        target = Target(stage=stage).at(f"http://127.0.0.1:{port}")
        eventually(lambda: answers(target), 30, "moto's server answers")
        yield target
    finally:
        process.kill()
        process.wait(timeout=10)


START: Final = """
from werkzeug.serving import make_server
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
print(server.port, flush=True)
server.serve_forever()
"""
"""Serve as `python -m moto.server` does, on a port that the system chooses."""


def answers(target: Target) -> bool:
    """Return whether the server takes requests."""
    try:
        target.client("sqs").list_queues()
    except (ClientError, ConnectionError):
        return False
    return True
