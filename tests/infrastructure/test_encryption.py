"""A key of the stage's own: it encrypts all data at rest, and nothing uses it but through the services that keep the data."""

from typing import Any

import pytest

import stages
from stages import StageError
from tests.infrastructure.resolved import ACCOUNT, Resolved
from tests.infrastructure.templates import Assembly, Resource, listed, referred, texts

ENCRYPTED: dict[str, tuple[str, ...]] = {
    "DynamoDB::Table": ("SSESpecification", "KMSMasterKeyId"),
    "Events::Archive": ("KmsKeyIdentifier",),
    "Logs::LogGroup": ("KmsKeyId",),
    "S3::Bucket": (
        *("BucketEncryption", "ServerSideEncryptionConfiguration"),
        *("ServerSideEncryptionByDefault", "KMSMasterKeyID"),
    ),
    "SQS::Queue": ("KmsMasterKeyId",),
    "SecretsManager::Secret": ("KmsKeyId",),
}
"""The types that keep data, with the path to the key."""


def key_of(resource: Resource) -> Any:
    found: Any = resource.properties
    for name in ENCRYPTED[resource.type]:
        found = found[0][name] if isinstance(found, list) else found[name]
    return found


def key_and_policy(assembly: Assembly) -> tuple[Resource, dict[str, dict[str, Any]]]:
    (key,) = assembly.resources("KMS::Key")
    return key, {statement["Sid"]: statement for statement in key.properties["KeyPolicy"]["Statement"]}


def test_key_encrypts_everything_that_keeps_data(shifting: Assembly) -> None:
    (key,) = shifting.resources("KMS::Key")
    stage = Resolved(shifting)
    found = shifting.resources(*ENCRYPTED)
    assert {resource.type for resource in found} == set(ENCRYPTED)
    for resource in found:
        assert stage.value(resource.service, key_of(resource)) == stage.arn(key), resource
        assert not resource.properties.get("SqsManagedSseEnabled"), resource


def test_stage_without_the_setting_has_no_key(assembly: Assembly, lasting: Assembly) -> None:
    for stage in (assembly, lasting):
        assert stage.resources("KMS::Key") == []
        assert not [policy for policy in stage.resources("IAM::Policy") if "kms:" in str(policy.properties)]


def test_roles_may_use_the_key_before_their_data_is_encrypted(shifting: Assembly) -> None:
    for service in shifting.templates:
        uses = [policy for policy in shifting.resources("IAM::Policy", service=service) if "KeyUse" in policy.id]
        resources = {resource.id for resource in shifting.resources(service=service)}
        for policy in uses:
            named = resources.intersection(texts(policy.properties)) - {policy.id}
            assert named == {referred(role) for role in policy.properties["Roles"]}, policy
        for resource in shifting.resources(*ENCRYPTED, service=service):
            assert {policy.id for policy in uses} <= set(listed(resource.entry.get("DependsOn", []))), resource


def test_key_rotates_and_outlives_a_lasting_stage(shifting: Assembly) -> None:
    key, _ = key_and_policy(shifting)
    assert key.properties["EnableKeyRotation"] is True
    assert key.entry["DeletionPolicy"] == key.entry["UpdateReplacePolicy"] == "Retain"


def test_key_policy_names_its_actions_and_principals(shifting: Assembly) -> None:
    _, policy = key_and_policy(shifting)
    for sid, statement in policy.items():
        assert statement["Effect"] == "Allow"
        assert not [text for text in (*listed(statement["Action"]), *texts(statement["Principal"])) if "*" in text], sid


def test_roles_of_the_account_use_the_key_through_services_only(shifting: Assembly) -> None:
    _, policy = key_and_policy(shifting)
    of_the_account = {sid: statement for sid, statement in policy.items() if "AWS" in statement["Principal"]}
    administers = of_the_account.pop("AccountAdministers")
    assert not {"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:CreateGrant"} & set(administers["Action"])
    assert set(of_the_account) == {"AccountUsesThroughServices", "AccountMakesTables"}
    for statement in of_the_account.values():
        services = listed(statement["Condition"]["StringEquals"]["kms:ViaService"])
        assert all(service.endswith(".eu-central-1.amazonaws.com") for service in services)
    assert of_the_account["AccountMakesTables"]["Condition"]["Bool"] == {"kms:GrantIsForAWSResource": "true"}


def test_services_use_the_key_for_this_account_and_these_log_groups(shifting: Assembly) -> None:
    _, policy = key_and_policy(shifting)
    by_service = {sid: statement for sid, statement in policy.items() if "Service" in statement["Principal"]}
    assert set(by_service) == {"EventBridgeFindsKey", "EventBridgeArchivesAndDelivers", "LogsOfTheStage"}
    assert by_service["EventBridgeFindsKey"]["Action"] == "kms:DescribeKey"
    delivers, logs = by_service["EventBridgeArchivesAndDelivers"], by_service["LogsOfTheStage"]
    assert delivers["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    context = Resolved(shifting).value("platform", logs["Condition"]["ArnLike"])
    groups = f"arn:aws:logs:eu-central-1:{ACCOUNT}:log-group:OrderflowProd-*"
    assert context == {"kms:EncryptionContext:aws:logs:arn": groups}


def test_unknown_key_is_refused() -> None:
    with pytest.raises(StageError, match="encryption_key"):
        stages.parse("shop", "ephemeral: true\nencryption_key: alias/mine", "shop.yaml")
