"""The AWS clients of the functions, one of each kind, with bounded time-outs and stated retries.

Their time-outs are in `timeouts.py`, from which the time budgets are computed.
"""

from collections.abc import Callable
from functools import cache, cached_property
from threading import Lock
from typing import Any, Final

import boto3
import urllib3
from botocore.config import Config

from kernel.timeouts import CONNECT_SECONDS, DYNAMODB, EVENTS, FUNCTIONS, SECRETS, SES, SQS, Patience

AwsClient = Any
"""A client of boto3, which makes its methods at run time."""
CONNECTIONS: Final = 64
"""The most connections that a client keeps: one for each row that a sweep moves at once."""
_making = Lock()
"""Held while a client is made: threads may share boto3's clients, but not the session that makes them
(https://boto3.amazonaws.com/v1/documentation/api/latest/guide/clients.html#multithreading-or-multiprocessing-with-clients)."""


def _client(service: str, patience: Patience) -> AwsClient:
    retries = {"mode": "standard", "total_max_attempts": patience.attempts}
    timeouts = {"connect_timeout": patience.connect, "read_timeout": patience.read}
    with _making:
        return boto3.client(service, config=Config(**timeouts, retries=retries, max_pool_connections=CONNECTIONS))


class Clients:
    """The clients of one function, each made at its first use and kept. `bootstrap` takes them; a test passes its own.

    A client that each event needs is made in `bootstrap`, because Lambda runs that at the import; see `lambda_handler`.
    """

    @cached_property
    def dynamodb(self) -> AwsClient:
        """DynamoDB. Every write is conditional, so a repeated one is refused or finds its own result."""
        return _client("dynamodb", DYNAMODB)

    @cached_property
    def events(self) -> AwsClient:
        """EventBridge. A repeated PutEvents makes duplicates, which every consumer dedupes by event id."""
        return _client("events", EVENTS)

    @cached_property
    def sqs(self) -> AwsClient:
        """SQS. A repeated SendMessage to a dead-letter queue makes a second copy of a quarantined message."""
        return _client("sqs", SQS)

    @cached_property
    def functions(self) -> AwsClient:
        """Lambda, for queries only (`contact`, `facts`), which may repeat."""
        return _client("lambda", FUNCTIONS)

    @cached_property
    def ses(self) -> AwsClient:
        """SES. It has no idempotency token: a repeated SendEmail is a second mail, so it is sent once."""
        return _client("sesv2", SES)

    @cached_property
    def secrets(self) -> AwsClient:
        """Secrets Manager. A read may repeat."""
        return _client("secretsmanager", SECRETS)

    @cached_property
    def workflows(self) -> Callable[[float], AwsClient]:
        """Step Functions by the read time-out in seconds, one client for each.

        It makes no retries: botocore would send StartSyncExecution three times (measured on 1.44.5).
        """
        return cache(lambda seconds: _client("stepfunctions", Patience(1, CONNECT_SECONDS, seconds)))

    @cached_property
    def http(self) -> Callable[[float], urllib3.PoolManager]:
        """HTTPS to the outside world by the read time-out in seconds, one pool for each.

        It makes no retries and follows no redirects; callers decide what is safe to repeat.
        """
        return cache(_pool)


def _pool(seconds: float) -> urllib3.PoolManager:
    return urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=seconds), retries=False, maxsize=CONNECTIONS
    )
