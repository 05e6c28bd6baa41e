"""A new service, event and channel pass the checks as they are made, in a copy of the repository."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import stages
from operations.errors import UserError
from operations.repository import REPOSITORY
from operations.scaffold import channel, event, service
from tests.support.repository_copy import copy

SERVICE = "services/loyalty"
HOUSE_RULES = "tests/infrastructure/test_house_rules.py"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the repository with a sixth service, an event of it, and a channel."""
    folder = copy(tmp_path_factory.mktemp("checkout"), "docs", "tests", "simulation")
    assert f"{SERVICE}/infrastructure.py" in service.create(folder, "loyalty", "OrderConfirmed")
    assert f"{SERVICE}/schemas/PointsGiven.v1.json" in event.create(folder, "loyalty", "PointsGiven")
    assert channel.create(folder, "market", "dev", ["role/market"]) == ["stages/dev.yaml"]
    if (REPOSITORY / ".mypy_cache").exists():
        shutil.copytree(REPOSITORY / ".mypy_cache", folder / ".mypy_cache")
    return folder


def run(checkout: Path, *command: str) -> None:
    """Run a command in the copy, and require that it succeeds."""
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "check",
    [
        ("ruff", "check", "app.py", SERVICE, "tests/unit/loyalty"),
        ("ruff", "format", "--check", "app.py", SERVICE, "tests/unit/loyalty"),
        ("mypy", "--explicit-package-bases", SERVICE),
        ("pytest", "-q", "tests/unit/loyalty", "tests/unit/test_readmes.py"),
        ("pytest", "-q", "tests/unit/test_subscriptions.py", "-k", "loyalty"),
        ("pytest", "-q", "tests/contract/test_schemas.py", "tests/contract/test_subscriptions.py", "-k", "loyalty or Points"),
        ("pytest", "-q", HOUSE_RULES),
    ],
    ids=" ".join,
)
def test_new_service_and_event_pass_the_check(checkout: Path, check: Sequence[str]) -> None:
    run(checkout, sys.executable, "-m", *check)


def test_new_service_keeps_to_the_floors_of_the_house(checkout: Path) -> None:
    run(checkout, str(Path(sys.executable).parent / "lint-imports"))


def test_new_channel_is_one_of_the_stage(checkout: Path) -> None:
    found = stages.parse("dev", (checkout / "stages" / "dev.yaml").read_text(), "dev.yaml")
    assert found.channels[-1] == stages.Channel("market", ("role/market",))
    before = stages.load("dev")
    assert found.channels[:-1] == before.channels


def test_what_is_made_is_not_made_again(checkout: Path) -> None:
    with pytest.raises(UserError, match="services/loyalty exists already"):
        service.create(checkout, "loyalty", "OrderConfirmed")
    with pytest.raises(UserError, match=r"PointsGiven.v1.json has the event PointsGiven already"):
        event.create(checkout, "shipping", "PointsGiven")
    with pytest.raises(UserError, match="market is declared twice"):
        channel.create(checkout, "market", "dev", ["role/market"])


def test_scaffold_that_fails_writes_nothing(tmp_path: Path) -> None:
    """The scaffold's build fails, because the copy has no documentation to build."""
    folder = copy(tmp_path)
    (folder / "services" / "shipping" / "README.md").unlink()
    before = sorted(folder.rglob("*"))
    with pytest.raises(UserError, match="so nothing was written"):
        service.create(folder, "loyalty", "OrderConfirmed")
    assert sorted(folder.rglob("*")) == before
