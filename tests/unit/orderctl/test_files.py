"""Each command that takes the path of a file or folder: a wrong one is one error, before the command does anything else.

The commands and their paths come from the command line itself, so a new command is tried without another word.
"""

import errno
import os
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from operations.errors import EXIT_USAGE, UserError
from orderctl.cli import app
from orderctl.terminal import files
from tests.support.documented_commands import commands

READ = ("catalogue set", "contacts put", "events publish", "orders import", "rules test")
WRITTEN = ("dlq drop", "trace")
FOLDERS = ("mails preview", "up")
NEEDED = {"dlq drop": ("--all",)}
"""Options that a command needs before it looks at its path."""
NO_AWS = ("--endpoint-url", "http://127.0.0.1:9")


def paths() -> dict[str, list[str]]:
    """Return the arguments of each command with a path, all but the path itself, by the command's name."""
    found = {}
    for names, command in commands():
        for parameter in command.params:
            if parameter.type_descriptor.annotation is Path:
                others = [each for each in command.params if each.required and each is not parameter]
                given = [word for each in others for word in ([] if each.opts[0] == each.name else [each.opts[0]]) + ["x"]]
                option = [] if parameter.opts[0] == parameter.name else [parameter.opts[0]]
                name = " ".join(names)
                found[name] = [*names, *NEEDED.get(name, ()), *given, *option]
    return found


PATHS = paths()


def refused(name: str, path: Path) -> UserError:
    """Return the error of a command that is given this path."""
    answer = CliRunner().invoke(app, [*NO_AWS, *PATHS[name], str(path)])
    assert isinstance(answer.exception, UserError), f"{answer.output}{answer.exception!r}"
    assert str(path) in answer.exception.message
    assert answer.exception.hint
    return answer.exception


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ORDERFLOW_HOME", str(tmp_path / "home"))
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    return tmp_path


def test_paths_of_all_commands_are_known() -> None:
    assert sorted(PATHS) == sorted((*READ, *WRITTEN, *FOLDERS))
    texts = [
        f"{' '.join(names)} {parameter.name}"
        for names, command in commands()
        for parameter in command.params
        if parameter.type_descriptor.annotation is str and {"file", "folder"} & set(str(parameter.help).lower().split()[:3])
    ]
    assert texts == [], "give it the type Path"


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize("wrong", ["none", "folder", "file/none", f"{'a' * 300}"])
def test_file_that_cannot_be_read_is_wrong_usage(home: Path, name: str, wrong: str) -> None:
    assert refused(name, home / wrong).exit_code == EXIT_USAGE


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize("wrong", ["binary", "file"])
def test_binary_or_empty_file_is_refused(home: Path, name: str, wrong: str) -> None:
    refused(name, home / wrong)


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("wrong", ["folder", "none/file", "file/none"])
def test_place_where_no_file_can_be_is_refused_first(home: Path, name: str, wrong: str) -> None:
    assert refused(name, home / wrong).exit_code == EXIT_USAGE


@pytest.mark.parametrize("name", FOLDERS)
@pytest.mark.parametrize("wrong", ["file", "file/none", "file/none/none"])
def test_place_where_no_folder_can_be_is_refused_first(home: Path, name: str, wrong: str) -> None:
    assert refused(name, home / wrong).exit_code == EXIT_USAGE
    assert not (home / "home").exists()


@pytest.mark.parametrize("name", [*WRITTEN, *FOLDERS])
def test_dash_is_no_path(home: Path, name: str) -> None:
    answer = refused(name, Path("-"))
    assert answer.exit_code == EXIT_USAGE
    assert "standard output" in answer.message


@pytest.mark.parametrize("name", PATHS)
def test_path_without_permission_is_refused(home: Path, name: str) -> None:
    for path in ("binary", "folder"):
        (home / path).chmod(0)
    if os.access(home / "binary", os.R_OK):
        pytest.skip("root may read and write everything")
    wrong = {**dict.fromkeys(READ, "binary"), **dict.fromkeys(WRITTEN, "folder/x"), **dict.fromkeys(FOLDERS, "folder/x")}
    answer = CliRunner().invoke(app, [*NO_AWS, *PATHS[name], str(home / wrong[name])], env={"TERMINAL_WIDTH": "400"})
    found = answer.exception if isinstance(answer.exception, UserError) else answer  # typer itself tries to read
    assert found.exit_code == EXIT_USAGE
    assert wrong[name] in f"{answer.output}{answer.exception}"


def test_stage_file_where_none_can_be_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERFLOW_STAGES", str(home / "file"))
    answer = CliRunner().invoke(app, ["stages", "new", "mine"])
    assert isinstance(answer.exception, UserError), answer.output
    assert (answer.exception.message, answer.exception.hint) == (
        f"Cannot use {home / 'file' / 'mine.yaml'}: Not a directory.",
        files.NEXT,
    )


@pytest.mark.parametrize("wrong", ["file", "file/home", "/proc/none"])
@pytest.mark.parametrize("command", [("up",), ("status",), ("orders", "list"), ("demo",)])
def test_home_that_cannot_be_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch, wrong: str, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("ORDERFLOW_HOME", str(home / wrong))
    answer = CliRunner().invoke(app, command)
    assert isinstance(answer.exception, UserError), f"{answer.output}{answer.exception!r}"
    if wrong != "/proc/none" or command[0] in ("up", "demo"):
        assert f"Cannot use {home / wrong}" in answer.exception.message
        assert "set ORDERFLOW_HOME" in answer.exception.hint


@pytest.mark.parametrize(
    ("error", "fault", "hint"),
    [
        (OSError(errno.ENOSPC, "Full"), "The command cannot write or read a file: Full.", "Free"),
        (OSError(errno.ENOSPC, "Full", "/x/y"), "Cannot use /x/y: Full.", "Free"),
        (FileExistsError(errno.EEXIST, "Exists", "/x/y"), "Cannot use /x/y: Exists.", "Check the path"),
        (FileNotFoundError(errno.ENOENT, "None", "git"), "Cannot use git: there is no such file or program.", "Install"),
    ],
)
def test_error_of_a_file_says_what_and_where_and_what_next(error: OSError, fault: str, hint: str) -> None:
    found = files.explained(error)
    assert found is not None
    assert found.message == fault
    assert found.hint.startswith(hint)


def test_error_of_no_file_stays_as_it_is() -> None:
    assert files.explained(ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")) is None


def test_full_disk_behind_the_output_is_one_error() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(["orderctl", "stages", "list"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "Error: The command cannot write or read a file: No space left on device.",
        "Free some space, then run the command again.",
    ]
