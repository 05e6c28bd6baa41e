"""The trail of the page: a change by the page leaves the record that the same command of `orderctl` leaves."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.request import Request, urlopen

import pytest
from botocore.exceptions import ClientError

from console.endpoints import UNRECORDED
from operations.errors import UserError
from tests.support.audited_stage import STORIES
from tests.support.console_stage import NOW, ConsoleStage
from tests.support.held_queues import HeldQueues
from tests.support.orderctl_run import run_on
from tests.support.served_console import TOKEN, served
from tests.support.trail_in_memory import ACTOR
from tests.unit.console.test_api import CHANGES, get

pytestmark = pytest.mark.usefixtures("loopback")
NOT_RECORDED: Final = {
    "/api/orders/{order_id}/cancel": "the order API logs its caller and the reason",
    "/api/place": "the order API logs its caller, and the order's row keeps it",
    "/api/publish": "the order's row keeps its channel, and the policy of the bus fixes the principals of a channel (ADR 56)",
    "/api/faults/stop": "faults are on the laptop only",
    "/api/faults/{name}/start": "faults are on the laptop only",
}
"""The changes that the page does not record, each with its reason. The commands that they equal record nothing either."""


@dataclass(frozen=True)
class Change:
    """A change of the page, as a path and a body, and the command that it equals. `begin` makes what it is about."""

    path: str
    body: dict[str, object]
    command: str
    begin: Callable[[ConsoleStage], str]


def letter(stage: ConsoleStage) -> str:
    """Put a message about an order into a dead-letter queue, and return its id."""
    order_id = stage.place(STORIES[0])
    published = next(put for put in stage.bus.published if put.metadata.get("order_id") == order_id)
    return stage.queues.bury("notification/notices", json.dumps(published.event))


def running_replay(stage: ConsoleStage) -> str:
    """Let a replay run, and return its name."""
    stage.events.states = ["RUNNING"]
    stage.events.start_replay(ReplayName="orderflow-dev-1")
    return "orderflow-dev-1"


WINDOW: Final = {"from": "2026-11-23T11:30:00Z", "until": "2026-11-23T12:00:00Z"}
RECORDED: Final = {
    "/api/orders/{order_id}/resume": Change(
        "/api/orders/{about}/resume", {}, "orders resume {about}", lambda stage: stage.place(STORIES[43])
    ),
    "/api/dead-letters/{name:path}/redrive": Change(
        "/api/dead-letters/notification/notices/redrive", {"all": True}, "dlq redrive notification/notices --all", letter
    ),
    "/api/dead-letters/{name:path}/drop": Change(
        "/api/dead-letters/notification/notices/drop", {"all": True}, "dlq drop notification/notices --all", letter
    ),
    "/api/replays/start": Change(
        "/api/replays/start",
        {**WINDOW, "to": ["notification"]},
        f"replay start --from {WINDOW['from']} --until {WINDOW['until']} --to notification",
        lambda stage: stage.place(STORIES[0]),
    ),
    "/api/replays/{name}/cancel": Change("/api/replays/{about}/cancel", {}, "replay cancel {about}", running_replay),
}
"""The changes that the page records, by the path of their route."""


def test_each_change_is_recorded_or_says_why_not() -> None:
    assert RECORDED.keys() | NOT_RECORDED.keys() == CHANGES
    assert not RECORDED.keys() & NOT_RECORDED.keys()


@pytest.mark.parametrize("change", RECORDED.values(), ids=RECORDED)
def test_change_is_recorded_as_its_command_is(change: Change, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the command writes its copies of dropped messages here
    on_page, in_terminal = ConsoleStage(), ConsoleStage()
    about = change.begin(on_page)
    with served(on_page, folder=tmp_path) as address:
        body = json.dumps({**change.body, "reason": "the bank called"}).encode()
        assert get(address, change.path.format(about=about), "POST", body)[0] == 200
    run_on(in_terminal, f"{change.command.format(about=change.begin(in_terminal))} --reason 'the bank called'")
    [(what, actor, why, *orders)] = on_page.trail.acts
    [(_, *recorded)] = in_terminal.trail.acts
    assert str(what).startswith(" ".join(change.command.split()[:2]))
    assert (actor, why) == (ACTOR, "the bank called")
    assert [actor, why, *orders] == recorded


@pytest.mark.parametrize("change", RECORDED.values(), ids=RECORDED)
def test_reason_that_must_not_be_logged_stops_the_change(change: Change, tmp_path: Path) -> None:
    stage = ConsoleStage()
    about = change.begin(stage)
    before = (dict(stage.events.replays), list(stage.events.states), stage.queues.bodies("notification/notices-dlq-url"))
    with served(stage, folder=tmp_path) as address:
        body = json.dumps({**change.body, "reason": "for alice@example.com"}).encode()
        status, found = get(address, change.path.format(about=about), "POST", body)
    assert (status, found["message"]) == (400, "The reason cannot be logged.")
    assert (stage.resumed, stage.trail.commands) == ([], [])
    assert before == (stage.events.replays, stage.events.states, stage.queues.bodies("notification/notices-dlq-url"))


def test_change_without_a_record_is_done_and_says_so() -> None:
    stage = ConsoleStage()
    waits = stage.place(STORIES[43])
    stage.trail.error = UserError("There is none.", "")
    with served(stage) as address:
        request = Request(f"{address}/api/orders/{waits}/resume", b"{}", headers={"X-Orderflow-Token": TOKEN})
        with urlopen(request, timeout=10) as answer:
            assert answer.headers[UNRECORDED] == "UserError"
    assert stage.resumed == [waits]


@dataclass
class BreakingQueues(HeldQueues):
    """Queues that let one message be deleted, and no other."""

    deletions: int = 1

    def delete_message(self, *, QueueUrl: str, ReceiptHandle: str) -> None:  # noqa: N803
        """Delete the first message."""
        self.deletions -= 1
        if self.deletions < 0:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DeleteMessage")
        super().delete_message(QueueUrl=QueueUrl, ReceiptHandle=ReceiptHandle)


@pytest.mark.parametrize("act", ["redrive", "drop"])
def test_part_of_a_change_that_breaks_off_is_recorded(act: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    on_page, in_terminal = (ConsoleStage(queues=BreakingQueues(NOW)) for _ in range(2))
    for stage in (on_page, in_terminal):
        letter(stage)
        letter(stage)
    with served(on_page, folder=tmp_path) as address:
        path = f"/api/dead-letters/notification/notices/{act}"
        request = Request(address + path, b'{"all": true}', headers={"X-Orderflow-Token": TOKEN})
        with urlopen(request, timeout=10) as answer:
            assert "trouble" in json.loads(answer.readlines()[-1])
    with pytest.raises(ClientError):
        run_on(in_terminal, f"dlq {act} notification/notices --all")
    [(what, *recorded)] = on_page.trail.acts
    assert what == f"dlq {act} notification/notices"
    assert len(recorded) == len(("actor", "why", "order"))
    assert in_terminal.trail.acts == [(what, *recorded)]
