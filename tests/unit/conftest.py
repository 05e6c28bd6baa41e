"""The base of every unit test: an AWS that is moto, and no network behind it."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.loaders import create_loader
from botocore.session import get_session
from moto import mock_aws
from pytest_socket import _remove_restrictions, disable_socket, enable_socket, socket_allow_hosts

LOADER = create_loader()
"""One reader of botocore's models for all tests. moto ends the default session after each, with all that it has read."""


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


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Return an empty AWS account for this test."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        session = get_session()
        session.register_component("data_loader", LOADER)
        boto3.setup_default_session(botocore_session=session)
        yield


@pytest.fixture
def dynamodb(aws: None) -> Any:
    return boto3.client("dynamodb")
