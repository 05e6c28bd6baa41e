"""The AWS clients of the functions, one of each kind, with bounded time-outs and stated retries.

Their time-outs are in `timeouts.py`, from which the time budgets are computed.
"""

from functools import cache, cached_property
from typing import Any

import boto3
import urllib3
from botocore.config import Config

from kernel.timeouts import CONNECT_SECONDS, DYNAMODB, EVENTS, FUNCTIONS, SECRETS, SES, SQS, Patience

AwsClient = Any
"""A client of boto3, which makes its methods at run time."""


def _client(service: str, patience: Patience) -> AwsClient:
    retries = {"mode": "standard", "total_max_attempts": patience.attempts}
    timeouts = {"connect_timeout": patience.connect, "read_timeout": patience.read}
    return boto3.client(service, config=Config(**timeouts, retries=retries, max_pool_connections=16))


class Clients:
    """The clients of one function, each made at its first use and kept. `bootstrap` takes them; a test passes its own."""

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

    def workflows(self, read_timeout: float) -> AwsClient:
        """Return Step Functions, without retries: botocore would send StartSyncExecution three times (measured on 1.44.5)."""
        return _workflows(read_timeout)

    def http(self, read_timeout: float) -> urllib3.PoolManager:
        """Return HTTPS to the outside world. It never retries or follows redirects; callers decide what is safe to repeat."""
        return http(read_timeout)


@cache
def _workflows(read_timeout: float) -> AwsClient:
    return _client("stepfunctions", Patience(1, CONNECT_SECONDS, read_timeout))


@cache
def dynamodb() -> AwsClient:
    """Return the process's client; pass `Clients` to a `bootstrap` instead."""
    return Clients().dynamodb


@cache
def events() -> AwsClient:
    """Return the process's client; pass `Clients` to a `bootstrap` instead."""
    return Clients().events


@cache
def sqs() -> AwsClient:
    """Return the process's client; pass `Clients` to a `bootstrap` instead."""
    return Clients().sqs


@cache
def functions() -> AwsClient:
    """Return the process's client; pass `Clients` to a `bootstrap` instead."""
    return Clients().functions


@cache
def ses() -> AwsClient:
    """Return the process's client; pass `Clients` to a `bootstrap` instead."""
    return Clients().ses


@cache
def workflows(read_timeout: float) -> AwsClient:
    """Return the process's client; pass `Clients` to a `bootstrap` instead."""
    return _workflows(read_timeout)


@cache
def secrets() -> AwsClient:
    """Return the process's client; pass `Clients` to a `bootstrap` instead."""
    return Clients().secrets


@cache
def http(read_timeout: float) -> urllib3.PoolManager:
    """Return the process's HTTPS client. No retries, no redirects: callers decide what is safe to repeat."""
    return urllib3.PoolManager(timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=read_timeout), retries=False, maxsize=4)
