"""Secrets of the outside world (an API key, a webhook's signing secret), as Secrets Manager keeps them."""

from functools import cache
from typing import TYPE_CHECKING, Final

from services.kernel import clients

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.parameters.secrets import SecretsProvider

KEPT_SECONDS: Final = 300
"""How long a function goes on with a secret before it asks again: a rotated secret is taken up within that time."""


@cache
def _provider() -> "SecretsProvider":
    """Imported when it is first asked: a function without a secret need not wait a tenth of a second for it."""
    from aws_lambda_powertools.utilities.parameters.secrets import SecretsProvider

    return SecretsProvider(boto3_client=clients.secrets())


def secret(arn: str) -> str:
    """The secret's text. Raises GetParameterError."""
    text = _provider().get(arn, max_age=KEPT_SECONDS)
    assert isinstance(text, str)
    return text
