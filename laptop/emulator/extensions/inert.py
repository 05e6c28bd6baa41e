"""Gap: CloudFormation rejects types of Orderflow's templates that have no function on a laptop.

Each is recorded with the id and the attributes that a template may refer to, and does nothing. `orderctl status` lists
them. Both environments import this module, so only `register` imports the engine.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

from laptop.emulator.extensions.engine_functions import Document, EngineFunction, resource_type, wrap

Properties = Document
Provisioned = tuple[str, dict[str, str]]


@dataclass(frozen=True)
class Inert:
    """A type that is recorded only. In the templates `{name}` is the resource's name, `{arn}` its ARN."""

    why: str
    name_property: str = ""
    # The ARN after the account, with its service before.
    service: str = ""
    resource: str = "{name}"
    ref: str = "{name}"
    attributes: dict[str, str] = field(default_factory=dict)


_POLICY = "the emulator enforces no policy"
WHY_ALARM = "the emulator evaluates no alarm"
_SCHEMAS = "the schema registry serves tools on AWS"
_TRAFFIC = "the emulator shifts all traffic at once"
_SCALING = "the emulator does not scale"

TYPES = {
    "AWS::Events::EventBusPolicy": Inert("the emulator enforces it only with its IAM on", "StatementId"),
    "AWS::SQS::QueueInlinePolicy": Inert(_POLICY),
    "AWS::SNS::TopicInlinePolicy": Inert(_POLICY),
    "AWS::Lambda::CodeSigningConfig": Inert(
        _POLICY, "", "lambda", "code-signing-config:{name}", "{arn}", {"CodeSigningConfigArn": "{arn}"}
    ),
    "AWS::CloudWatch::CompositeAlarm": Inert(WHY_ALARM, "AlarmName", "cloudwatch", "alarm:{name}", "{name}", {"Arn": "{arn}"}),
    "AWS::CloudWatch::AnomalyDetector": Inert(WHY_ALARM, attributes={"Id": "{name}"}),
    "AWS::CloudWatch::InsightRule": Inert(
        WHY_ALARM, "RuleName", "cloudwatch", "insight-rule/{name}", "{name}", {"Arn": "{arn}", "RuleName": "{name}"}
    ),
    "AWS::ApplicationSignals::ServiceLevelObjective": Inert(
        WHY_ALARM, "Name", "application-signals", "slo/{name}", "{arn}", {"Arn": "{arn}"}
    ),
    "AWS::EventSchemas::Registry": Inert(
        _SCHEMAS, "RegistryName", "schemas", "registry/{name}", "{arn}", {"RegistryArn": "{arn}", "RegistryName": "{name}"}
    ),
    "AWS::EventSchemas::RegistryPolicy": Inert(_POLICY, "RegistryName", attributes={"Id": "{name}"}),
    "AWS::EventSchemas::Schema": Inert(
        _SCHEMAS,
        "SchemaName",
        "schemas",
        "schema/{RegistryName}/{name}",
        "{arn}",
        {"SchemaArn": "{arn}", "SchemaName": "{name}", "SchemaVersion": "1"},
    ),
    "AWS::EventSchemas::Discoverer": Inert(
        _SCHEMAS, "", "schemas", "discoverer/{name}", "{arn}", {"DiscovererArn": "{arn}", "DiscovererId": "{name}"}
    ),
    "AWS::Chatbot::SlackChannelConfiguration": Inert(
        "the emulator posts to no chat",
        "ConfigurationName",
        "chatbot",
        "chat-configuration/slack-channel/{name}",
        "{arn}",
        {"Arn": "{arn}"},
    ),
    "AWS::CodeDeploy::Application": Inert(_TRAFFIC, "ApplicationName"),
    "AWS::CodeDeploy::DeploymentConfig": Inert(_TRAFFIC, "DeploymentConfigName"),
    "AWS::CodeDeploy::DeploymentGroup": Inert(_TRAFFIC, "DeploymentGroupName"),
    "AWS::ApplicationAutoScaling::ScalableTarget": Inert(_SCALING, "ResourceId", attributes={"Id": "{name}"}),
    "AWS::ApplicationAutoScaling::ScalingPolicy": Inert(
        _SCALING, "PolicyName", "autoscaling", "scalingPolicy:{name}", "{arn}", {"Arn": "{arn}"}
    ),
    "AWS::Logs::QueryDefinition": Inert("saved queries serve the AWS console", attributes={"QueryDefinitionId": "{name}"}),
    "AWS::Logs::LogAnomalyDetector": Inert(
        WHY_ALARM, "", "logs", "anomaly-detector:{name}", "{arn}", {"AnomalyDetectorArn": "{arn}"}
    ),
    "AWS::Logs::DataProtectionPolicy": Inert(_POLICY),
    "AWS::XRay::Group": Inert(
        "the emulator has no tracing", "GroupName", "xray", "group/{name}", "{arn}", {"GroupARN": "{arn}"}
    ),
    "AWS::XRay::SamplingRule": Inert(
        "the emulator has no tracing", "", "xray", "sampling-rule/{name}", "{arn}", {"RuleARN": "{arn}"}
    ),
    "AWS::Budgets::Budget": Inert("the emulator has no costs"),
    "AWS::CE::AnomalyMonitor": Inert(
        "the emulator has no costs", "", "ce", "anomalymonitor/{name}", "{arn}", {"MonitorArn": "{arn}"}
    ),
    "AWS::CE::AnomalySubscription": Inert(
        "the emulator has no costs", "", "ce", "anomalysubscription/{name}", "{arn}", {"SubscriptionArn": "{arn}"}
    ),
    "AWS::WAFv2::WebACLAssociation": Inert("the emulator is not reachable from outside"),
    "AWS::ServiceCatalogAppRegistry::Application": Inert(
        "it serves the AWS console",
        "Name",
        "servicecatalog",
        "/applications/{name}",
        "{name}",
        {"Arn": "{arn}", "Id": "{name}"},
    ),
    "AWS::ResourceGroups::Group": Inert(
        "it serves the AWS console", "Name", "resource-groups", "group/{name}", "{name}", {"Arn": "{arn}"}
    ),
    "AWS::FIS::ExperimentTemplate": Inert("the simulation injects faults instead", attributes={"Id": "{name}"}),
}

