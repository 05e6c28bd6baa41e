"""Exceptions from the rules of cdk-nag and checkov, each with its reason, beside the resource that needs it."""

from typing import Final

from aws_cdk import Acknowledgment, CfnResource, Validations
from constructs import IConstruct

CHECKOV: Final = "CKV_"
"""The beginning of checkov's rules. All others are cdk-nag's."""


def acknowledge(construct: IConstruct, reasons: dict[str, str]) -> None:
    """Suppress the rules named by `reasons`: of cdk-nag, on the construct and its children, and of checkov, on its resource.

    A rule of cdk-nag is named such as `AwsSolutions-SQS3`, one of checkov such as `CKV_AWS_27`.
    """
    skipped = {rule: reason for rule, reason in reasons.items() if rule.startswith(CHECKOV)}
    for rule, reason in reasons.items():
        if rule not in skipped:
            pack = rule.partition("-")[0]
            Validations.of(construct).acknowledge(Acknowledgment(id=f"{pack}::{rule}", reason=reason))
    if skipped:
        resource = construct if isinstance(construct, CfnResource) else construct.node.default_child
        assert isinstance(resource, CfnResource)
        resource.add_metadata("checkov", {"skip": [{"id": rule, "comment": reason} for rule, reason in skipped.items()]})
