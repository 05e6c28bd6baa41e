"""Gap: a queue invokes five instances of its function at once, even if the machine cannot start them in time.

On a laptop every instance is a process, and its start takes most of a second of one core. Subscriptions and streams that
start together delay the saga's steps beyond their time-outs.
"""

from typing import Final

from laptop.emulator.extensions.engine_functions import EngineChangedError

AT_ONCE: Final = 2
"""The number of batches of a queue that run in parallel, unless its event source mapping has a lower limit."""


def register() -> None:
    """Limit the concurrency of event source mappings without a `MaximumConcurrency`."""
    from ministack.services import lambda_svc

    if not hasattr(lambda_svc, "_ESM_SQS_DEFAULT_CONCURRENCY"):
        raise EngineChangedError("the mappings of queues take their concurrency from elsewhere")
    lambda_svc._ESM_SQS_DEFAULT_CONCURRENCY = AT_ONCE
