"""The switch for faults: each effect on a function of the running engine, and its end."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from laptop.emulator import process
from laptop.emulator.faults import ERROR, PATH
from operations import faults
from operations.errors import UserError
from operations.faults import Switch
from tests.emulator.conftest import Engine
from tests.support import deployment

pytestmark = pytest.mark.system
SOURCE = """
import pathlib, time
def handler(event, context):
    file = pathlib.Path(event["file"])
    with file.open("a") as runs:
        runs.write("begun\\n")
    time.sleep(event.get("seconds", 0))
    with file.open("a") as runs:
        runs.write("done\\n")
    return len(file.read_text().split())
"""
NAME = "OrderflowDev-Payment-CommandsFunction1"


@pytest.fixture
def invoked(engine: Engine, tmp_path: Path) -> Iterator[Any]:
    """Return a call of the function: its answer, whether it failed, and the lines that its runs wrote."""
    if not engine.extended:
        pytest.skip("the engine alone has no switch")
    client, file = engine.target.client("lambda"), tmp_path / "runs"
    deployment.function(engine.target, NAME, SOURCE)
    client.get_waiter("function_active_v2").wait(FunctionName=NAME)

    def call(**about: Any) -> tuple[object, bool, list[str]]:
        file.unlink(missing_ok=True)
        found = client.invoke(FunctionName=NAME, Payload=json.dumps({"file": str(file), **about}).encode())
        answer = json.load(found["Payload"])
        return answer, "FunctionError" in found, file.read_text().split() if file.exists() else []

    yield call
    switch(engine)
    client.delete_function(FunctionName=NAME)


def switch(engine: Engine, **about: Any) -> None:
    """Have one fault on, about this function, or none."""
    fault = {
        "name": "test",
        "functions": ["*-Payment-CommandsFunction*"],
        "commands": [],
        "source": "",
        "seconds": 0,
        "times": 0,
    }
    faults._switch(engine.target, [{**fault, **about}] if about else [])


def test_engine_leaves_the_home_of_other_laptops(engine: Engine) -> None:
    assert process.home() != engine.folder


def test_each_effect_lasts_until_it_is_switched_off(engine: Engine, invoked: Any) -> None:
    assert invoked() == (2, False, ["begun", "done"])
    switch(engine, effect="fail")
    assert invoked() == (ERROR["body"], True, [])
    switch(engine, effect="lose")
    assert invoked() == (ERROR["body"], True, ["begun", "done"])
    switch(engine, effect="repeat")
    assert invoked() == (4, False, ["begun", "done"] * 2)
    switch(engine, effect="delay", seconds=0.5)
    begin = time.monotonic()
    assert invoked() == (2, False, ["begun", "done"])
    assert time.monotonic() - begin >= 0.5
    switch(engine)
    assert invoked() == (2, False, ["begun", "done"])


def test_killed_process_ends_in_the_middle_and_the_next_invocation_has_another(engine: Engine, invoked: Any) -> None:
    invoked()  # the start of the process takes longer than the pause before its end
    switch(engine, effect="kill", seconds=0.3, times=1)
    _, failed, runs = invoked(seconds=3)
    assert (failed, runs) == (True, ["begun"])
    assert invoked() == (2, False, ["begun", "done"])


def test_fault_of_a_command_leaves_the_others_alone(engine: Engine, invoked: Any) -> None:
    switch(engine, effect="fail", commands=["capture"])
    assert invoked(command="authorize")[1] is False
    assert invoked(command="capture")[1] is True


def test_operations_list_what_is_on(engine: Engine) -> None:
    if not engine.extended:
        with pytest.raises(UserError, match="no switch for faults"):
            faults.listed(engine.target)
        return
    switch_of = faults.FAULTS["lost-answers"]
    assert isinstance(switch_of, Switch)
    faults._switch(engine.target, [faults._as_engine_has_it(engine.target, "lost-answers", switch_of)])
    assert [fault["name"] for fault in faults.listed(engine.target) if fault["on"]] == ["lost-answers"]
    assert faults.stop(engine.target, []) == ["lost-answers"]
    assert faults.PATH == PATH
