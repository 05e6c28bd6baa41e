"""A laptop target cannot reach a real account, whatever the person's environment says."""

import os

import pytest

from operations.aws.target import Kind, Target
from operations.errors import UserError
from orderctl.cli import resolve_target

LOOPBACK = "http://127.0.0.1:4599"


@pytest.fixture
def persons_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set an environment that points at a real account in every way that the SDKs know."""
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/home/somebody/.aws/config")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "real")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example.com:3128")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://s3.eu-west-1.amazonaws.com")


@pytest.mark.parametrize(
    "endpoint",
    ["https://dynamodb.us-east-1.amazonaws.com", "http://10.0.0.1:4566", "http://localhost.example.com:4566", "http:///x"],
)
def test_endpoint_on_another_machine_is_refused(endpoint: str) -> None:
    with pytest.raises(UserError, match="not on this machine"):
        Target().at(endpoint)
    with pytest.raises(UserError, match="not on this machine"):
        Target(endpoint_url=endpoint).client("sqs")
    with pytest.raises(UserError, match="not on this machine"):
        Target(endpoint_url=endpoint).environment()


@pytest.mark.parametrize("endpoint", [LOOPBACK, "http://localhost:4566", "http://api.localhost:4566", "http://[::1]:4566"])
def test_endpoint_on_this_machine_is_accepted(endpoint: str) -> None:
    assert Target().at(endpoint).endpoint_url == endpoint


@pytest.mark.usefixtures("persons_own")
def test_client_has_no_credentials_of_the_user() -> None:
    client = Target().at(LOOPBACK).client("s3", read_timeout=7)
    assert client.meta.endpoint_url == LOOPBACK
    assert client.meta.region_name == "us-east-1"
    assert client.meta.config.read_timeout == 7
    credentials = client._request_signer._credentials
    assert (credentials.access_key, credentials.secret_key, credentials.token) == ("test", "test", None)
    assert os.environ["AWS_PROFILE"] == "production"


def test_a_client_is_made_once_for_each_target_and_configuration() -> None:
    """Making one costs a tenth of a second, and an import asks for thousands."""
    target = Target().at(LOOPBACK)
    assert target.client("sqs") is Target().at(LOOPBACK).client("sqs")
    assert target.client("sqs", read_timeout=7).meta.config.read_timeout == 7
    assert target.client("sqs") is not target.client("sqs", read_timeout=7)
    assert target.client("sqs") is not Target().at("http://127.0.0.1:4600").client("sqs")


def test_real_account_never_uses_the_address_of_the_laptop() -> None:
    client = Target(Kind.AWS, LOOPBACK, "eu-west-1").client("sqs")
    assert client.meta.endpoint_url == "https://sqs.eu-west-1.amazonaws.com"


@pytest.mark.usefixtures("persons_own")
def test_child_process_gets_no_credentials_of_the_user() -> None:
    environment = Target().at(LOOPBACK).environment()
    assert "AWS_PROFILE" not in environment
    assert "AWS_SESSION_TOKEN" not in environment
    assert environment["AWS_ACCESS_KEY_ID"] == "test"
    assert environment["AWS_CONFIG_FILE"] == os.devnull
    assert {v for k, v in environment.items() if k.startswith("AWS_ENDPOINT_URL")} == {LOOPBACK}
    assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == "us-east-1"


def test_real_account_must_be_chosen_explicitly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", LOOPBACK)
    target = Target(Kind.AWS, None, "eu-west-1", "prod", None)
    assert "AWS_ENDPOINT_URL" not in target.environment()
    with pytest.raises(Exception, match="--target aws"):
        resolve_target(Kind.LAPTOP, profile="production")


def test_missing_emulator_names_the_next_step() -> None:
    with pytest.raises(UserError) as caught:
        Target().client("sqs")
    assert "orderctl up" in caught.value.hint
