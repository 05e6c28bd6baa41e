"""The stage's own key, if its setting `encryption_key` is `own`: the data that it encrypts, and the roles that use it.

It encrypts tables, queues, secrets, logs, the archive and the journal's bucket. It does not encrypt the bus: ADR 4 says why.
"""

from collections.abc import Iterator
from itertools import groupby
from typing import Final, cast

from aws_cdk import CfnResource
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sqs as sqs
from constructs import Construct, IConstruct

from cdk.constructs.acknowledgement import acknowledge
from cdk.service_stack import PLATFORM, ServiceStack
from kernel.naming import stack_name

OWN: Final = "own"
KEY_OF_AWS: Final = "a key of AWS encrypts it: an own key costs money for each key and each call (ADR 4)"
PARAMETER: Final = "encryption-key-arn"
KEY: Final = "Key"
USE: Final = "KeyUse"
"""The construct ids of the key, and of the policy by which a role uses it."""
THROUGH: Final = ("dynamodb", "events", "s3", "secretsmanager", "sqs")
"""The services that use the key with the permissions of their caller."""
ADMINISTRATION: Final = (
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:DisableKeyRotation",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListGrants",
    "kms:ListKeyPolicies",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:RevokeGrant",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
)
CRYPTOGRAPHY: Final = (
    "kms:Decrypt",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
)


def make_encryption_key(platform: ServiceStack) -> None:
    """Create the stage's key, if it has one. Publishes `encryption-key-arn`."""
    if platform.settings.encryption_key != OWN:
        return
    key = kms.Key(
        platform,
        KEY,
        description=f"Orderflow {platform.stage}: data at rest",
        enable_key_rotation=True,
        removal_policy=platform.removal_policy,
        policy=iam.PolicyDocument(statements=list(_statements(platform))),
    )
    platform.publish(PARAMETER, key.key_arn)


def key_arn(stack: ServiceStack) -> str | None:
    """Return the ARN of the stage's own key; None for a stage without one."""
    if stack.settings.encryption_key != OWN:
        return None
    key = stack.node.try_find_child(KEY)
    return key.key_arn if isinstance(key, kms.Key) else stack.require(PLATFORM, PARAMETER)


def acknowledge_key_of_aws(stack: ServiceStack, construct: IConstruct, rule: str) -> None:
    """Suppress the rule of checkov that asks for an own key, if the stage has none."""
    if stack.settings.encryption_key != OWN:
        acknowledge(construct, {rule: KEY_OF_AWS})


def let_use_key(stack: ServiceStack, role: iam.IRole, *actions: str) -> None:
    """Let the role use the stage's key, if there is one, in calls of these actions.

    The permissions are in a policy of their own, which refers to no table or queue, so that it can be deployed before these
    are encrypted.
    """
    key = key_arn(stack)
    if key is None:
        return
    for service, found in groupby(sorted(actions), key=lambda action: action.partition(":")[0]):
        uses = sorted({use for action in found for use in uses_of(action)})
        if uses:
            through = {"StringEquals": {"kms:ViaService": f"{service}.{stack.region}.amazonaws.com"}}
            _policy(role).add_statements(iam.PolicyStatement(actions=uses, resources=[key], conditions=through))


def uses_of(action: str) -> tuple[str, ...]:
    """Return the permissions on the key that a service needs of the caller of an action, such as `sqs:SendMessage`.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.howitworks.html,
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html,
    https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html,
    https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html
    """
    match action.split(":"):
        case ["sqs", "SendMessage"] | ["s3", "PutObject"]:
            return ("kms:Decrypt", "kms:GenerateDataKey")
        case ["sqs", "ReceiveMessage"] | ["secretsmanager", "GetSecretValue"] | ["dynamodb", _]:
            return ("kms:Decrypt",)
        case _:
            return ()


