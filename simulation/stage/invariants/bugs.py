"""Bugs: no function raises or logs an error that only a bug of the services can cause."""

from typing import Final

from simulation.stage.forger import FORGER
from simulation.stage.invariants.record import Record

DISHONEST: Final = ("ReceiptRefusedError", "IdempotencyConflictError", "LinesMismatchError")
"""The errors of payment and inventory for a statement that is not the order's own, or differs from an earlier one."""


def no_function_reports_a_bug(record: Record, invocation: str, error: BaseException) -> None:
    """Check an error that an invocation raised or logged. The forger may cause any."""
    if FORGER in invocation:
        return
    raised = f"{type(error).__name__}: {error}"
    if type(error).__name__ in DISHONEST:
        record.fail("no_function_reports_a_bug", f"{invocation} refused a request of an honest caller: {raised}")
    if is_bug(error):
        record.fail("no_function_reports_a_bug", f"{invocation} raised {raised}")


def is_bug(error: BaseException) -> bool:
    """Return True if the services call the error a bug of theirs, or Python does."""
    of_python = AssertionError | TypeError | KeyError | AttributeError | NameError | IndexError
    return isinstance(error, of_python) or any(kind.__name__ == "BugError" for kind in type(error).__mro__)
