"""The entry of a Lambda function: its handler, made once from the clients and variables of its process."""

import os
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

from kernel import garbage, logs, snap_start
from kernel.clients import Clients
from kernel.garbage import FUNCTION_NAME
from kernel.identifiers import shown
from kernel.logs import logger

Handler = Callable[[Any, Any], Any]
"""A Lambda handler, of event and context."""
Bootstrap = Callable[[Clients, Mapping[str, str]], Handler]
"""Makes a function's handler from its clients and environment variables."""


def lambda_handler(bootstrap: Bootstrap, environ: Mapping[str, str] = os.environ) -> Handler:
    """Return the observed handler that `bootstrap` makes, once: on Lambda at the import, elsewhere at the first event.

    At the import, Lambda gives a process a full CPU, and SnapStart keeps what was made: the clients, their API models, the
    validators. A test, the simulation and the CDK app import the same module without a region or a setting.

    The call is the last statement of its module, since `bootstrap` uses what the module defines.

    Example: `handler = lambda_handler(bootstrap)` ends each module in `functions/`. A test calls `bootstrap` with clients and
    variables of its own.
    """
    if FUNCTION_NAME in environ:
        clients = Clients()
        handler = observed(bootstrap(clients, environ))
        snap_start.register(clients, environ)
        garbage.resume()
        return handler
    made = cache(partial(bootstrap, Clients(), environ))

    def handle(event: object, context: object) -> object:
        return made()(event, context)

    return observed(handle)


def observed(handle: Handler) -> Handler:
    """Return the handler with a log: each line has the invocation's id, and the id of the order that a query is about.

    An exception ends in a line with all keys, which names the exception's class only. Lambda logs its text and its stack trace
    beside it.
    """

    def run(event: object, context: object) -> object:
        order_id = shown(event["order_id"]) if isinstance(event, dict) and "order_id" in event else None
        with logs.about(function_request_id=getattr(context, "aws_request_id", None), order_id=order_id):
            try:
                return handle(event, context)
            except Exception as error:
                logger.error("invocation failed", error=type(error).__name__)
                raise

    return run
