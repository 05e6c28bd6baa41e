"""Secrets that we share with other companies, in Secrets Manager. The template never has their values.

No schedule rotates them. The functions that read one emit its age, on which `cdk/alarm_inventory.py` puts an alarm.
"""

from aws_cdk import aws_secretsmanager as secretsmanager

from cdk.constructs.acknowledgement import acknowledge
from cdk.constructs.encryption import acknowledge_key_of_aws
from cdk.constructs.function import ServiceFunction
from cdk.service_stack import ServiceStack

SECRET_LENGTH = 48
SHARED = "shared with a company outside, which has to change it at the same moment"
"""The reason why a secret is not rotated automatically."""


class ServiceSecret(secretsmanager.Secret):
    """`name`, random when it is deployed; the operator replaces it by the shared value. Published as `<name>-arn`."""

    def __init__(self, stack: ServiceStack, name: str, description: str, *, not_rotated: str = SHARED) -> None:
        super().__init__(
            stack,
            name.title().replace("-", ""),
            description=f"Orderflow {stack.stage}: {description}",
            generate_secret_string=secretsmanager.SecretStringGenerator(
                exclude_punctuation=True, password_length=SECRET_LENGTH
            ),
            removal_policy=stack.removal_policy,
        )
        acknowledge(self, {"AwsSolutions-SMG4": not_rotated})
        acknowledge_key_of_aws(stack, self, "CKV_AWS_149")
        stack.publish(f"{name}-arn", self.secret_arn)

    def grant_read_to(self, variable: str, *functions: ServiceFunction) -> None:
        """Set the variable of the functions to the secret's ARN, and let them read the secret."""
        for function in functions:
            function.add_environment(variable, self.secret_arn)
            function.allow("secretsmanager:GetSecretValue", on=self.secret_arn)
