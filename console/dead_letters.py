"""The requests about dead letters: the queues, the messages of one, and another try or the end for them."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final, TypedDict

from starlette.requests import Request
from starlette.routing import Route

from console.endpoints import Asked, Endpoints, Record, texts
from operations.aws.target import Target
from operations.dead_letters import messages, redrives
from operations.dead_letters.messages import DeadLetter
from operations.dead_letters.redrives import Chosen, Outcome

MOST_SHOWN: Final = 100


class Queue(TypedDict):
    """A dead-letter queue: its number of messages, what lands in it, and whether its messages have a queue to go back to."""

    name: str
    messages: int
    holds: str
    redrivable: bool


class DeadLetters:
    """The dead letters of one stage. Copies of dropped messages go to `folder`."""

    def __init__(self, target: Target, folder: Path, now: Callable[[], datetime]) -> None:
        self._target = target
        self._folder = folder
        self._now = now

    def routes(self, endpoints: Endpoints) -> list[Route]:
        """Return the route of each request."""
        one = "/api/dead-letters/{name:path}"
        return [
            endpoints.reads("/api/dead-letters", self._queues),
            endpoints.acts(f"{one}/redrive", self._redrive),
            endpoints.acts(f"{one}/drop", self._drop),
            endpoints.reads(one, self._messages),
        ]

    def _queues(self, request: Request) -> list[Queue]:
        redrivable = redrives.redrivable(self._target)
        return [
            {"name": name, "messages": depth, "holds": messages.content_of(name), "redrivable": name in redrivable}
            for name, depth in messages.queues(self._target).items()
        ]

    def _messages(self, request: Request) -> list[DeadLetter]:
        return messages.messages(self._target, request.path_params["name"], MOST_SHOWN)

    def _redrive(self, request: Request, asked: Asked, record: Record) -> list[Outcome]:
        name, which, done = request.path_params["name"], self._chosen(asked), list[Outcome]()
        try:
            return redrives.redrive(self._target, name, which, redrives.MAX_ATTEMPTS, done.append)
        finally:  # also of what an error broke off
            if moved := redrives.orders_of_moved(done):
                record(f"dlq redrive {name}", moved)

    def _drop(self, request: Request, asked: Asked, record: Record) -> list[Outcome]:
        name, which, done = request.path_params["name"], self._chosen(asked), list[Outcome]()
        file = self._folder / redrives.copies(name, self._now())
        try:
            return redrives.drop(self._target, name, which, file, done.append)
        finally:
            if moved := redrives.orders_of_moved(done):
                record(f"dlq drop {name}", moved)

    def _chosen(self, asked: Asked) -> Chosen:
        """Return the messages that a change is about: `{"ids": [...]}`, or `{"all": true}`."""
        return redrives.chosen(texts(asked, "ids"), everything=asked.get("all") is True)
