"""`-o json`: each command that prints a result has it. The commands come from the command line itself."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from orderctl.cli import app
from tests.support.documented_commands import commands

OF_THE_CDK = "prints what the CDK prints"
NO_RESULT = "has no result but its exit code; standard error says what was done"
WITHOUT = {
    "bootstrap": OF_THE_CDK,
    "cdk": OF_THE_CDK,
    "console": "serves the page until it is stopped",
    "contacts put": NO_RESULT,
    "demo": "a show for a person, not for a program",
    "deploy": OF_THE_CDK,
    "destroy": NO_RESULT,
    "diff": OF_THE_CDK,
    "docs build": NO_RESULT,
    "down": NO_RESULT,
    "schemas build": NO_RESULT,
    "schemas release": NO_RESULT,
}
"""The commands without `-o json`, each with its reason."""


def test_each_command_with_a_result_prints_it_as_json() -> None:
    without = {" ".join(names) for names, command in commands() if not any("-o" in each.opts for each in command.params)}
    assert without == WITHOUT.keys()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ORDERFLOW_STAGES", str(tmp_path))
    monkeypatch.setenv("ORDERFLOW_HOME", str(tmp_path / "home"))
    (tmp_path / "dev.yaml").write_text("ephemeral: true\n")
    return tmp_path


def printed(*arguments: str, exit_code: int = 0) -> Any:
    answer = CliRunner().invoke(app, [*arguments, "-o", "json"])
    assert (answer.exit_code == 0) is (exit_code == 0), answer.output
    return json.loads(answer.stdout)


def test_mail_is_printed_with_its_page(folder: Path) -> None:
    mail = printed("mails", "preview", "dispatched")
    assert mail.keys() == {"kind", "subject", "text", "html"}
    assert mail["html"].startswith("<!")


def test_written_mails_are_printed_with_their_files(folder: Path) -> None:
    mails = printed("mails", "preview", "--to", str(folder / "mails"))
    assert sorted(mail["kind"] for mail in mails) == ["backordered", "cancelled", "confirmed", "dispatched"]
    assert all(Path(mail[end]).exists() for mail in mails for end in ("txt", "html"))


def test_checked_stages_are_printed_with_their_faults(folder: Path) -> None:
    (folder / "test.yaml").write_text("gateway: barter\n")
    good, bad = printed("stages", "check", exit_code=3)
    assert good == {"stage": "dev", "fault": None, "remarks": []}
    assert "test.yaml" in bad["fault"]


def test_new_files_are_printed_with_the_next_commands(folder: Path) -> None:
    assert printed("stages", "new", "prod") == {"stage": "prod", "file": str(folder / "prod.yaml")}
    made = printed("new", "channel", "market", "--for", "prod")
    assert made["files"] == [str(folder / "prod.yaml")]
    assert made["next"][1] == "orderctl --target aws --stage prod deploy platform"
