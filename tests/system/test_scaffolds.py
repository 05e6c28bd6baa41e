"""A new service, its event and a new channel pass the checks as they are made, in one copy of the repository.

The runbook of a new service, in `test_runbooks.py`, deploys one alone and supplies its history.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import stages
from operations.errors import UserError
from operations.repository import REPOSITORY
from operations.scaffold import channel, event, service
from operations.scaffold.workspace import Workspace, workspace

SERVICE = "services/loyalty"
OWN = ("app.py", SERVICE, "tests/unit/loyalty")
BIN = Path(sys.executable).parent
LINKED = (".venv", "build", "node_modules")
"""Folders of the repository that the checks read."""
CHECKED_BY_TESTS = (
    "tests/unit/loyalty",
    "tests/unit/test_readmes.py",
    "tests/unit/test_subscriptions.py",
    "tests/contract/test_schemas.py",
    "tests/contract/test_subscriptions.py",
    "tests/infrastructure/test_house_rules.py",
    "tests/infrastructure/test_linting.py",
)
WHOLE = "(test_house_rules and not only_dev_deletes and not webhooks_leave) or (cdk_nag and assembly)"
"""The house rules and cdk-nag on stage dev. Two rules compare it with another stage, which takes another synthesis."""
CHOSEN = f"loyalty or Points or test_readmes or {WHOLE}"
"""Of the other tests, those of the new service and its event."""


@pytest.fixture(scope="module")
def made() -> Iterator[Workspace]:
    """Provide a copy of the repository with a sixth service, an event of it, and a channel, built once."""
    with workspace(REPOSITORY) as copy:
        for name in LINKED:
            (copy.folder / name).symlink_to(REPOSITORY / name)
        service.add(copy, "loyalty", service.owner_of(copy.folder, "OrderConfirmed"), "OrderConfirmed")
        event.add(copy, "loyalty", "PointsGiven")
        channel.create(copy.folder / "stages", "market", "dev", ["role/market"])
        copy.build()
        yield copy


def run(copy: Workspace, *command: str) -> None:
    """Run a command in the copy, and require that it succeeds."""
    environment = {**os.environ, "PYTHONPATH": str(copy.folder)}
    done = subprocess.run(command, cwd=copy.folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_files_are_new_or_of_what_they_change(made: Workspace) -> None:
    files = made.changed()
    assert {f"{SERVICE}/infrastructure.py", f"{SERVICE}/schemas/PointsGiven.v1.json", "app.py", "stages/dev.yaml"} < set(files)
    others = [file for file in files if file.startswith("services/") and not file.startswith(f"{SERVICE}/")]
    assert others == []


def test_page_reads_the_rows_of_the_new_service(made: Workspace) -> None:
    keys = "from operations.orders.store import OTHER_SERVICES; assert OTHER_SERVICES['loyalty'] == ('LOYALTY#{}',)"
    run(made, sys.executable, "-c", keys)


@pytest.mark.parametrize(
    "check",
    [
        ("ruff", "check", *OWN),
        ("ruff", "format", "--check", *OWN),
        ("mypy", "--explicit-package-bases", f"--cache-dir={REPOSITORY / '.mypy_cache'}", SERVICE),
        ("lint-imports",),
        ("pytest", "-q", *CHECKED_BY_TESTS, "-k", CHOSEN),
    ],
    ids=lambda check: check[0],
)
def test_new_service_and_event_pass_the_check(made: Workspace, check: Sequence[str]) -> None:
    run(made, str(BIN / check[0]), *check[1:])


def test_new_channel_is_one_of_the_stage(made: Workspace) -> None:
    before, found = (
        stages.parse("dev", (folder / "stages" / "dev.yaml").read_text(), "dev.yaml") for folder in (REPOSITORY, made.folder)
    )
    assert found.channels == (*before.channels, stages.Channel("market", ("role/market",)))


def test_what_is_made_is_not_made_again(made: Workspace) -> None:
    with pytest.raises(UserError, match="services/loyalty exists already"):
        service.create(made.folder, "loyalty", "OrderConfirmed")
    with pytest.raises(UserError, match=r"PointsGiven.v1.json has the event PointsGiven already"):
        event.create(made.folder, "shipping", "PointsGiven")
    with pytest.raises(UserError, match="has a channel market already"):
        channel.create(made.folder / "stages", "market", "dev", ["role/market"])
