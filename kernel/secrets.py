"""Secrets of the outside world (an API key, a webhook's signing secret), as Secrets Manager keeps them."""

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from kernel import clients

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


def secret_anew(arn: str) -> Iterator[str]:
    """Yield the secret's text as it is now, then its text before the last rotation, if there is one.

    Secrets Manager keeps the latter under the label AWSPREVIOUS
    (https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html). Raises GetParameterError, ClientError.
    """
    text = _provider().get(arn, max_age=KEPT_SECONDS, force_fetch=True)
    assert isinstance(text, str)
    yield text
    try:
        answer = clients.secrets().get_secret_value(SecretId=arn, VersionStage="AWSPREVIOUS")
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return
        raise
    yield answer["SecretString"]
