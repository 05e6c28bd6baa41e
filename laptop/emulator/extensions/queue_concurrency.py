"""Gap: a queue's messages go to five instances of its function at once, whatever the machine can start.

On a laptop every instance is a process that takes most of a core's second to come up, and the subscriptions and streams that
wake together starve the saga's steps, whose time-outs are real.
"""

from typing import Final

from laptop.emulator.extensions.patching import EngineChangedError

AT_ONCE: Final = 2
"""How many batches of a queue are worked on at once, unless its event source mapping says less."""


def register() -> None:
    """Bound what an event source mapping without a `MaximumConcurrency` starts."""
    from ministack.services import lambda_svc

    if not hasattr(lambda_svc, "_ESM_SQS_DEFAULT_CONCURRENCY"):
        raise EngineChangedError("the mappings of queues take their concurrency from elsewhere")
    lambda_svc._ESM_SQS_DEFAULT_CONCURRENCY = AT_ONCE
