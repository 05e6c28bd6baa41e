"""Secrets of the outside world (an API key, a webhook's signing secret), as Secrets Manager keeps them."""

from functools import cache
from typing import Final

from aws_lambda_powertools.utilities.parameters.secrets import SecretsProvider

from services.kernel import clients

KEPT_SECONDS: Final = 300
"""How long a function goes on with a secret before it asks again: a rotated secret is taken up within that time."""


@cache
def _provider() -> SecretsProvider:
    return SecretsProvider(boto3_client=clients.secrets())


def secret(arn: str) -> str:
    """The secret's text. Raises GetParameterError."""
    text = _provider().get(arn, max_age=KEPT_SECONDS)
    assert isinstance(text, str)
    return text
