"""The cold start of each function as it is deployed, relative to the bare interpreter.

Instructions are counted: they are the same in each run, however busy the machine is. CPU time is only printed.
"""

import subprocess
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from pathlib import Path
from typing import Final

from cdk import bytecode
from cdk.bundling import BUILD
from operations.benchmarks import Figure, Result
from tests.benchmarks.cold_start import functions, process, restore
from tests.benchmarks.cold_start.process import Start
from tests.benchmarks.cold_start.starts import BARE, Runtime

UNIT: Final = "x the bare interpreter"
API: Final = "order.api"
API_BAR: Final = 33.0
BAR: Final = 31.0
"""The most instructions of a function other than the order API, relative to the bare interpreter."""
RESTORED: Final = "order.commands"
RESTORE_BAR: Final = 0.12
"""The most CPU time of the first call after a restore, relative to one for which nothing was made."""


NEEDED: Final = f"needs valgrind, and a Python {bytecode.PYTHON_VERSION} as the functions have"


def measure() -> Result:
    """Return the figures of every function. They are missing on a machine that lacks a program."""
    python = interpreter()
    if python is None:
        missing = Figure(API, UNIT, None, API_BAR), Figure("each other function", UNIT, None, BAR), _restored(None)
        return Result(f"not measured: this {NEEDED}", missing)
    with tempfile.TemporaryDirectory(dir=BUILD) as scratch:
        folder = Path(scratch)
        runtime = Runtime(python, folder)
        compared = runtime.compared()
        templates = functions.synthesize(folder / "cdk.out")
        deployed = {found.name: runtime.function(found) for found in functions.deployed(templates, folder)}
        starts = {BARE: runtime.bare(), **compared, **deployed}
        counted = instructions(starts)
        for name, count in counted.items():
            milliseconds = process.cpu_milliseconds(starts[name])
            print(f"{name:34} {count:>15,} instructions {milliseconds:8.0f} ms CPU", flush=True)  # noqa: T201
        restored = round(restore.ratio(deployed[RESTORED]), 3)
    times = {name: count / counted[BARE] for name, count in counted.items()}
    return Result(
        _build(python),
        (
            *(Figure(name, UNIT, round(times[name], 2)) for name in compared),
            *(figure(name, times[name]) for name in sorted(deployed)),
            _restored(restored),
        ),
    )


def interpreter() -> Path | None:
    """Return the functions' Python, or None if the machine lacks it or valgrind."""
    return bytecode.deployed_python() if process.can_count() else None


def instructions(starts: Mapping[str, Start]) -> Mapping[str, int]:
    """Return the instructions of each start, by its name."""
    with ThreadPoolExecutor(cpu_count()) as pool:
        return dict(zip(starts, pool.map(process.instructions, starts.values()), strict=True))


def figure(function: str, times: float) -> Figure:
    """Return the figure of a function, with its bar."""
    return Figure(function, UNIT, round(times, 2), API_BAR if function == API else BAR)


def _restored(ratio: float | None) -> Figure:
    return Figure(f"{RESTORED}, first call after a restore", "x an unprimed one", ratio, RESTORE_BAR, is_exact=False)


def _build(python: Path) -> str:
    """Return the interpreter's version and build, and the machine's kind: another one executes other instructions."""
    code = "import platform; print(platform.python_version(), platform.python_compiler(), platform.machine())"
    said = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True).stdout
    return f"Python {said.strip()}"
