"""The one way a command says what went wrong, and the exit codes it may end with.

| code | meaning |
|---|---|
| 0 | done |
| 1 | it could not be done; standard error says why and what to do (`UserError`) |
| 2 | the command line was wrong (usage) |
| 3 | it ran, and what it checked is not right (`CheckFailedError`): `doctor`, `status`, an audit |
| 130 | interrupted |
"""

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_CHECK_FAILED = 3
EXIT_INTERRUPTED = 130


class UserError(Exception):
    """Something the operator can act on: `message` says what happened, `hint` what to do next."""

    exit_code = EXIT_FAILED

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class WrongUsageError(UserError):
    """A command line whose words are right, one by one, and cannot be together; or a value that cannot be read."""

    exit_code = EXIT_USAGE


class CheckFailedError(UserError):
    """The command ran and found something that is not right."""

    exit_code = EXIT_CHECK_FAILED
