"""Python's garbage collector during a function's start.

A start makes many objects and no garbage, but each of them counts towards a collection, which walks over all of them. So a
function starts without collections, and later ones leave out what it started with.
"""

import gc
import os
from collections.abc import Mapping
from typing import Final

FUNCTION_NAME: Final = "AWS_LAMBDA_FUNCTION_NAME"
"""The variable that Lambda sets in each of its processes
(https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html)."""
ALLOCATIONS: Final = 1_000_000
"""More objects than a start makes."""
NORMAL: Final = gc.get_threshold()
"""Python's own thresholds."""


def pause(environ: Mapping[str, str] = os.environ) -> None:
    """Put off collections until there are ALLOCATIONS more objects, if this is a process of Lambda.

    They are not stopped, so that memory stays bounded in a function that does not `resume` them.
    """
    if FUNCTION_NAME in environ:
        gc.set_threshold(ALLOCATIONS)


def resume(environ: Mapping[str, str] = os.environ) -> None:
    """Exempt all objects of now from collections, and make these as frequent as before, if this is a process of Lambda."""
    if FUNCTION_NAME in environ:
        gc.freeze()
        gc.set_threshold(*NORMAL)
