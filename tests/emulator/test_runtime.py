"""The runtime of the functions starts a program as `subprocess.Popen` does, with boto3 in memory."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from laptop.emulator.extensions.forked_functions import ForkedProcess, Runtime
from operations.repository import REPOSITORY
from tests.support.polling import eventually

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="only Linux has process descriptors")

STATES_ITSELF = """
import importlib.util, json, os, sys, time
known = {"environment": dict(os.environ), "folder": os.getcwd(), "arguments": sys.argv, "name": __name__,
         "zone": time.tzname, "first place": sys.path[0], "project": importlib.util.find_spec("laptop") is not None,
         "said": sys.stdin.readline(), "encoding": sys.stdout.encoding}
print(json.dumps(known), flush=True)
print("boto3" in sys.modules, file=sys.stderr, flush=True)
"""


@pytest.fixture(scope="module")
def runtime() -> Iterator[Runtime]:
    runtime = Runtime()
    yield runtime
    runtime.close()


def start(how: Any, folder: Path, source: str) -> Any:
    program = folder / "program.py"
    program.write_text(source)
    code = folder / "code"
    code.mkdir(exist_ok=True)
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    environment = {"NAME": "välue", "TZ": "Asia/Tokyo", "LC_CTYPE": "C.UTF-8"}
    return how([sys.executable, str(program)], cwd=str(code), env=environment, text=True, bufsize=1, **pipes)


def test_program_finds_what_a_started_one_finds(runtime: Runtime, tmp_path: Path) -> None:
    stated = []
    for how in (subprocess.Popen, runtime.start):
        process = start(how, tmp_path, STATES_ITSELF)
        process.stdin.write("hällo\n")
        process.stdin.flush()
        stated.append(json.loads(process.stdout.readline()))
        assert process.stderr.readline() == f"{how == runtime.start}\n"
        assert process.wait(10) == 0
    assert stated[0] == stated[1]


def test_process_that_fails_states_its_error_and_ends(runtime: Runtime, tmp_path: Path) -> None:
    process = start(runtime.start, tmp_path, "raise KeyError('sku')")
    assert process.stderr.read().endswith("KeyError: 'sku'\n")
    process.wait(10)
    assert process.poll() is not None


@pytest.mark.parametrize("end", [ForkedProcess.terminate, ForkedProcess.kill])
def test_process_runs_until_it_is_ended(runtime: Runtime, tmp_path: Path, end: Any) -> None:
    process = start(runtime.start, tmp_path, "import sys; sys.stdin.read()")
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.05)
    assert process.poll() is None
    end(process)
    process.wait(10)
    end(process)  # once more has no effect


def test_end_of_input_ends_a_process(runtime: Runtime, tmp_path: Path) -> None:
    process = start(runtime.start, tmp_path, "import sys; sys.stdin.read()")
    other = start(runtime.start, tmp_path, "import sys; sys.stdin.read()")
    process.stdin.close()
    process.wait(10)
    other.kill()


def test_program_with_its_own_boto3_has_a_process_of_its_own(runtime: Runtime, tmp_path: Path) -> None:
    (tmp_path / "code" / "botocore").mkdir(parents=True)
    process = start(runtime.start, tmp_path, "")
    assert isinstance(process, subprocess.Popen)
    assert process.wait(10) == 0


@pytest.mark.parametrize("bundle", ["runtime", "notification"])
def test_runtime_has_no_other_version_of_a_bundle_s_package(bundle: str) -> None:
    """boto3 uses some packages that bundles have too, such as jmespath. A forked process has the runtime's."""
    bundled, ours = pins(bundle), pins("embedded")
    assert bundled
    assert {name: ours.get(name) for name in bundled} == bundled


def pins(name: str) -> dict[str, str]:
    """Return the version of each package that a file of requirements pins."""
    lines = (REPOSITORY / "requirements" / f"{name}.txt").read_text().splitlines()
    return dict(line.split()[0].split("==") for line in lines if "==" in line)


def test_killed_runtime_is_made_anew(tmp_path: Path) -> None:
    runtime = Runtime()
    process = start(runtime.start, tmp_path, "import os; print(os.getppid(), flush=True)")
    os.kill(int(process.stdout.readline()), signal.SIGKILL)
    with pytest.raises(RuntimeError, match="the next start makes another"):
        start(runtime.start, tmp_path, "")
    assert start(runtime.start, tmp_path, "print('runs', flush=True)").stdout.readline() == "runs\n"
    runtime.close()


def test_runtime_ends_with_its_starter(tmp_path: Path) -> None:
    runtime = Runtime()
    process = start(runtime.start, tmp_path, "import os; print(os.getppid(), flush=True)")
    parent = int(process.stdout.readline())
    runtime.close()

    def ended() -> bool:
        status = Path(f"/proc/{parent}/stat")
        return not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z"

    eventually(ended, 10, "the runtime ends")
