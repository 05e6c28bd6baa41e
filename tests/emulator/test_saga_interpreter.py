"""The simulation's workflow interpreter against the engine: the same definition, the same scripted answers, the same end."""

import json
from pathlib import Path

import pytest

from services.order.workflow.definition import definition
from tests.emulator.conftest import Engine
from tests.support import deployment
from tests.support.workflow_cases import CASES, Case, in_order

SCRIPTED = '''
import json, os, pathlib

def handler(event, context):
    """Answers a command by the script that its order id names, and writes down that it was asked."""
    folder = pathlib.Path(os.environ["SCRIPTS"]) / event["order_id"]
    with (folder / "calls").open("a") as calls:
        calls.write(event["command"] + "\\n")
    tried = (folder / "calls").read_text().split().count(event["command"])
    answers = json.loads((folder / "script").read_text())[event["command"]]
    told = answers[min(tried, len(answers)) - 1]
    if isinstance(told, str):
        raise type(told, (Exception,), {})("scripted")
    return {**told, **({"order_id": event["order_id"]} if "order_id" in told else {})}
'''


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scripts")


@pytest.fixture(scope="module")
def saga(engine: Engine, scripts: Path) -> str:
    if not engine.extended:
        pytest.skip("without its extensions the engine drops a Parallel's output")
    function = deployment.function(engine.target, "scripted", SCRIPTED, SCRIPTS=str(scripts))
    text = json.dumps(definition())
    for name in ("Order", "Payment", "Inventory"):
        text = text.replace(f"${{{name}Commands}}", function)
    return deployment.workflow(engine.target, "scripted-saga", json.loads(text))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_engine_ends_as_the_interpreter_does(engine: Engine, saga: str, scripts: Path, case: Case) -> None:
    order_id = f"ord-{CASES.index(case)}"
    folder = scripts / order_id
    folder.mkdir()
    (folder / "calls").touch()
    (folder / "script").write_text(json.dumps(case.script()))
    ended = deployment.run(engine.target, saga, case.workflow_input(order_id))
    assert in_order((folder / "calls").read_text().split()) == case.calls
    if case.error:
        assert (ended["status"], ended["error"]) == ("FAILED", case.error)
    else:
        assert ended["output"]["decision"]["outcome"] == case.status
        assert ended["output"] | {"decision": None} == {
            "order_id": order_id,
            "status": case.status,
            "reason": case.reason,
            "decision": None,
        }