ALARM = "AWS::CloudWatch::Alarm"
# The namespace for alarms over an expression, which are recorded as alarms over a metric without data.
METRIC_MATH_NAMESPACE = "Orderflow/MetricMath"


def why_inert(resource_type_name: str) -> str | None:
    """Return why a deployed resource of this type does nothing on the emulator, or None if it works."""
    known = TYPES.get(resource_type_name)
    return known.why if known else None


def register() -> None:
    """Record these types in CloudFormation, unless the engine supports the type itself."""
    from ministack.services.cloudformation import provisioners

    for name, inert in TYPES.items():
        if name not in provisioners._RESOURCE_HANDLERS:
            resource_type(name, create=_create(inert), update=_update(inert), delete=_delete)
    wrap(provisioners, "_cw_metric_alarm_put", _taking_metric_math)


def _create(inert: Inert) -> Callable[[str, Properties, str], Provisioned]:
    def create(logical_id: str, properties: Properties, stack: str) -> Provisioned:
        given = properties.get(inert.name_property) if inert.name_property else None
        generated = f"{stack}-{logical_id}-{sha256(f'{stack}/{logical_id}'.encode()).hexdigest()[:8].upper()}"
        return _recorded(inert, str(given or generated), properties)

    return create


def _update(inert: Inert) -> Callable[[str, Properties, Properties, str], Provisioned]:
    def update(physical_id: str, old: Properties, new: Properties, stack: str) -> Provisioned:
        name = new.get(inert.name_property) if inert.name_property else None
        kept = physical_id.rsplit("/", 1)[-1].rsplit(":", 1)[-1] if inert.ref == "{arn}" else physical_id
        return _recorded(inert, str(name or kept), new)

    return update


def _delete(physical_id: str, properties: Properties) -> None:
    """Do nothing: the resource exists only in the record."""


def _taking_metric_math(original: EngineFunction) -> EngineFunction:
    """Record an alarm over an expression as one over a metric that is never written."""

    def put(name: str, properties: Properties) -> object:
        if "Metrics" not in properties:
            return original(name, properties)
        plain = {key: value for key, value in properties.items() if key not in ("Metrics", "ThresholdMetricId")}
        if "ThresholdMetricId" in properties:
            plain["ComparisonOperator"] = "GreaterThanThreshold"
        stand_in = {"Namespace": METRIC_MATH_NAMESPACE, "MetricName": name, "Statistic": "Sum", "Period": 60, "Threshold": 0}
        return original(name, stand_in | plain)

    return put


def _recorded(inert: Inert, name: str, properties: Properties) -> Provisioned:
    from ministack.core.responses import get_account_id, get_region

    words = {key: str(value) for key, value in properties.items() if isinstance(value, (str, int))} | {"name": name}
    words["arn"] = f"arn:aws:{inert.service}:{get_region()}:{get_account_id()}:{inert.resource.format(**words)}"
    return inert.ref.format(**words), {key: value.format(**words) for key, value in inert.attributes.items()}
