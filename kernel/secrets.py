"""Secrets of the outside world (an API key, a webhook's signing secret), as Secrets Manager keeps them."""

from collections.abc import Iterator
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from kernel import clock
from kernel.clients import AwsClient, Clients
from kernel.measures import Measure, Metric
from kernel.metrics import emit_of_stage

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.parameters.secrets import SecretsProvider

KEPT_SECONDS: Final = 300
"""How long a function goes on with a secret before it asks again: a rotated secret is taken up within that time."""

AGE: Final = Metric("SecretAgeDays", "Count", "days since the current version of the secret with this ARN was made", "secret")
"""Each function emits it for each secret that it reads, once a day at most. A metric for each secret, by its ARN."""


class _Dated:
    """A client of Secrets Manager that emits the age of each secret that it reads, once a day."""

    def __init__(self, client: AwsClient) -> None:
        self.client = client
        self.measured: dict[str, date] = {}

    def get_secret_value(self, **request: str) -> dict[str, Any]:
        """Return the answer of GetSecretValue. Its CreatedDate is that of the version, not of the secret."""
        answer: dict[str, Any] = self.client.get_secret_value(**request)
        now, arn, made = clock.now(), request["SecretId"], answer.get("CreatedDate")
        if made and self.measured.get(arn) != now.date():
            self.measured[arn] = now.date()
            emit_of_stage(Measure(AGE, max(0, (now - made).days), arn))
        return answer


class Secrets:
    """The secrets of Secrets Manager by their ARNs, each kept for KEPT_SECONDS.

    White space around a secret is cut off: a key from a file ends in a line break, which no HTTP header may have.
    """

    def __init__(self, clients: Clients) -> None:
        self.clients = clients

    @cached_property
    def _provider(self) -> "SecretsProvider":
        """Powertools' provider, imported only for a function that reads secrets: the import takes a tenth of a second."""
        from aws_lambda_powertools.utilities.parameters.secrets import SecretsProvider

        return SecretsProvider(boto3_client=_Dated(self.clients.secrets))

    def prepare(self) -> "Secrets":
        """Make the client now, because each event reads a secret; return the secrets."""
        self._provider  # noqa: B018 - made and kept
        return self

    def read(self, arn: str) -> str:
        """Return the secret's text. Raises GetParameterError."""
        text = self._provider.get(arn, max_age=KEPT_SECONDS)
        assert isinstance(text, str)
        return text.strip()

    def read_anew(self, arn: str) -> Iterator[str]:
        """Yield the secret's current text, then its text before the last rotation, if there is one.

        Secrets Manager keeps the latter under the label AWSPREVIOUS
        (https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html). Raises GetParameterError,
        ClientError.
        """
        text = self._provider.get(arn, max_age=KEPT_SECONDS, force_fetch=True)
        assert isinstance(text, str)
        yield text.strip()
        try:
            answer = self.clients.secrets.get_secret_value(SecretId=arn, VersionStage="AWSPREVIOUS")
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return
            raise
        yield str(answer["SecretString"]).strip()
