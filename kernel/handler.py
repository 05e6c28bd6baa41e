"""The entry of a Lambda function: its handler, made once from the clients and variables of its process."""

import os
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from kernel import garbage
from kernel.clients import Clients

Handler = Callable[[Any, Any], Any]
"""A Lambda handler, of event and context."""
Bootstrap = Callable[[Clients, Mapping[str, str]], Handler]
"""Makes a function's handler from its clients and environment variables."""


def lambda_handler(bootstrap: Bootstrap) -> Handler:
    """Return the handler that `bootstrap` makes, once, at the function's first event.

    Example: `handler = lambda_handler(bootstrap)` ends each module in `functions/`. A test calls `bootstrap` with clients and
    variables of its own.
    """

    @cache
    def bootstrapped() -> Handler:
        return bootstrap(Clients(), os.environ)

    def handle(event: object, context: object) -> object:
        return bootstrapped()(event, context)

    garbage.resume()
    return handle
