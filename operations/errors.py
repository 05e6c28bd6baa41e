"""The errors that an operation raises for the operator, and the exit codes of the command line.

| code | meaning |
|---|---|
| 0 | success |
| 1 | failure; standard error says the reason and the next step (`UserError`) |
| 2 | wrong usage of the command line (`WrongUsageError`) |
| 3 | a check failed (`CheckFailedError`): `doctor`, `status`, an audit |
| 130 | interrupted |
"""

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_CHECK_FAILED = 3
EXIT_INTERRUPTED = 130


class UserError(Exception):
    """An error that the operator can act on: `message` states the fault, `hint` the next step."""

    exit_code = EXIT_FAILED

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class WrongUsageError(UserError):
    """A command line with options that exclude each other, or with a value that cannot be read."""

    exit_code = EXIT_USAGE


class CheckFailedError(UserError):
    """A check that ran and failed."""

    exit_code = EXIT_CHECK_FAILED


class FieldError(UserError):
    """An error in one field of a request or an event: `field` is its place (`data.lines[0].sku`), `reason` the cause."""

    def __init__(self, message: str, hint: str, field: str, reason: str) -> None:
        super().__init__(message, hint)
        self.field = field
        self.reason = reason


def unreadable(file: object, error: OSError) -> WrongUsageError:
    """Return the error for a file of the command line that cannot be read."""
    return WrongUsageError(f"{file} cannot be read: {error.strerror}.", "Check the path and its permissions.")
