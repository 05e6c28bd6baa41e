"""Gap: the engine waits for the log lines of an invocation by looking for them each millisecond, 50 ms if there is none.

An order takes about thirty invocations, most of them without log lines, and each look interrupts the engine. Here the
function's process marks the end of an invocation's lines, so the engine waits for them no longer than it must, and takes no
line for one of another invocation.
"""

import queue
import time
from typing import Final, Protocol

from laptop.emulator.extensions.engine_functions import Document, EngineChangedError, EngineFunction, wrap

END: Final = "\x04"
"""The text that the process writes to standard error after an invocation."""
PATIENCE_SECONDS: Final = 0.25
"""How long the engine waits for the end: a process that dies marks none."""
ENGINES_OWN: Final = 0.05
_RESPONDS: Final = """            _real_stdout.write(json.dumps({"status": "error", "error": str(e)"""
_SENDS: Final = """        _real_stdout.flush()

run()
"""


def register() -> None:
    """Have the processes mark the end of their lines, and the engine wait for it."""
    from ministack.core import lambda_runtime

    script = lambda_runtime._PYTHON_WORKER_SCRIPT
    if _RESPONDS not in script or not script.endswith(_SENDS):
        raise EngineChangedError("the Python worker responds in another way")
    marks = f"        sys.stderr.write({END!r})\n        sys.stderr.write(chr(10))\n        sys.stderr.flush()\n"
    lambda_runtime._PYTHON_WORKER_SCRIPT = script.removesuffix(_SENDS) + marks + _SENDS
    wrap(lambda_runtime.Worker, "_drain_stderr_bounded", _up_to_the_end)


class Worker(Protocol):
    """The engine's record of a function's process."""

    config: Document
    _stderr_queue: "queue.Queue[str]"


def _up_to_the_end(original: EngineFunction) -> EngineFunction:
    def drained(worker: Worker, *arguments: object, **waits: object) -> object:
        if not worker.config.get("Runtime", "python").startswith("python"):
            return original(worker, *arguments, **waits)
        return lines_up_to_the_end(worker._stderr_queue, PATIENCE_SECONDS)

    return drained


def lines_up_to_the_end(lines: "queue.Queue[str]", patience: float) -> str:
    """Return the lines of an invocation, taken from the queue up to its last mark, or for so many seconds if none comes.

    A mark that came too late for the invocation before does not end this one.
    """
    found: list[str] = []
    ends = time.monotonic() + patience
    while not found or found[-1] != END or not lines.empty():
        try:
            line = lines.get(timeout=max(0.0, ends - time.monotonic()))
        except queue.Empty:
            break
        if line.endswith(END) and line != END:
            found.append(line.removesuffix(END))
        found.append(END if line.endswith(END) else line)
    return "\n".join(line for line in found if line != END)
