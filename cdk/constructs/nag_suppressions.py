"""Exceptions from the rules of cdk-nag, each with its reason, beside the resource that needs it."""

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def acknowledge(construct: IConstruct, reasons: dict[str, str]) -> None:
    """Suppress the rules named by `reasons`, such as `AwsSolutions-SQS3`, on the construct and its children."""
    for rule, reason in reasons.items():
        pack = rule.partition("-")[0]
        Validations.of(construct).acknowledge(Acknowledgment(id=f"{pack}::{rule}", reason=reason))
