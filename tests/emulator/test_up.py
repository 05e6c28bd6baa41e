"""`orderctl up`, `status`, `env` and `down`, on a composition of two stacks and the real CDK command line."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from laptop import doctor
from laptop.emulator import process
from operations.aws.target import Target
from operations.errors import UserError
from orderctl.cli import app as cli
from tests.support.polling import eventually

pytestmark = pytest.mark.system

TOY = f"{sys.executable} {Path(__file__).with_name('toy_app.py')}"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the home of a separate laptop AWS, and end that AWS in any case."""
    folder = tmp_path_factory.mktemp("up")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("ORDERFLOW_HOME", str(folder))
        monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
        yield folder
        monkeypatch.setenv("ORDERFLOW_HOME", str(folder))
        process.stop()


def orderctl(*arguments: str) -> str:
    """Run a command that succeeds; its standard output."""
    answer = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert answer.exit_code == 0, answer.output
    return answer.stdout


def test_up_deploys_what_changed_and_down_ends_it(home: Path) -> None:
    port = str(process.free_port())
    first = json.loads(orderctl("up", "--port", port, "--app", f"{TOY} hello", "-o", "json"))
    assert first["addresses"] == {"second/api-url": "http://hello"}
    assert first["outputs"]["toy-dev-second"] == {"Says": "hello"}
    pid = process.running()
    assert pid is not None

    deployments = (home / "logs" / "deploy.log").read_text()
    again = json.loads(orderctl("up", "--app", f"{TOY} hello", "-o", "json"))
    assert again == first
    assert (home / "logs" / "deploy.log").read_text() == deployments

    changed = json.loads(orderctl("up", "--app", f"{TOY} goodbye", "-o", "json"))
    assert changed["addresses"] == {"second/api-url": "http://goodbye"}
    since = (home / "logs" / "deploy.log").read_text().removeprefix(deployments)
    assert "toy-dev-second" in since
    assert "toy-dev-first" not in since
    assert Target().at(changed["endpoint"]).parameter("second/api-url") == "http://goodbye"

    with pytest.raises(UserError, match="payment stack of stage 'dev' is not deployed"):
        Target().at(changed["endpoint"]).parameter("payment/commands-arn")

    found = json.loads(orderctl("status", "-o", "json"))
    assert (found["pid"], found["endpoint"]) == (pid.pid, first["endpoint"])
    assert {s["stack"]: s["status"] for s in found["stacks"]} == {
        "CDKToolkit": "CREATE_COMPLETE",
        "toy-dev-first": "CREATE_COMPLETE",
        "toy-dev-second": "UPDATE_COMPLETE",
    }
    assert {"type": "AWS::SQS::Queue", "count": 1} in found["resources"]
    assert [row["type"] for row in found["inert"]] == ["AWS::CloudWatch::Alarm (of an expression)"]
    assert f"export AWS_ENDPOINT_URL={first['endpoint']}\n" in orderctl("env")

    orderctl("down")
    assert process.running() is None
    assert not process.port_taken(int(port))


@pytest.mark.parametrize(
    ("log", "seconds"),
    [("aws.log", 0.0), ("bootstrap.log", 0.5), ("bootstrap.log", 2.0), ("deploy.log", 0.5)],
    ids=["while it starts", "as the bootstrap begins", "amid the bootstrap", "amid the deployment"],
)
def test_killed_up_can_be_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: str, seconds: float) -> None:
    monkeypatch.setenv("ORDERFLOW_HOME", str(tmp_path))
    up = ["up", "--app", f"{TOY} hello", "-o", "json"]
    command = [str(Path(sys.executable).with_name("orderctl")), *up]
    killed = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        eventually((tmp_path / "logs" / log).exists, 240, f"{log} is written")
        time.sleep(seconds)
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait()
        assert json.loads(orderctl(*up))["addresses"] == {"second/api-url": "http://hello"}
    finally:
        process.stop()


def test_up_ends_if_the_laptop_ends_under_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERFLOW_HOME", str(tmp_path))
    command = [str(Path(sys.executable).with_name("orderctl")), "up", "--app", f"{TOY} hello"]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        eventually((tmp_path / "logs" / "bootstrap.log").exists, 240, "the bootstrap begins")
        process.stop()
        _, said = running.communicate(timeout=120)
        assert running.returncode == 1
        assert "Error:" in said
    finally:
        running.kill()
        process.stop()


def test_failed_synthesis_states_its_reason(home: Path) -> None:
    with pytest.raises(UserError) as caught:
        orderctl("up", "--port", str(process.free_port()), "--app", f"{TOY}-that-is-not-there")
    assert "cdk synth failed" in caught.value.message
    assert str(home / "logs" / "synth.log") in caught.value.hint
    assert "No such file" in caught.value.hint
    orderctl("down")


def test_doctor_finds_a_complete_setup_ready(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for engine in doctor.engines():
        if not engine.is_recorded:  # of an `up` that was killed before it wrote the record
            psutil.Process(engine.pid).kill()
    checks = json.loads(orderctl("doctor", "-o", "json"))
    assert {check["check"]: check["found"] for check in checks if not check["ok"]} == {}


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["status"], 3, "Start it with `orderctl up`"),
        (["env"], 1, "Start it with `orderctl up`"),
        (["--region", "eu-west-1", "status"], 2, "Add --target aws"),
        (["--endpoint-url", "https://sqs.eu-west-1.amazonaws.com", "env"], 1, "not on this machine"),
        (["--target", "aws", "--stage", "dev", "--region", "eu-west-1", "down"], 2, "on the laptop's AWS only"),
        (["--target", "aws", "--stage", "dev", "--profile", "nobody-has-this", "down"], 1, "could not be found"),
        (["--target", "aws", "--region", "eu-west-1", "down"], 2, "no default stage"),
        (["--stage", "prod-eu", "deploy", "--all"], 2, "'prod-eu' is not the name of a stage"),
    ],
)
def test_errors_go_to_standard_error(home: Path, arguments: list[str], code: int, says: str) -> None:
    command = [str(Path(sys.executable).with_name("orderctl")), *arguments]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (answer.returncode, answer.stdout) == (code, "")
    assert says in answer.stderr
