"""What cdk-nag objects to and we mean: said where it is meant, with the reason."""

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def acknowledge(construct: IConstruct, reasons: dict[str, str]) -> None:
    """Let the rules named by `reasons`, such as `AwsSolutions-SQS3`, pass on the construct and what is in it."""
    for rule, reason in reasons.items():
        pack = rule.partition("-")[0]
        Validations.of(construct).acknowledge(Acknowledgment(id=f"{pack}::{rule}", reason=reason))
