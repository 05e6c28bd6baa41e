"""The requests about replays: the events that a window holds, the plan, the start, and what became of it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, TypedDict

from starlette.requests import Request
from starlette.routing import Route

from console.endpoints import Asked, Endpoints, Record, text, texts
from console.lines import Send
from operations.aws import stage_state
from operations.aws.target import Target
from operations.contracts import subscriptions
from operations.replay import archive_replay, catch_up_effects, changes, histogram, plan
from operations.replay.archive_replay import ListedReplay, ShownReplay
from operations.replay.changes import Changed, Snapshot
from operations.replay.plan import Wanted
from operations.window import Window

PARTS: Final = 60
"""The bars of the histogram."""


class Overview(TypedDict):
    """The replays, the newest first; the services that can get one, with the effects on their consumers."""

    replays: list[ListedReplay]
    services: list[str]
    effects: list[dict[str, str]]


class Followed(TypedDict):
    """A replay and its effect. `changed` is None while it is unknown; `left` is the work that is still in flight then.

    `compared` says if the page compares the rows from before and after: it started the replay, and was asked to.
    """

    replay: ShownReplay
    compared: bool
    left: int
    changed: list[Changed] | None


class Replays:
    """The replays of one stage. It keeps the rows' hashes from before each replay that it is to compare."""

    def __init__(self, target: Target, now: Callable[[], datetime]) -> None:
        self._target = target
        self._now = now
        self._before: dict[str, Snapshot] = {}
        self._changed: dict[str, list[Changed]] = {}

    def routes(self, endpoints: Endpoints) -> list[Route]:
        """Return the route of each request."""
        return [
            endpoints.reads("/api/replays", self._overview),
            endpoints.reads_by_line("/api/replays/histogram", self._histogram),
            endpoints.reads_by_line("/api/replays/plan", self._plan),
            endpoints.acts("/api/replays/start", self._start),
            endpoints.acts("/api/replays/{name}/cancel", self._cancel),
            endpoints.reads("/api/replays/{name}", self._follow),
        ]

    def _overview(self, request: Request) -> Overview:
        return {
            "replays": archive_replay.listed(self._target),
            "services": sorted(archive_replay.rules(self._target)),
            "effects": subscriptions.matrix(),
        }

    def _histogram(self, request: Request, send: Send) -> None:
        window = self._window(request.query_params)
        found = histogram.histogram(self._target, window, PARTS, progress=lambda hours: send([{"hours": hours}]))
        send([{"result": found}])

    def _plan(self, request: Request, send: Send) -> None:
        window, services = self._window(request.query_params), request.query_params.getlist("to")
        archive_replay.chosen_rules(archive_replay.rules(self._target), services)
        archive_replay.check(self._target, window, self._now())
        found = plan.plan(
            self._target,
            window,
            services,
            Wanted(),
            catch_up=request.query_params.get("catch_up") == "true",
            a_second=None,
            progress=lambda hours: send([{"hours": hours}]),
        )
        send([{"result": found}])

    def _start(self, request: Request, asked: Asked, record: Record) -> Mapping[str, str]:
        window, services, catch_up = self._window(asked), texts(asked, "to"), asked.get("catch_up") is True
        rule_arns = archive_replay.chosen_rules(archive_replay.rules(self._target), services)
        archive_replay.check(self._target, window, self._now())
        if catch_up:
            catch_up_effects.check_tables(self._target, window, services, texts(asked, "despite_new_table"))
        before = changes.snapshot(self._target) if asked.get("compare") is True else None
        name = archive_replay.start(self._target, window, rule_arns, self._now(), catch_up=catch_up)
        record(f"replay start {name}")
        if before is not None:
            self._before[name] = before
        return {"name": name}

    def _cancel(self, request: Request, asked: Asked, record: Record) -> Mapping[str, str]:
        name = request.path_params["name"]
        archive_replay.cancel(self._target, name)
        record(f"replay cancel {name}")
        return {"name": name}

    def _follow(self, request: Request) -> Followed:
        name = request.path_params["name"]
        replay = archive_replay.show(self._target, name)
        left = 0
        before = self._before.get(name)
        if before is not None and name not in self._changed and replay["state"] in archive_replay.ENDED:
            left = len(stage_state.in_flight(self._target))
            if not left:
                self._changed[name] = changes.between(before, changes.snapshot(self._target))
        return {"replay": replay, "compared": before is not None, "left": left, "changed": self._changed.get(name)}

    def _window(self, asked: Mapping[str, object]) -> Window:
        """Return the window of `last`, or of `from` and `until`."""
        now = self._now()
        latest = archive_replay.latest(self._target, now)
        return archive_replay.window(text(asked, "last"), text(asked, "from"), text(asked, "until"), now, latest)
