"""`orderctl audit`: check every invariant on all rows."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from kernel.money import Money
from operations.aws.target import Target
from operations.errors import CheckFailedError
from operations.plural import counted
from orderctl.terminal import output
from orderctl.terminal.output import Format, OutputOption

if TYPE_CHECKING:
    from audit.finding import Finding
    from operations.stage_audit import StageAudit

POLL_SECONDS = 2.0
PATIENCE_SECONDS = 120.0
"""Two sweeps, in seconds: enough for events, parcels and mails in flight to arrive."""


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(audit)


def audit(
    ctx: typer.Context,
    settled: Annotated[
        bool, typer.Option("--settled/--in-flight", help="Expect all orders to be finished, or allow orders in flight.")
    ] = True,
    wait: Annotated[
        float, typer.Option(min=0, help="How long work in flight may take to finish, in seconds.")
    ] = PATIENCE_SECONDS,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Check every invariant on all rows of all tables, and print totals. Changes nothing.

    With --in-flight, the audit skips the invariants that hold only when all orders are finished, and the orders that changed
    while it read or in the minute before. Exit code 3 if an invariant is broken.

    Examples:

    - `orderctl audit` waits for parcels and mails in flight, for a minute or two

    - `orderctl audit --wait 0 -o json | jq .findings` checks the tables as they are

    - `orderctl audit --in-flight -o json | jq .findings`
    """
    clock = ctx.obj.clock
    ends = clock.now() + wait
    with output.err.status("Reading the tables ...") as line:
        while True:
            audited = read(ctx.obj, settled=settled)
            arriving = on_their_way(audited)
            if not arriving or clock.now() >= ends:
                break
            line.update(f"Waiting: {counted(len(arriving), 'finding')} may still resolve ...")
            clock.sleep(POLL_SECONDS)
    findings, found = audited.findings, audited.figures
    if output_format is Format.JSON:
        output.show_json({**found, "findings": [vars(finding) for finding in findings], "settled": settled})
    else:
        _show(findings, found, settled=settled)
    if findings:
        meaning = "See docs/reference/invariants.md for each invariant and docs/how-to/runbooks for the repair."
        hint = "If orders are in flight, use --in-flight, or --wait longer." if settled else meaning
        raise CheckFailedError(f"The audit found {counted(len(findings), 'broken invariant')}.", hint)


def on_their_way(audited: "StageAudit") -> "list[Finding]":
    """Return the findings that time may resolve: those of orders in flight without a dead letter."""
    from audit.catalogue import AT_REST

    return [
        finding for finding in audited.findings if finding.invariant in AT_REST and finding.subject not in audited.dead_letters
    ]


def read(target: Target, *, settled: bool) -> "StageAudit":
    """Audit the stage's tables as they are now."""
    from operations.stage_audit import audit_stage

    return audit_stage(target, settled=settled)


def _show(findings: "list[Finding]", found: Mapping[str, object], *, settled: bool) -> None:
    from audit.catalogue import AUDITED, label

    broken = [finding.invariant for finding in findings]
    rows = [
        {"name": invariant.label, "holds": invariant.holds, "result": broken.count(invariant.code) or "ok"}
        for invariant in AUDITED
        if settled or not invariant.at_rest
    ]
    output.show(rows, {"name": "Invariant", "holds": "Holds if", "result": "Result"}, Format.TABLE)
    if findings:
        output.out.print()
        columns = {"invariant": "Invariant", "subject": "Subject", "what": "Finding"}
        output.show(
            [{**vars(finding), "invariant": label(finding.invariant)} for finding in findings],
            columns,
            Format.TABLE,
            title="Findings",
        )
    output.out.print()
    figures = [{"what": name.replace("_", " "), "value": _words(name, value)} for name, value in found.items()]
    output.show(figures, {"what": "Figure", "value": "Value"}, Format.TABLE)


def _words(name: str, value: object) -> str:
    if not isinstance(value, dict):
        return str(value)
    if name in ("confirmed", "captured", "refunded", "kept"):
        return ", ".join(str(Money(amount, currency)) for currency, amount in value.items()) or "-"
    return ", ".join(f"{count} {what}" for what, count in value.items()) or "-"
