"""Log groups. Logs expire; data that must last is in tables and in the archive."""

from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk.constructs.encryption import acknowledge_key_of_aws
from cdk.service_stack import ServiceStack


def log_group(stack: ServiceStack, scope: Construct, name: str = "Log") -> logs.LogGroup:
    """Create a log group for `scope`. It keeps lines for the stage's retention and outlives its stack where tables do."""
    made = logs.LogGroup(scope, name, removal_policy=stack.removal_policy)
    resource = made.node.default_child
    assert isinstance(resource, logs.CfnLogGroup)
    resource.retention_in_days = stack.settings.log_retention_days
    acknowledge_key_of_aws(stack, resource, "CKV_AWS_158")
    return made