def encrypt(stack: ServiceStack) -> None:
    """Encrypt the data of the stack with the stage's key, if there is one. The stack must have all its resources."""
    key = key_arn(stack)
    if key is None:
        return
    found = stack.node.find_all()
    users = [each for each in found if isinstance(each, iam.Policy) and each.node.id == USE]
    for each in found:
        if isinstance(each, CfnResource) and _encrypt(each, key):
            each.node.add_dependency(*users)  # a role may use the key before its data needs the key


def _encrypt(resource: CfnResource, key: str) -> bool:
    """Encrypt the resource, and return True, if it holds data."""
    match resource:
        case dynamodb.CfnTable():
            kind = dynamodb.CfnTable
            resource.sse_specification = kind.SSESpecificationProperty(sse_enabled=True, sse_type="KMS", kms_master_key_id=key)
        case sqs.CfnQueue():
            resource.kms_master_key_id, resource.sqs_managed_sse_enabled = key, None
        case secretsmanager.CfnSecret() | logs.CfnLogGroup():
            resource.kms_key_id = key
        case events.CfnArchive():
            resource.kms_key_identifier = key
        case s3.CfnBucket():
            resource.bucket_encryption = _of_bucket(key)
        case _:
            return False
    return True


def _of_bucket(key: str) -> s3.CfnBucket.BucketEncryptionProperty:
    """Return the encryption of a bucket by a key of its own that S3 derives, so that few objects need a call of KMS."""
    default = s3.CfnBucket.ServerSideEncryptionByDefaultProperty(sse_algorithm="aws:kms", kms_master_key_id=key)
    rule = s3.CfnBucket.ServerSideEncryptionRuleProperty(server_side_encryption_by_default=default, bucket_key_enabled=True)
    return s3.CfnBucket.BucketEncryptionProperty(server_side_encryption_configuration=[rule])


def _policy(role: iam.IRole) -> iam.Policy:
    found = role.node.try_find_child(USE)
    return found if isinstance(found, iam.Policy) else iam.Policy(cast(Construct, role), USE, roles=[role])


def _statements(platform: ServiceStack) -> Iterator[iam.PolicyStatement]:
    """Yield the key's policy. Of the account, it leaves the choice of roles to IAM, and lets none use the key directly.

    In the policy of a key, `*` is the key itself.
    """
    account, region = platform.account, platform.region
    through = {"kms:ViaService": [f"{service}.{region}.amazonaws.com" for service in THROUGH]}
    granted = {"StringEquals": {"kms:ViaService": f"dynamodb.{region}.amazonaws.com"}}
    yield _statement("AccountAdministers", iam.AccountRootPrincipal(), ADMINISTRATION)
    yield _statement("AccountUsesThroughServices", iam.AccountRootPrincipal(), CRYPTOGRAPHY, {"StringEquals": through})
    yield _statement(
        "AccountMakesTables",
        iam.AccountRootPrincipal(),
        ("kms:CreateGrant",),
        {**granted, "Bool": {"kms:GrantIsForAWSResource": "true"}},
    )
    bus = iam.ServicePrincipal("events.amazonaws.com")
    yield _statement("EventBridgeFindsKey", bus, ("kms:DescribeKey",))
    yield _statement(
        "EventBridgeArchivesAndDelivers",
        bus,
        ("kms:Decrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"),
        {"StringEquals": {"aws:SourceAccount": account}},
    )
    groups = f"arn:{platform.partition}:logs:{region}:{account}:log-group:{stack_name(platform.stage, '')}*"
    yield _statement(
        "LogsOfTheStage",
        iam.ServicePrincipal(f"logs.{region}.amazonaws.com"),
        (*CRYPTOGRAPHY, "kms:DescribeKey"),
        {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
    )


def _statement(
    sid: str, principal: iam.IPrincipal, actions: tuple[str, ...], conditions: dict[str, object] | None = None
) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        sid=sid, principals=[principal], actions=list(actions), resources=["*"], conditions=conditions or {}
    )
