"""`orderctl replay`: the window, the rules, refusals, and following it to its end."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kernel import clock
from kernel.naming import PACED_REPLAY_PREFIX, catches_up
from operations.aws.target import Kind
from operations.errors import EXIT_USAGE, UserError, WrongUsageError
from operations.replay import archive_replay
from operations.window import Window
from orderctl.commands.replay import app
from tests.support.archive_in_memory import NOW, Archive
from tests.support.journal_objects import create_bucket
from tests.support.tables import create_table
from tests.unit.orderctl.conftest import SHOWN_AT_A_TERMINAL, Stage, at_terminal, orderctl, orderctl_json

RULES = {
    "order/intake-rule-arn": "arn:rule/intake",
    "order/fulfilment-rule-arn": "arn:rule/fulfilment",
    "order/start-rule-arn": "arn:rule/start",
    "shipping/orders-rule-arn": "arn:rule/orders",
    "notification/notices-rule-arn": "arn:rule/notices",
}


@pytest.fixture
def archive() -> Archive:
    return Archive()


@pytest.fixture
def deployed(aws: None, archive: Archive) -> Stage:
    stage = Stage(fakes={"events": archive})
    for name, arn in RULES.items():
        stage.client("ssm").put_parameter(Name=f"/orderflow/dev/{name}", Value=arn, Type="String")
    return stage


def window(last: str | None = None, start: str | None = None, until: str | None = None) -> tuple[str, str]:
    found = archive_replay.window(last, start, until, NOW)
    return f"{found.start:%d %H:%M:%S}", f"{found.end:%d %H:%M:%S}"


def test_a_window_is_the_last_hours_or_between_two_times() -> None:
    assert window("1h") == ("23 11:00:00", "23 12:00:00")
    assert window("90m") == ("23 10:30:00", "23 12:00:00")
    assert window("30s") == ("23 11:59:30", "23 12:00:00")
    assert window("7d") == ("16 12:00:00", "23 12:00:00")
    assert window("1h", until="2026-11-23T10:00:00Z") == ("23 09:00:00", "23 10:00:00")
    assert window(start="2026-11-23T10:00:00+02:00") == ("23 08:00:00", "23 12:00:00")
    assert window(start="2026-11-23T08:00:00Z", until="2026-11-23T09:30:00.500Z") == ("23 08:00:00", "23 09:30:00")


def test_a_window_ends_now_at_the_latest() -> None:
    assert window(start="2026-11-23T08:00:00Z", until="2027-01-01T00:00:00Z") == ("23 08:00:00", "23 12:00:00")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "The window is not clear"),
        ({"last": "1h", "start": "2026-11-23T08:00:00Z"}, "The window is not clear"),
        ({"last": "an hour"}, "not a duration"),
        ({"last": "1.5h"}, "not a duration"),
        ({"last": "-1h"}, "not a duration"),
        ({"last": "1w"}, "not a duration"),
        ({"last": ""}, "not a duration"),
        ({"last": "99999999999999d"}, "cannot be read"),
        ({"last": "999999999d"}, "cannot be read"),
        ({"last": "0m"}, "empty"),
        ({"start": "yesterday"}, "cannot be read"),
        ({"start": "2026-11-23T08:00:00"}, "no UTC offset"),
        ({"start": "2026-11-23T08:00:00Z", "until": "2026-11-23T08:00:00Z"}, "empty"),
        ({"start": "2026-11-23T13:00:00Z", "until": "2026-11-23T14:00:00Z"}, "future"),
    ],
)
def test_invalid_window_is_refused(options: dict[str, str], said: str) -> None:
    with pytest.raises(WrongUsageError, match=said) as refused:
        window(**options)
    assert refused.value.exit_code == EXIT_USAGE


def test_window_with_events_too_young_for_a_delayed_archive_is_refused() -> None:
    hour = Window(NOW - timedelta(hours=1), NOW)
    archive_replay.check_age(hour, NOW, 30, delayed=False)
    with pytest.raises(UserError, match="younger than 10 minutes") as refused:
        archive_replay.check_age(hour, NOW, 30, delayed=True)
    assert "--until 2026-11-23T11:50:00.000Z" in refused.value.hint
    archive_replay.check_age(Window(hour.start, NOW - timedelta(minutes=10)), NOW, 30, delayed=True)


def test_window_older_than_the_archive_is_refused() -> None:
    month = Window(NOW - timedelta(days=31), NOW - timedelta(hours=1))
    with pytest.raises(UserError, match="the archive keeps 30 days"):
        archive_replay.check_age(month, NOW, 30, delayed=True)
    archive_replay.check_age(month, NOW, 0, delayed=True)  # 0: kept for ever


def test_only_the_archive_of_a_real_account_is_delayed(archive: Archive) -> None:
    hour = Window(NOW - timedelta(hours=1), NOW)
    archive_replay.check(Stage(kind=Kind.LAPTOP, fakes={"events": archive}), hour, NOW)
    with pytest.raises(UserError, match="younger than 10 minutes"):
        archive_replay.check(Stage(fakes={"events": archive}), hour, NOW)


def test_rules_of_a_service_are_found_without_the_rule_of_the_saga(deployed: Stage) -> None:
    assert archive_replay.rules(deployed) == {
        "order": {
            "order/intake-rule-arn": "arn:rule/intake",
            "order/fulfilment-rule-arn": "arn:rule/fulfilment",
        },
        "shipping": {"shipping/orders-rule-arn": "arn:rule/orders"},
        "notification": {"notification/notices-rule-arn": "arn:rule/notices"},
    }


def test_only_rules_of_the_chosen_services_are_used(deployed: Stage) -> None:
    available = archive_replay.rules(deployed)
    assert archive_replay.chosen_rules(available, ["shipping"]) == ["arn:rule/orders"]
    assert archive_replay.chosen_rules(available, ["notification", "shipping"]) == ["arn:rule/notices", "arn:rule/orders"]
    assert archive_replay.chosen_rules(available, ["shipping", "shipping"]) == ["arn:rule/orders"]
    assert sorted(archive_replay.chosen_rules(available, ["order"])) == ["arn:rule/fulfilment", "arn:rule/intake"]


@pytest.mark.parametrize("services", [[], ["payment"], ["shipping", "billing"]])
def test_replay_without_a_service_with_rules_is_refused(deployed: Stage, services: list[str]) -> None:
    with pytest.raises(UserError) as refused:
        archive_replay.chosen_rules(archive_replay.rules(deployed), services)
    assert "notification, order, shipping" in refused.value.hint


OLD = ("--from", "2020-01-01T00:00:00Z", "--until", "2020-01-01T01:00:00Z")


@pytest.fixture
def keeps_everything(archive: Archive) -> None:
    archive.retention_days = 0


@pytest.mark.usefixtures("keeps_everything")
def test_a_replay_goes_to_the_chosen_rules_and_is_followed_to_its_end(deployed: Stage, archive: Archive) -> None:
    [told] = orderctl_json(app, deployed, "start", *OLD, "--to", "shipping", "--to", "notification", "--wait")
    [asked] = archive.replays.values()
    assert asked["Destination"] == {"Arn": "platform/bus-arn", "FilterArns": ["arn:rule/orders", "arn:rule/notices"]}
    assert asked["EventSourceArn"] == "platform/archive-arn"
    assert (asked["EventStartTime"].hour, asked["EventEndTime"].hour) == (0, 1)
    assert told["state"] == "COMPLETED"
    assert told["name"].startswith("orderflow-dev-2026")
    assert told["to"] == ["orders", "notices"]


@pytest.mark.usefixtures("keeps_everything")
def test_replay_without_wait_prints_how_to_follow_it(deployed: Stage, archive: Archive) -> None:
    answer = orderctl(app, deployed, "start", *OLD, "--to", "shipping")
    [name] = archive.replays
    assert f"orderctl replay status {name}" in answer.stderr.replace("\n", " ")
    assert orderctl_json(app, deployed, "status", name)[0]["state"] == "RUNNING"


@pytest.mark.usefixtures("keeps_everything")
def test_a_person_at_the_terminal_is_asked_first(deployed: Stage, archive: Archive) -> None:
    assert at_terminal(app, deployed, "start", *OLD, "--to", "shipping", types="n\n").exit_code == 1
    assert archive.replays == {}
    assert at_terminal(app, deployed, "start", *OLD, "--to", "shipping", types="y\n").exit_code == 0
    assert at_terminal(app, deployed, "start", *OLD, "--to", "shipping", "--yes").exit_code == 0
    assert len(archive.replays) == 2


@pytest.mark.usefixtures("keeps_everything")
def test_a_script_is_not_asked_even_if_its_errors_go_to_a_terminal(
    deployed: Stage, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SHOWN_AT_A_TERMINAL.items():
        monkeypatch.setenv(name, value)
    assert orderctl(app, deployed, "start", *OLD, "--to", "shipping", stdin="").exit_code == 0
    assert len(archive.replays) == 1


def test_replay_needs_a_service(deployed: Stage, archive: Archive) -> None:
    with pytest.raises(WrongUsageError, match="No service is chosen to receive the replay") as refused:
        orderctl(app, deployed, "start", "--last", "1h")
    assert refused.value.hint == "Give --to SERVICE, once or more. Services with rules: notification, order, shipping."
    assert archive.replays == {}


def test_too_young_window_is_refused_before_the_question(deployed: Stage, archive: Archive) -> None:
    with pytest.raises(UserError, match="younger than 10 minutes"):
        orderctl(app, deployed, "start", "--last", "1h", "--until", clock.rfc3339(clock.now()), "--to", "shipping")
    assert archive.replays == {}


def test_last_hour_on_aws_ends_where_the_archive_is_complete(deployed: Stage, archive: Archive) -> None:
    orderctl(app, deployed, "start", "--last", "1h", "--to", "shipping")
    ((replay),) = archive.replays.values()
    assert replay["EventEndTime"] - replay["EventStartTime"] == timedelta(hours=1)
    assert timedelta(0) <= datetime.now(UTC) - archive_replay.ARCHIVE_DELAY - replay["EventEndTime"] < timedelta(minutes=1)


@pytest.mark.usefixtures("keeps_everything")
@pytest.mark.parametrize(("options", "named"), [((), False), (("--catch-up",), True)])
def test_name_of_the_replay_states_whether_to_catch_up(
    deployed: Stage, archive: Archive, options: tuple[str, ...], named: bool
) -> None:
    create_bucket(deployed.client("s3"), "journal")
    create_table(deployed.client("dynamodb"), "notification/table-name")
    orderctl(app, deployed, "start", *OLD, "--to", "notification", *options)
    (name,) = archive.replays
    assert catches_up(name) == named
    assert not name.startswith(PACED_REPLAY_PREFIX)


@pytest.mark.usefixtures("keeps_everything")
def test_failed_replay_is_reported(deployed: Stage, archive: Archive) -> None:
    archive.states = ["RUNNING", "FAILED"]
    with pytest.raises(UserError, match=r"The replay orderflow-dev-\d+T\d+ failed"):
        orderctl(app, deployed, "start", *OLD, "--to", "shipping", "--wait")


@pytest.mark.usefixtures("keeps_everything")
def test_long_replay_is_left_running(deployed: Stage, archive: Archive) -> None:
    archive.states = ["RUNNING"]
    with pytest.raises(UserError, match="is still running after 0 s") as left:
        orderctl(app, deployed, "start", *OLD, "--to", "shipping", "--wait", "--deadline", "0")
    [name] = archive.replays
    assert left.value.hint == f"Follow it with `orderctl replay status {name} --wait`."


@pytest.mark.parametrize("command", ["status", "show"])
@pytest.mark.usefixtures("keeps_everything")
def test_a_replay_is_followed_from_another_terminal_by_its_name_alone(
    command: str, deployed: Stage, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ORDERFLOW_HOME", str(tmp_path))
    with pytest.raises(UserError, match="is still running after 0 s"):
        orderctl(app, deployed, "start", *OLD, "--to", "shipping", "--wait", "--deadline", "0")
    [name] = archive.replays
    assert list(tmp_path.iterdir()) == []
    [told] = orderctl_json(app, replace(deployed), command, name, "--wait")
    assert (told["name"], told["state"], told["to"]) == (name, "COMPLETED", ["orders"])
    assert len(archive.replays) == 1


@pytest.mark.usefixtures("keeps_everything")
def test_waiting_for_a_failed_replay_fails(deployed: Stage, archive: Archive) -> None:
    [started] = orderctl_json(app, deployed, "start", *OLD, "--to", "shipping")
    archive.states = ["FAILED"]
    with pytest.raises(UserError, match="failed"):
        orderctl(app, deployed, "status", started["name"], "--wait")


@pytest.mark.usefixtures("keeps_everything")
def test_cancelled_replay_does_not_count_as_completed(deployed: Stage, archive: Archive) -> None:
    archive.states = ["RUNNING", "CANCELLING", "CANCELLED"]
    with pytest.raises(UserError, match="was cancelled"):
        orderctl(app, deployed, "start", *OLD, "--to", "shipping", "--wait")


@pytest.mark.usefixtures("keeps_everything")
def test_a_running_replay_is_cancelled_and_shown(deployed: Stage, archive: Archive) -> None:
    archive.states = ["RUNNING"]
    [started] = orderctl_json(app, deployed, "start", *OLD, "--to", "shipping")
    [told] = orderctl_json(app, deployed, "cancel", started["name"])
    assert (told["name"], told["state"]) == (started["name"], "CANCELLED")
    assert orderctl_json(app, deployed, "show", started["name"]) == orderctl_json(app, deployed, "status", started["name"])


@pytest.mark.usefixtures("keeps_everything")
def test_name_of_a_replay_is_valid_for_eventbridge(deployed: Stage, archive: Archive) -> None:
    name = archive_replay.start(replace(deployed, stage="s" * 16), Window(NOW, NOW), [], NOW)
    assert re.fullmatch(r"[.\-_A-Za-z0-9]{1,64}", name)


@pytest.mark.usefixtures("keeps_everything")
def test_refusal_of_eventbridge_is_reported(deployed: Stage, archive: Archive) -> None:
    archive.replays = {str(n): {} for n in range(10)}
    with pytest.raises(UserError, match="The replay was not started: 10 replays run already"):
        orderctl(app, deployed, "start", *OLD, "--to", "shipping")
    with pytest.raises(UserError, match="The replay 3 was not cancelled: 3 has ended"):
        orderctl(app, deployed, "cancel", "3")


def test_replays_are_listed_page_by_page_the_newest_first(deployed: Stage, archive: Archive) -> None:
    for day in (1, 3, 2):
        name, begun = f"replay-{day}", datetime(2026, 11, day, tzinfo=UTC)
        window = {"EventStartTime": begun - timedelta(hours=1), "EventEndTime": begun}
        archive.replays[name] = {"ReplayName": name, "State": "COMPLETED", "ReplayStartTime": begun, **window}
    assert [replay["name"] for replay in orderctl_json(app, deployed, "list")] == ["replay-3", "replay-2", "replay-1"]


def test_progress_of_a_replay_is_shown() -> None:
    running = {"state": "RUNNING", "replayed_until": "08:15", "until": "09:00"}
    assert archive_replay.progress(running) == "RUNNING, until 08:15 of 09:00"
    assert archive_replay.progress({**running, "replayed_until": None}) == "RUNNING"


def test_unknown_replay_is_reported(deployed: Stage) -> None:
    with pytest.raises(UserError, match="There is no replay x"):
        orderctl(app, deployed, "status", "x")
