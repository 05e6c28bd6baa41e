"""The AWS clients of the functions, one of each kind, with bounded time-outs and stated retries.

Their time-outs are in `patience.py`, from which the time budgets are computed.
"""

from functools import cache
from typing import Any

import boto3
import urllib3
from botocore.config import Config

from kernel.timeouts import CONNECT_SECONDS, DYNAMODB, EVENTS, FUNCTIONS, SECRETS, SES, SQS, Patience


def _client(service: str, patience: Patience) -> Any:
    retries = {"mode": "standard", "total_max_attempts": patience.attempts}
    timeouts = {"connect_timeout": patience.connect, "read_timeout": patience.read}
    return boto3.client(service, config=Config(**timeouts, retries=retries, max_pool_connections=16))


@cache
def dynamodb() -> Any:
    """Every write is conditional, so a repeated one is refused or finds its own result."""
    return _client("dynamodb", DYNAMODB)


@cache
def events() -> Any:
    """A repeated PutEvents makes duplicates, which every consumer dedupes by event id."""
    return _client("events", EVENTS)


@cache
def sqs() -> Any:
    """A repeated SendMessage to a dead-letter queue makes a second copy of a message already set aside."""
    return _client("sqs", SQS)


@cache
def functions() -> Any:
    """Used for queries only (`contact`, `facts`), which may repeat."""
    return _client("lambda", FUNCTIONS)


@cache
def ses() -> Any:
    """SES has no idempotency token: a repeated SendEmail is a second mail, so it is sent once."""
    return _client("sesv2", SES)


@cache
def workflows(read_timeout: float) -> Any:
    """Step Functions, once: botocore would send StartSyncExecution three times on a time-out (measured on 1.44.5)."""
    return _client("stepfunctions", Patience(1, CONNECT_SECONDS, read_timeout))


@cache
def secrets() -> Any:
    """A read, which may repeat."""
    return _client("secretsmanager", SECRETS)


@cache
def http(read_timeout: float) -> urllib3.PoolManager:
    """HTTPS to the outside world: no retries and no redirects, for whoever calls knows what may be repeated."""
    return urllib3.PoolManager(timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=read_timeout), retries=False, maxsize=4)
