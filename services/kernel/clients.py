"""The AWS clients of the functions, one of each kind, with bounded time-outs and stated retries.

A client's whole patience (attempts x time-outs) stays inside the time-out of the function or workflow task that uses it.
"""

from functools import cache
from typing import Any

import boto3
import urllib3
from botocore.config import Config


def _client(service: str, attempts: int, read_timeout: float, connect_timeout: float = 1.0) -> Any:
    retries = {"mode": "standard", "total_max_attempts": attempts}
    return boto3.client(
        service,
        config=Config(connect_timeout=connect_timeout, read_timeout=read_timeout, retries=retries, max_pool_connections=16),
    )


@cache
def dynamodb() -> Any:
    """Every write is conditional, so a repeated one is refused or finds its own result."""
    return _client("dynamodb", attempts=3, read_timeout=1.0, connect_timeout=0.5)


@cache
def events() -> Any:
    """A repeated PutEvents makes duplicates, which every consumer dedupes by event id."""
    return _client("events", attempts=3, read_timeout=3.0)


@cache
def sqs() -> Any:
    """A repeated SendMessage to a dead-letter queue makes a second copy of a message already set aside."""
    return _client("sqs", attempts=3, read_timeout=3.0)


@cache
def functions() -> Any:
    """Used for queries only (`contact`), which may repeat."""
    return _client("lambda", attempts=2, read_timeout=3.0)


@cache
def ses() -> Any:
    """SES has no idempotency token: a repeated SendEmail is a second mail, so it is sent once."""
    return _client("sesv2", attempts=1, read_timeout=5.0)


@cache
def workflows(read_timeout: float) -> Any:
    """Step Functions, once: botocore would send StartSyncExecution three times on a time-out (measured on 1.44.5)."""
    return _client("stepfunctions", attempts=1, read_timeout=read_timeout)


@cache
def secrets() -> Any:
    """A read, which may repeat."""
    return _client("secretsmanager", attempts=3, read_timeout=2.0)


@cache
def http(read_timeout: float) -> urllib3.PoolManager:
    """HTTPS to the outside world: no retries and no redirects, for whoever calls knows what may be repeated."""
    return urllib3.PoolManager(timeout=urllib3.Timeout(connect=1.0, read=read_timeout), retries=False, maxsize=4)
