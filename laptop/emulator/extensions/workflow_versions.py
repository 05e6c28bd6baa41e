"""Gap: CloudFormation has no types `AWS::StepFunctions::StateMachineVersion` and `StateMachineAlias`, although their API
works, and `StartSyncExecution` accepts neither ARN."""

from collections.abc import Mapping

from laptop.emulator.extensions.engine_functions import Document, EngineFunction, answered, resource_type, wrap

Properties = Document
Provisioned = tuple[str, dict[str, str]]


def register() -> None:
    """Provision both through the engine's API, and accept their ARNs in a synchronous start."""
    from ministack.services import stepfunctions

    resource_type(
        "AWS::StepFunctions::StateMachineVersion", create=create_version, update=update_version, delete=delete_version
    )
    resource_type("AWS::StepFunctions::StateMachineAlias", create=create_alias, update=update_alias, delete=delete_alias)

    def around(original: EngineFunction) -> EngineFunction:
        def start(request: Mapping[str, object]) -> object:
            # The engine runs the newest definition, whichever version is named: a laptop deploys one at a time.
            known = stepfunctions._resolve_state_machine_arn(request.get("stateMachineArn", ""))
            return original({**request, "stateMachineArn": known} if known else request)

        return start

    wrap(stepfunctions, "_start_sync_execution", around)


def create_version(logical_id: str, properties: Properties, stack: str) -> Provisioned:
    from ministack.services import stepfunctions

    made = answered(
        stepfunctions._publish_state_machine_version(
            {
                "stateMachineArn": properties.get("StateMachineArn", ""),
                "description": properties.get("Description", ""),
            }
        )
    )
    arn = made["stateMachineVersionArn"]
    return arn, {"Arn": arn}


def update_version(physical_id: str, old: Properties, new: Properties, stack: str) -> Provisioned:
    # A version never changes: any change of the resource publishes another.
    made = create_version("", new, stack)
    delete_version(physical_id, old)
    return made


def delete_version(physical_id: str, properties: Properties) -> None:
    from ministack.services import stepfunctions

    stepfunctions._delete_state_machine_version({"stateMachineVersionArn": physical_id})


def create_alias(logical_id: str, properties: Properties, stack: str) -> Provisioned:
    from ministack.services import stepfunctions

    made = answered(
        stepfunctions._create_state_machine_alias(
            {
                "name": properties.get("Name") or logical_id,
                "description": properties.get("Description", ""),
                "routingConfiguration": _routes(properties),
            }
        )
    )
    arn = made["stateMachineAliasArn"]
    return arn, {"Arn": arn}


def update_alias(physical_id: str, old: Properties, new: Properties, stack: str) -> Provisioned:
    from ministack.services import stepfunctions

    answered(
        stepfunctions._update_state_machine_alias(
            {
                "stateMachineAliasArn": physical_id,
                "description": new.get("Description", ""),
                "routingConfiguration": _routes(new),
            }
        )
    )
    return physical_id, {"Arn": physical_id}


def delete_alias(physical_id: str, properties: Properties) -> None:
    from ministack.services import stepfunctions

    stepfunctions._delete_state_machine_alias({"stateMachineAliasArn": physical_id})


def _routes(properties: Properties) -> list[Document]:
    gradual = properties.get("DeploymentPreference")
    if gradual:
        # A gradual deployment ends at its version; here it ends at once.
        return [{"stateMachineVersionArn": gradual["StateMachineVersionArn"], "weight": 100}]
    return [
        {"stateMachineVersionArn": route["StateMachineVersionArn"], "weight": int(route["Weight"])}
        for route in properties.get("RoutingConfiguration", [])
    ]
