"""A log group: kept for a while, then gone. What must last is in tables and in the archive."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct


def log_group(scope: Construct, name: str = "Log") -> logs.LogGroup:
    """A log group of `scope`'s own, kept for a month."""
    return logs.LogGroup(scope, name, retention=logs.RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY)
