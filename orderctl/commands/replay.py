"""`orderctl replay`: plan, matrix, start, resume, status (also: show), list, cancel."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from operations.aws.target import Target
from operations.plural import counted
from orderctl.terminal import output
from orderctl.terminal.output import Format, OutputOption
from orderctl.terminal.reasons import ReasonOption, record

if TYPE_CHECKING:
    from operations.replay.plan import Plan

app = typer.Typer(
    no_args_is_help=True, help="Replay archived events to chosen services. Consumers ignore events that they have handled."
)
COLUMNS = {"name": "Replay", "state": "State", "from": "From", "until": "Until", "replayed_until": "Replayed until"}


def register(root: typer.Typer) -> None:
    """Add the noun to the command line."""
    root.add_typer(app, name="replay")


ReplayName = Annotated[str, typer.Argument(help="The replay: see `orderctl replay list`.")]
ToOption = Annotated[
    list[str] | None, typer.Option("--to", "--to-service", help="The service that receives the replay. Can be repeated.")
]
LastOption = Annotated[str | None, typer.Option(help="The length of the window up to its end: 90m, 2h, 7d.")]
FromOption = Annotated[str | None, typer.Option("--from", help="The window's start, RFC 3339.")]
UntilOption = Annotated[
    str | None,
    typer.Option(help="The window's end, RFC 3339.  [default: now; on AWS ten minutes ago, because its archive lags]"),
]
RateOption = Annotated[str | None, typer.Option(help="The pace: the most events per second, such as 50/s.")]
CatchUpOption = Annotated[
    bool,
    typer.Option("--catch-up", help="Create the orders, mails and parcels that consumers missed. Without it, none."),
]
DespiteOption = Annotated[
    list[str] | None,
    typer.Option(
        "--despite-new-table", help="Allow --catch-up for a service whose table is newer than the window. Can be repeated."
    ),
]


@app.command()
def matrix(output_format: OutputOption = Format.TABLE) -> None:
    """Print the effect of a replay on each consumer, for each event. No consumer repeats an action.

    The services declare the effects, so this command needs no AWS.

    Example: `orderctl replay matrix`
    """
    from operations.contracts import subscriptions

    columns = {"consumer": "Consumer", "event": "Event", "replay": "Replay", "catch_up": "With --catch-up"}
    output.show(subscriptions.matrix(), columns, output_format)


@app.command()
def plan(
    ctx: typer.Context,
    to: ToOption = None,
    last: LastOption = None,
    start_at: FromOption = None,
    until: UntilOption = None,
    order: Annotated[str | None, typer.Option(help="Count only this order's events, and print their shortest window.")] = None,
    types: Annotated[list[str] | None, typer.Option("--type", help="Count only this type. Can be repeated.")] = None,
    rate: RateOption = None,
    catch_up: CatchUpOption = False,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Print the events, the consumers, the effects and the cost of a replay. Starts nothing.

    The plan is made from the journal. A replay selects windows and services, not orders or types. With --order or --type,
    the plan counts only those events and prints their shortest window.

    Examples:

    - `orderctl replay plan --last 1h --to shipping --to notification`

    - `orderctl replay plan --last 7d --to notification --order ord-abc --catch-up -o json`
    """
    from operations.replay import archive_replay, paced_replay, plan

    a_second = paced_replay.rate(rate) if rate is not None else None
    now = datetime.now(UTC)
    chosen = archive_replay.window(last, start_at, until, now, archive_replay.latest(ctx.obj, now))
    archive_replay.chosen_rules(archive_replay.rules(ctx.obj), to or [])
    archive_replay.check(ctx.obj, chosen, now)
    with output.err.status("Reading the journal ...") as line:
        found = plan.plan(
            ctx.obj,
            chosen,
            list(dict.fromkeys(to or [])),
            plan.Wanted(order, tuple(types or ())),
            catch_up=catch_up,
            a_second=a_second,
            progress=lambda hours: line.update(f"Reading the journal: {counted(hours, 'hour')} ..."),
        )
    if output_format is Format.JSON:
        output.show_json(found)
    else:
        _show_plan(found, catch_up=catch_up)


