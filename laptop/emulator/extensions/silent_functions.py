"""Gap: a function that logs nothing is answered for 50 ms late, for the engine waits that long for its first line.

An order takes some twenty invocations, most of them silent. A line that comes later than this is not lost: the function's next
invocation logs it.
"""

import inspect
from collections.abc import Callable
from typing import Any, Final

from laptop.emulator.extensions.patching import EngineChangedError, wrap

PATIENCE_SECONDS: Final = 0.005
"""How long the engine waits for a function's first line once it has answered."""
ENGINES_OWN: Final = 0.05


def register() -> None:
    """Wait less where the engine waits its default."""
    from ministack.core import lambda_runtime

    wrap(lambda_runtime.Worker, "_drain_stderr_bounded", _impatient)


def _impatient(drain: Callable[..., str]) -> Callable[..., str]:
    known = inspect.signature(drain).parameters.get("first_line_wait")
    if known is None or known.default != ENGINES_OWN:
        raise EngineChangedError("the engine waits for a function's lines in another way")

    def drained(worker: Any, first_line_wait: float = PATIENCE_SECONDS, **waits: float) -> str:
        return drain(worker, first_line_wait, **waits)

    return drained
