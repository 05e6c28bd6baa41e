"""Gap: every request to an HTTP API starts a function at once, however many the machine can serve.

On AWS each instance has a processor of its own. On a laptop, 64 customers at once would start 64 sagas on two cores: all of
them time out, and none is served. With this extension a request waits for its turn, in the order of arrival. The time-outs of
its function and its saga count from its turn, as on AWS with enough capacity.
"""

import asyncio
from typing import Final

from laptop.emulator.extensions.engine_functions import EngineFunction, wrap

AT_ONCE: Final = 4
"""The most requests that functions work on at a time, of all HTTP APIs."""


def register() -> None:
    """Let requests to functions take turns."""
    from ministack.services import apigateway

    wrap(apigateway, "_invoke_lambda_proxy", _in_turn)


def _in_turn(original: EngineFunction) -> EngineFunction:
    turns = asyncio.Semaphore(AT_ONCE)  # it serves in the order of arrival

    async def invoke(*arguments: object, **named: object) -> object:
        async with turns:
            return await original(*arguments, **named)

    return invoke