def _show_plan(found: "Plan", *, catch_up: bool) -> None:
    window, counts, estimate = found["window"], found["events"], found["estimate"]
    output.screen().print(
        f"{window['from']} to {window['until']}: {counted(counts['in_window'], 'event')}, "
        f"{counts['put_again']} of them published again; "
        f"{counts['wanted']} selected."
    )
    by_type = [{"type": name, "events": number} for name, number in found["by_type"].items()]
    output.show(by_type, {"type": "Type", "events": "Events"}, Format.TABLE, empty="The journal has no selected event.")
    by_hour = [{"hour": name, "events": number} for name, number in found["by_hour"].items()]
    if by_hour:
        output.show(by_hour, {"hour": "Hour", "events": "Events"}, Format.TABLE)
    columns = {
        "consumer": "Consumer",
        "event": "Event",
        "deliveries": "Deliveries",
        "wanted": "Selected",
        "does": "Effect",
    }
    output.show(found["consumers"], columns, Format.TABLE, empty="These services have no consumer.")
    if found["would_create"]:
        output.screen().print(f"{'It' if catch_up else 'With --catch-up it'} would {found['would_create']['text']}.")
    mails, parcels = found["missed"]["mails"], found["missed"]["parcels"]
    made = [] if mails is None else [counted(mails, "missing mail")]
    made += [] if parcels is None else [counted(parcels, "missing parcel")]
    if made:
        output.screen().print(f"It would make up to {' and '.join(made)}.")
    for table in found["new_tables"]:
        event = f" at {table['event_put_at']}" if table["event_put_at"] else ", which the younger journal does not have"
        output.screen().print(
            f"{table['service']}'s table was created at {table['created']}, after an event of the window{event}. "
            f"With --catch-up the service could repeat earlier actions, so `replay start` needs "
            f"--despite-new-table {table['service']}."
        )
    dead = {name: depth for name, depth in found["dead_letters"].items() if depth}
    if dead:
        output.screen().print(
            "Dead letters: " + ", ".join(f"{depth} in {name}" for name, depth in dead.items()) + ". Redrive them first."
        )
    took = (
        f"{estimate['seconds']:.0f} s, judging by {estimate['by']}"
        if estimate["seconds"] is not None
        else "unknown, because there is no earlier replay"
    )
    output.screen().print(
        f"Cost: about {estimate['usd']:.6f} USD (requests at the list prices of us-east-1). Duration: {took}."
    )
    if found["narrowest"] and counts["wanted"] < counts["in_window"]:
        shortest = found["narrowest"]
        output.screen().print(
            f"The shortest window with all selected events: --from {shortest['from']} --until {shortest['until']}"
        )


