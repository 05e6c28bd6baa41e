"""The base of every unit test: an AWS that is moto, and no network behind it."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from pytest_socket import _remove_restrictions, disable_socket, enable_socket, socket_allow_hosts


@pytest.fixture(autouse=True)
def no_network() -> Iterator[None]:
    disable_socket(allow_unix_socket=True)
    yield
    enable_socket()


@pytest.fixture
def loopback(no_network: None) -> Iterator[None]:
    """Let a test with a server of its own reach this machine, and nothing else."""
    enable_socket()
    socket_allow_hosts(["127.0.0.1"])
    yield
    _remove_restrictions()


@pytest.fixture(scope="session")
def session() -> boto3.Session:
    """One session for all tests, with the models of the services that it has read. It keeps nothing of its clients."""
    return boto3.Session()


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, session: boto3.Session) -> Iterator[None]:
    """Return an empty AWS account for this test."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        boto3.DEFAULT_SESSION = session  # moto has ended the one before
        yield


@pytest.fixture
def dynamodb(aws: None) -> Any:
    return boto3.client("dynamodb")
