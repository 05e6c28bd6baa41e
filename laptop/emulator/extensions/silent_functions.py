"""Gap: the response of a function without log lines is 50 ms late, because the engine waits for a first line.

An order takes about twenty invocations, most of them without log lines. A later line is not lost: the function's next
invocation logs it.
"""

import inspect
from collections.abc import Callable
from typing import Final

from laptop.emulator.extensions.engine_functions import EngineChangedError, wrap

PATIENCE_SECONDS: Final = 0.005
"""The seconds that the engine waits for a function's first line after its response."""
ENGINES_OWN: Final = 0.05


def register() -> None:
    """Replace the engine's default wait by a shorter one."""
    from ministack.core import lambda_runtime

    wrap(lambda_runtime.Worker, "_drain_stderr_bounded", _impatient)


def _impatient(drain: Callable[..., str]) -> Callable[..., str]:
    known = inspect.signature(drain).parameters.get("first_line_wait")
    if known is None or known.default != ENGINES_OWN:
        raise EngineChangedError("the engine waits for a function's lines in another way")

    def drained(worker: object, first_line_wait: float = PATIENCE_SECONDS, **waits: float) -> str:
        return drain(worker, first_line_wait, **waits)

    return drained
