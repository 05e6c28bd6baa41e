"""`make bench-cold`: the cold start of each function as it is deployed, relative to the bare interpreter.

It counts instructions, which are the same in each run on one machine; CPU time is only shown. It exits with 1 if a function is
above its bar, or 3 % above the figure in `data/cold_starts.json`. `--write` writes that file. It also measures the first call
after a simulated restore from a snapshot.
"""

import argparse
import json
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from os import cpu_count
from pathlib import Path

from uv import find_uv_bin

from cdk import bytecode
from cdk.bundling import BUILD, REPOSITORY
from tests.benchmarks.cold_start import restore
from tests.benchmarks.cold_start.functions import functions
from tests.benchmarks.cold_start.measure import Start, cpu_milliseconds, instructions

FIGURES = REPOSITORY / "data" / "cold_starts.json"
LOCK = REPOSITORY / "requirements" / "benchmarks.txt"
BARS = {"order.api": 33.0}
BAR = 31.0
"""The most instructions of a function, relative to the bare interpreter."""
TOLERANCE = 1.03
BARE = "the bare interpreter"
BOTO3 = "boto3, with a client of DynamoDB"
TYPICAL = "a typical handler"
COMPARED = (BARE, BOTO3, TYPICAL)
RESTORED = "order.commands"
RESTORE_BAR = 0.12
"""The most CPU time of the first call after a restore, relative to one for which nothing was made."""
TYPICAL_HANDLER = """
import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, idempotent
from aws_lambda_powertools.utilities.parser import BaseModel, parse
logger, metrics, tracer = Logger(service="x"), Metrics(namespace="x", service="x"), Tracer(service="x")
app, layer, dynamodb = APIGatewayHttpResolver(), DynamoDBPersistenceLayer(table_name="x"), boto3.client("dynamodb")
class Order(BaseModel):
    order_id: str
    lines: list[str]
"""
Times = Mapping[str, float]
"""The instructions of each function, relative to the bare interpreter."""


@dataclass(frozen=True)
class Runtime:
    """The functions' Python without packages, and the folders of two installations: boto3, and a typical handler's packages."""

    python: Path
    boto3: Path
    typical: Path


def install(python: Path, folder: Path) -> Runtime:
    """Install both from the lock file, with bytecode. An environment of its own keeps out this machine's packages."""
    subprocess.run([str(python), "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
    for target, packages in (("boto3", ["boto3", "--constraint", str(LOCK)]), ("typical", ["--requirements", str(LOCK)])):
        command = [find_uv_bin(), "pip", "install", "--quiet", "--compile-bytecode", "--link-mode", "copy"]
        subprocess.run([*command, "--python", str(python), "--target", str(folder / target), *packages], check=True)
    return Runtime(folder / "venv" / "bin" / "python", folder / "boto3", folder / "typical")


def starts(runtime: Runtime, folder: Path) -> Iterator[tuple[str, Start]]:
    """Yield what is measured, by name: the comparisons first, then each function."""
    python, beside = runtime.python, (runtime.boto3,)
    yield BARE, Start(python, beside, "pass", {})
    yield BOTO3, Start(python, beside, "import boto3; boto3.client('dynamodb')", {})
    yield TYPICAL, Start(python, (runtime.typical,), TYPICAL_HANDLER, {"LAMBDA_TASK_ROOT": str(folder)})
    for function in functions(folder):
        variables = {**function.variables, "LAMBDA_TASK_ROOT": str(function.folder)}
        yield function.name, Start(python, (function.folder, runtime.boto3), f"import {function.module}", variables)


def missed(times: Times, before: Times) -> Iterator[str]:
    """Yield what is wrong with the figures: a function above its bar, or one that became heavier than `TOLERANCE`."""
    for name, figure in times.items():
        bar = BARS.get(name, BAR)
        if figure > bar:
            yield f"{name} takes {figure:.1f} times the bare interpreter; its bar is {bar:.0f}."
        if name in before and figure > before[name] * TOLERANCE:
            yield f"{name} takes {figure:.1f} times the bare interpreter; {before[name]:.1f} is in {FIGURES.name}."


def main() -> int:
    """Measure, print a line for each figure, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=(), help="only these functions, such as order.api")
    parser.add_argument("--write", action="store_true", help=f"write data/{FIGURES.name}")
    options = parser.parse_args()
    python = bytecode.deployed_python()
    if python is None or shutil.which("valgrind") is None:
        print(f"Skipped: the benchmark needs valgrind and Python {bytecode.PYTHON_VERSION}.")  # noqa: T201
        return 0
    kept = json.loads(FIGURES.read_text()) if FIGURES.exists() else {"functions": {}}
    with tempfile.TemporaryDirectory(dir=BUILD) as scratch:
        found = dict(starts(install(python, Path(scratch) / "runtime"), Path(scratch)))
        times = measure({name: start for name, start in found.items() if name in (*COMPARED, *(options.only or found))})
        restored = round(restore.ratio(found[RESTORED]), 3)
    print(f"{RESTORED}, first call after a restore: {restored:.3f} of one for which nothing was made")  # noqa: T201
    ours = {name: figure for name, figure in times.items() if name not in COMPARED}
    wrong = list(missed(ours, {} if options.write else _comparable(kept, python)))
    if restored > RESTORE_BAR:
        wrong.append(f"The first call after a restore takes {restored:.3f}; its bar is {RESTORE_BAR}.")
    if options.write:
        document = {
            "python": _interpreter(python),
            "compared": {name: times[name] for name in COMPARED},
            "functions": dict(sorted({**(kept["functions"] if options.only else {}), **ours}.items())),
            "restored": restored,
        }
        FIGURES.write_text(json.dumps(document, indent=2) + "\n")
    print("\n".join(wrong) or "Each function is within its bar.")  # noqa: T201
    return 1 if wrong else 0


def measure(chosen: Mapping[str, Start]) -> Times:
    """Return the instructions of each start, relative to the bare interpreter. Print each with its CPU time."""
    with ThreadPoolExecutor(cpu_count()) as pool:
        counted = dict(zip(chosen, pool.map(instructions, chosen.values()), strict=True))
    times = {name: round(count / counted[BARE], 2) for name, count in counted.items()}
    for name, start in chosen.items():
        milliseconds = cpu_milliseconds(start)
        print(f"{name:34} {counted[name]:>15,} instructions {times[name]:6.1f} x {milliseconds:8.0f} ms CPU")  # noqa: T201
    return times


def _comparable(kept: Mapping[str, object], python: Path) -> Times:
    """Return the figures in the file, if the same interpreter made them: another build executes other instructions."""
    functions = kept["functions"]
    assert isinstance(functions, dict)
    if kept.get("python") == _interpreter(python):
        return functions
    print(f"{FIGURES.name} is of {kept.get('python')}: compared with the bars only.")  # noqa: T201
    return {}


def _interpreter(python: Path) -> str:
    """Return the interpreter's version and build, and the machine's kind."""
    code = "import platform, sys; print(platform.python_version(), platform.python_compiler())"
    said = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    return f"{said}, {platform.machine()}"


if __name__ == "__main__":
    sys.exit(main())
