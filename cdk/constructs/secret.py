"""A secret of the outside world, kept by Secrets Manager; the template says that there is one and never what it is."""

from aws_cdk import aws_secretsmanager as secretsmanager

from cdk.constructs.function import ServiceFunction
from cdk.constructs.nag_suppressions import acknowledge
from cdk.service_stack import ServiceStack

SECRET_LENGTH = 48
SHARED = "shared with somebody outside, who has to change it at the same moment"
"""Why a secret is not rotated by itself."""


class ServiceSecret(secretsmanager.Secret):
    """`name`, made up when it is deployed; whoever shares it puts their own in its place. Published as `<name>-arn`."""

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
        stack.publish(f"{name}-arn", self.secret_arn)

    def give(self, variable: str, *functions: ServiceFunction) -> None:
        """Tell the functions, in that variable, which it is, and let them read it."""
        for function in functions:
            function.add_environment(variable, self.secret_arn)
            function.allow("secretsmanager:GetSecretValue", on=self.secret_arn)
