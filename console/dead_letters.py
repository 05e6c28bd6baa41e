"""The requests about dead letters: the queues, the messages of one, and another try or the end for them."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final, TypedDict

from starlette.requests import Request
from starlette.routing import Route

from console.endpoints import Asked, Endpoints, Record, texts
from console.lines import Send
from operations.aws.target import Target
from operations.dead_letters import messages, redrives
from operations.dead_letters.messages import DeadLetter
from operations.dead_letters.redrives import Chosen

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
            endpoints.acts_by_line(f"{one}/redrive", self._redrive),
            endpoints.acts_by_line(f"{one}/drop", self._drop),
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

    def _redrive(self, request: Request, asked: Asked, record: Record, send: Send) -> None:
        name, which = request.path_params["name"], self._chosen(asked)
        with redrives.reporting(lambda one: send([one]), lambda moved: record(f"dlq redrive {name}", moved)) as report:
            redrives.redrive(self._target, name, which, redrives.MAX_ATTEMPTS, report)

    def _drop(self, request: Request, asked: Asked, record: Record, send: Send) -> None:
        name, which = request.path_params["name"], self._chosen(asked)
        with redrives.reporting(lambda one: send([one]), lambda moved: record(f"dlq drop {name}", moved)) as report:
            redrives.drop(self._target, name, which, self._folder / redrives.copies(name, self._now()), report)

    def _chosen(self, asked: Asked) -> Chosen:
        """Return the messages that a change is about: `{"ids": [...]}`, or `{"all": true}`."""
        return redrives.chosen(texts(asked, "ids"), everything=asked.get("all") is True)
