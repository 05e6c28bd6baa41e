"""Wrong usage of each option and argument: exit code 2, with the value, before anything is asked of AWS.

The parameters come from the command line itself, so a new one is tried without another word.
"""

import inspect
import json
from pathlib import Path
from typing import Any, get_args

import pytest
from typer.testing import CliRunner

from operations.errors import EXIT_USAGE, UserError
from operations.repository import REPOSITORY
from orderctl.cli import app
from orderctl.commands import lifecycle
from orderctl.commands.orders import CancelReason
from tests.support.documented_commands import commands

WRONG = "☃ wrong"
THE_STAGE_KNOWS = "names something that only the stage knows"
A_KEY = "a key of the caller's own"
LOGGED = "is logged or kept as it is"
OF_AN_EVENT = "a part of an event, which may be any"
FREE = {
    "address": "has a test of its own",
    "app": "another CDK app, for tests",
    "arguments": "the CDK reads them",
    "currency": THE_STAGE_KNOWS,
    "customer": THE_STAGE_KNOWS,
    "delivery": A_KEY,
    "despite_new_table": THE_STAGE_KNOWS,
    "detail_type": OF_AN_EVENT,
    "ids": THE_STAGE_KNOWS,
    "key": A_KEY,
    "order": THE_STAGE_KNOWS,
    "order_id": THE_STAGE_KNOWS,
    "reference": LOGGED,
    "rule": THE_STAGE_KNOWS,
    "sku": THE_STAGE_KNOWS,
    "skus": THE_STAGE_KNOWS,
    "source": OF_AN_EVENT,
    "take_up": THE_STAGE_KNOWS,
    "to": THE_STAGE_KNOWS,
    "token": THE_STAGE_KNOWS,
    "types": OF_AN_EVENT,
}
"""The texts that no command line can judge, by parameter, each with its reason."""
FREE_NAMES = {
    **dict.fromkeys(("alarms test", "dlq drop", "dlq redrive", "dlq show"), THE_STAGE_KNOWS),
    **dict.fromkeys(("replay cancel", "replay status"), THE_STAGE_KNOWS),
}
"""Arguments `name` of the same kind, by command."""
VALUES = {
    "file": str(REPOSITORY / "data" / "order-placed.json"),
    "items": "MUG-BLUE=1",
    "line": "MUG-BLUE=1",
    "moment": "2026-11-29T20:00:00Z",
    "new event name": "PaymentHeld",
    "new service name": "loyalty",
    "owner": "payment",
    "below": "1",
    "shards": "1",
}
"""Right values of what a command needs beside the wrong one, by parameter; any text does for the others."""
BESIDE = {
    "deploy --allow-change": ("payment",),
    "deploy --context": ("payment",),
    "replay plan --from": ("--until", "2026-11-23T10:00:00Z"),
    "replay plan --rate": ("--last", "1h"),
    "replay plan --until": ("--from", "2026-11-23T08:00:00Z"),
    "replay start --from": ("--until", "2026-11-23T10:00:00Z"),
    "replay start --rate": ("--last", "1h"),
    "replay start --until": ("--from", "2026-11-23T08:00:00Z"),
}
"""Options without which the wrong one is not looked at."""
NO_AWS = ("--endpoint-url", "http://127.0.0.1:9")


def is_free(name: str, parameter: Any) -> bool:
    """Return whether no command line can judge the text."""
    if parameter.name == "reason" and parameter.type_descriptor.annotation is str:
        return True  # logged, or kept with the refund, as it is
    return parameter.name in FREE or (parameter.name == "name" and name in FREE_NAMES)


def wrong_texts() -> dict[str, list[str]]:
    """Return a command line with a wrong value for each parameter that takes a text, a list or a choice."""
    found = {}
    for names, command in commands():
        for parameter in command.params:
            name, option = " ".join(names), parameter.opts[0]
            if parameter.type_descriptor.annotation in (bool, int, float, Path) or is_free(name, parameter):
                continue
            where = f"{name} {option}"
            others = [each for each in command.params if each.required or each is parameter]
            words = [
                word
                for each in others
                for word in (
                    *([each.opts[0]] if each.opts[0] != each.name else []),
                    WRONG if each is parameter else VALUES.get(f"{name} {each.name}", VALUES.get(each.name, "x")),
                )
            ]
            if parameter not in others:
                words += [option, WRONG]
            found[where] = [*names, *BESIDE.get(where, ()), *words]
    return found


TEXTS = wrong_texts()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ORDERFLOW_HOME", str(tmp_path / "home"))
    return tmp_path


def run(*arguments: str) -> tuple[int, str]:
    """Return the exit code of a command, and what it said."""
    answer = CliRunner().invoke(app, arguments, env={"COLUMNS": "400", "TERMINAL_WIDTH": "400"})
    if isinstance(answer.exception, UserError):
        assert answer.exception.hint
        return answer.exception.exit_code, answer.exception.message
    return answer.exit_code, f"{answer.output}{'' if answer.exit_code else answer.exception}"


@pytest.mark.parametrize("where", TEXTS)
def test_wrong_value_is_wrong_usage(where: str) -> None:
    code, said = run(*NO_AWS, *TEXTS[where])
    assert (code, WRONG in said or where.split()[-1] in said) == (EXIT_USAGE, True), said


@pytest.mark.parametrize("command", ["suppress", "suppressed", "allow"])
def test_address_that_is_none_is_wrong_usage(command: str) -> None:
    assert run(*NO_AWS, "mails", command, WRONG)[0] == EXIT_USAGE


LIFECYCLE = dict(inspect.getmembers(lifecycle, inspect.isfunction))
LAPTOP_ONLY = [name for name in LIFECYCLE if "laptop_of(ctx)" in inspect.getsource(LIFECYCLE[name])]


@pytest.mark.parametrize("command", [*LAPTOP_ONLY, "demo", "faults list", "faults start declined-card", "faults stop"])
def test_command_of_the_laptop_is_wrong_usage_on_aws(command: str) -> None:
    code, said = run("--target", "aws", "--stage", "dev", "--region", "eu-central-1", *command.split())
    assert (code, "laptop" in said) == (EXIT_USAGE, True), said


def test_reasons_of_a_cancellation_are_those_of_the_api() -> None:
    request = json.loads((REPOSITORY / "services" / "order" / "requests" / "cancel.json").read_text())
    assert sorted(get_args(CancelReason)) == sorted(request["properties"]["reason"]["enum"])


@pytest.mark.parametrize("option", [("list", "--status", "confirmed"), ("cancel", "x", "--reason", "customer")])
def test_choice_in_small_letters_is_known(option: tuple[str, ...]) -> None:
    code, said = run(*NO_AWS, "orders", *option)
    assert (code, "is not one of" in said) == (1, False), said
