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


def pause(environ: Mapping[str, str] = os.environ) -> None:
    """Stop automatic collections, if this is a process of Lambda."""
    if FUNCTION_NAME in environ:
        gc.disable()


def resume(environ: Mapping[str, str] = os.environ) -> None:
    """Exempt all objects of now from collections, and start these again, if this is a process of Lambda."""
    if FUNCTION_NAME in environ:
        gc.freeze()
        gc.enable()
