"""Secrets: the age of each one that is read, as a metric of the stage."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kernel import clock
from kernel.clients import Clients
from kernel.secrets import Secrets

ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:StripeApiKey-x"
BEGUN = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Account:
    """Secrets Manager with one secret, whose current version was made `made_at`."""

    def __init__(self) -> None:
        self.made_at = BEGUN - timedelta(days=91, hours=5)
        self.now = BEGUN
        self.text = "shared"

    def get_secret_value(self, **_: str) -> dict[str, Any]:
        return {"SecretString": self.text, "CreatedDate": self.made_at}


@pytest.fixture
def account() -> Iterator[Account]:
    account = Account()
    with clock.use_source(lambda: account.now):
        yield account


def secrets_of(account: Account) -> Secrets:
    clients = Clients()
    clients.secrets = account
    return Secrets(clients)


def ages(capsys: pytest.CaptureFixture[str]) -> list[int]:
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith('{"_aws"')]
    for line in lines:
        assert line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["secret"]], "it is one metric for all services"
        assert line["secret"] == ARN
    return [int(value) for line in lines for value in line["SecretAgeDays"]]


def test_age_of_a_secret_is_measured_where_it_is_read(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    assert secrets_of(account).read(ARN) == account.text
    assert ages(capsys) == [91]


def test_age_is_measured_once_a_day(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    secrets = secrets_of(account)
    for _ in range(3):
        list(secrets.read_anew(ARN))
    assert ages(capsys) == [91]
    account.now += timedelta(days=1)
    list(secrets.read_anew(ARN))
    assert ages(capsys) == [92]


def test_secret_that_was_rotated_is_young(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    """The day's measure of the old version stays; the clock of Secrets Manager may be a little ahead."""
    secrets = secrets_of(account)
    secrets.read(ARN)
    account.made_at = account.now = BEGUN + timedelta(days=1)
    account.made_at += timedelta(seconds=2)
    list(secrets.read_anew(ARN))
    assert ages(capsys) == [91, 0]
