"""Gap: CloudFormation has no type `AWS::Events::Archive`, although the archive API works."""

import json

from laptop.emulator.extensions.engine_functions import Document, answered, resource_type

Properties = Document
Provisioned = tuple[str, dict[str, str]]


def register() -> None:
    """Provision archives through the engine's own archive API."""
    resource_type("AWS::Events::Archive", create=create, update=update, delete=delete)


def create(logical_id: str, properties: Properties, stack: str) -> Provisioned:
    from ministack.services import eventbridge
    from ministack.services.cloudformation.provisioners import _physical_name

    name = properties.get("ArchiveName") or _physical_name(stack, logical_id, max_len=48)
    made = answered(
        eventbridge._create_archive(
            {"ArchiveName": name, "EventSourceArn": properties.get("SourceArn", ""), **_mutable(properties)}
        )
    )
    return name, {"Arn": made["ArchiveArn"]}


def update(physical_id: str, old: Properties, new: Properties, stack: str) -> Provisioned:
    from ministack.services import eventbridge

    # These two need a replacement on AWS, which refuses it for a name the template gives.
    if new.get("SourceArn") != old.get("SourceArn"):
        raise ValueError(f"CloudFormation cannot update archive {physical_id}: its SourceArn changed; rename it")
    if new.get("ArchiveName", physical_id) != physical_id:
        made = create(physical_id, new, stack)
        delete(physical_id, old)
        return made
    cleared = {"Description": "", "EventPattern": "", "RetentionDays": 0, "KmsKeyIdentifier": ""}
    changed = answered(eventbridge._update_archive({"ArchiveName": physical_id, **cleared, **_mutable(new)}))
    return physical_id, {"Arn": changed["ArchiveArn"]}


def delete(physical_id: str, properties: Properties) -> None:
    from ministack.services import eventbridge

    eventbridge._delete_archive({"ArchiveName": physical_id})


def _mutable(properties: Properties) -> Properties:
    request: Properties = {key: properties[key] for key in ("Description", "KmsKeyIdentifier") if key in properties}
    if "RetentionDays" in properties:
        request["RetentionDays"] = int(properties["RetentionDays"])
    pattern = properties.get("EventPattern")
    if pattern:
        request["EventPattern"] = pattern if isinstance(pattern, str) else json.dumps(pattern)
    return request
