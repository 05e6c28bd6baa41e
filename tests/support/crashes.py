"""A process that dies at a chosen call to AWS."""

from collections.abc import Callable
from typing import Literal

from kernel.clients import AwsClient

Moment = Literal["before", "after"]


class Crash(BaseException):
    """The process is gone: nothing catches it."""


class Mortal:
    """A client at whose `at`-th call (from 0) the process dies: before the call, or after it, whatever it answered."""

    def __init__(self, client: AwsClient, at: int, moment: Moment) -> None:
        self.client = client
        self.at = at
        self.moment = moment
        self.calls = 0

    def __getattr__(self, name: str) -> Callable[..., object]:
        def call(**arguments: object) -> object:
            dies, self.calls = self.calls == self.at, self.calls + 1
            if dies and self.moment == "before":
                raise Crash
            try:
                return getattr(self.client, name)(**arguments)
            finally:
                if dies:
                    raise Crash

        return call