@app.command()
def start(
    ctx: typer.Context,
    to: ToOption = None,
    last: LastOption = None,
    start_at: FromOption = None,
    until: UntilOption = None,
    rate: RateOption = None,
    catch_up: CatchUpOption = False,
    despite_new_table: DespiteOption = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the end of the replay.")] = False,
    deadline: Annotated[float, typer.Option(help="The longest wait, in seconds.")] = 600,
    reason: ReasonOption = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Replay a window of archived events to the rules of some services only.

    The command asks for confirmation at a terminal. With --rate, events go through the staging queue, and this command
    delivers them, each order's events in order. If it is interrupted, `orderctl replay resume` continues.

    Consumers repeat nothing. Only with --catch-up do they create the orders, mails and parcels that they missed: see
    `orderctl replay matrix`. A table newer than the window has no record of earlier work, so --catch-up also needs
    --despite-new-table for its service.

    Examples:

    - `orderctl replay start --last 1h --to shipping --to notification --wait`

    - `orderctl replay start --from 2026-11-23T08:00:00Z --until 2026-11-23T10:00:00Z --to shipping`

    - `orderctl replay start --last 1d --to notification --catch-up --rate 50/s`
    """
    from operations import acts
    from operations.replay import archive_replay, catch_up_effects, paced_replay

    a_second = paced_replay.rate(rate) if rate is not None else None
    now = datetime.now(UTC)
    chosen = archive_replay.window(last, start_at, until, now, archive_replay.latest(ctx.obj, now))
    rule_arns = archive_replay.chosen_rules(archive_replay.rules(ctx.obj), to or [])
    archive_replay.check(ctx.obj, chosen, now)
    act = acts.act(ctx.obj, reason)
    if a_second is not None:
        paced_replay.check_empty(ctx.obj)
    if catch_up:
        with output.err.status("Comparing the services' tables with the window ..."):
            catch_up_effects.check_tables(ctx.obj, chosen, to or [], despite_new_table or [])
    output.err.print(
        f"Replay {chosen.start:%Y-%m-%d %H:%M:%S} to {chosen.end:%Y-%m-%d %H:%M:%S} UTC, "
        f"to {', '.join(to or [])}: {counted(len(rule_arns), 'rule')}."
    )
    _tell_who_does_nothing(to or [], catch_up)
    if output.attended() and not yes:
        typer.confirm("Start it?", abort=True, err=True)
    if a_second is not None:
        name = paced_replay.start(ctx.obj, chosen, now, catch_up=catch_up)
        output.err.print(f"Started {name}.")
        record(ctx.obj, f"replay start {name}", act)
        _hand_on(ctx.obj, to or [], despite_new_table or [], a_second, deadline)
    else:
        name = archive_replay.start(ctx.obj, chosen, rule_arns, now, catch_up=catch_up)
        output.err.print(f"Started {name}.")
        record(ctx.obj, f"replay start {name}", act)
    if wait and a_second is None:
        _follow(ctx.obj, name, deadline)
    output.show([archive_replay.show(ctx.obj, name)], COLUMNS, output_format)
    if not wait and a_second is None:
        output.err.print(f"[dim]Follow it with `orderctl replay status {name} --wait`.[/dim]")


def _tell_who_does_nothing(services: list[str], catch_up: bool) -> None:
    from operations.contracts.subscriptions import consumers

    idle = dict.fromkeys(consumer.name for consumer in consumers(services) if consumer.effect(catch_up=catch_up) == "nothing")
    if idle:
        output.err.print(f"[dim]{', '.join(idle)} will do nothing without --catch-up.[/dim]")


def _follow(target: Target, name: str, deadline: float) -> None:
    """Wait for the end of a replay, and show its progress."""
    from operations.replay import archive_replay

    with output.err.status(f"{name} ...") as line:
        archive_replay.follow(target, name, deadline, lambda replay: line.update(f"{name}: {archive_replay.progress(replay)}"))


@app.command()
def resume(
    ctx: typer.Context,
    to: ToOption = None,
    rate: Annotated[str, typer.Option(help="The most events per second.")] = "50/s",
    despite_new_table: DespiteOption = None,
    deadline: Annotated[
        float, typer.Option(help="The longest wait for the replay, and for a queue to empty, in seconds.")
    ] = 600,
    reason: ReasonOption = "",
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Deliver the remaining events of a paced replay that was interrupted.

    Consumers drop duplicates. If the earlier command was killed, its events return to the staging queue after 15 minutes.
    Events of a replay with --catch-up also need --despite-new-table for a service with a newer table.

    Example: `orderctl replay resume --to notification --rate 50/s`
    """
    from operations import acts
    from operations.replay import archive_replay, paced_replay

    a_second = paced_replay.rate(rate)
    archive_replay.chosen_rules(archive_replay.rules(ctx.obj), to or [])
    act = acts.act(ctx.obj, reason)
    record(ctx.obj, f"replay resume to {', '.join(to or [])}", act)
    handed_on = _hand_on(ctx.obj, to or [], despite_new_table or [], a_second, deadline)
    if output_format is Format.JSON:
        output.show_json(handed_on)


def _hand_on(target: Target, services: list[str], despite: list[str], a_second: float, deadline: float) -> dict[str, int]:
    """Collect the staged events until no paced replay runs, then deliver them. Return how many of each there were.

    They can be of an earlier command, with other services, and days old: so the tables are compared with the events.
    """
    from operations.replay import archive_replay, catch_up_effects, paced_replay

    queues = paced_replay.consumers(target, services)
    with output.err.status("Waiting for the archive ...") as line:
        staged = paced_replay.collect(
            target,
            lambda: not archive_replay.paced_running(target),
            lambda found: line.update(f"Staged: {counted(found, 'event')} ..."),
            output.Progress(),
        )
        try:
            catch_up_effects.check_staged(target, (message.event for message in staged), services, despite)
        except BaseException:
            paced_replay.put_back(target, staged)
            raise
        sent = paced_replay.hand_on(
            target, staged, queues, a_second, deadline, lambda done: line.update(f"Delivered: {counted(done, 'event')} ...")
        )
    output.err.print(
        f"Staged events: {len(staged)}. Delivered: {sent}, at most {a_second:g} a second. "
        f"No consumer of {', '.join(services)} subscribes to the others.",
        soft_wrap=True,
    )
    return {"staged": len(staged), "delivered": sent}


@app.command("show", hidden=True)
@app.command()
def status(
    ctx: typer.Context,
    name: ReplayName,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the end of the replay.")] = False,
    deadline: Annotated[float, typer.Option(help="The longest wait, in seconds.")] = 600,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Show the progress of a replay, or wait for its end.

    A replay runs in EventBridge, so you can follow it from any terminal. `orderctl replay resume` delivers the events of a
    paced replay.

    Examples:

    - `orderctl replay status orderflow-dev-20261123T060000000000`

    - `orderctl replay status orderflow-dev-20261123T060000000000 --wait`
    """
    from operations.replay import archive_replay

    if wait:
        _follow(ctx.obj, name, deadline)
    output.show([archive_replay.show(ctx.obj, name)], COLUMNS | {"to": "To"}, output_format)


@app.command("list")
def list_replays(ctx: typer.Context, output_format: OutputOption = Format.TABLE) -> None:
    """List the replays of the stage's archive, newest first.

    Examples:

    - `orderctl replay list`

    - `orderctl replay list -o json | jq '.[] | select(.state == "RUNNING").name'`
    """
    from operations.replay import archive_replay

    output.show(archive_replay.listed(ctx.obj), COLUMNS, output_format, empty="There is no replay yet.")


@app.command()
def cancel(ctx: typer.Context, name: ReplayName, reason: ReasonOption = "", output_format: OutputOption = Format.TABLE) -> None:
    """Stop a replay. Events that it has sent stay sent, and another replay can send them again.

    Example: `orderctl replay cancel orderflow-dev-20261123T060000000000`
    """
    from operations import acts
    from operations.replay import archive_replay

    act = acts.act(ctx.obj, reason)
    archive_replay.cancel(ctx.obj, name)
    record(ctx.obj, f"replay cancel {name}", act)
    output.show([archive_replay.show(ctx.obj, name)], COLUMNS, output_format)
