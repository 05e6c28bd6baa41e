"""`orderctl orders`: place, smoke, show, list, cancel, resume, import."""

import heapq
import re
import uuid
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer
from rich.markup import escape

from kernel import order_numbers, timeline
from kernel.currencies import MINOR_DIGITS
from kernel.identifiers import PERSONAL, is_personal
from kernel.money import Money
from kernel.order_numbers import number_of
from kernel.statements import PaymentStatement, Quantity
from operations import acts
from operations.aws import service_client
from operations.aws.signed_http import NoAnswerError
from operations.errors import EXIT_FAILED, UserError
from operations.plural import counted
from orderctl.terminal import output
from orderctl.terminal.output import Format, OutputOption
from orderctl.terminal.reasons import ReasonOption, record
from services.order.domain.states import TRANSITIONS

if TYPE_CHECKING:  # the module of a function imports boto3
    from services.payment.functions.operator import SettledRefund, Unchanged

MAX_QUANTITY = 100
"""Pieces of one SKU that the API takes in a line (`services/order/requests/place_order.json`)."""
app = typer.Typer(no_args_is_help=True, help="Place, show, cancel, resume and import orders.")
OrderId = Annotated[str, typer.Argument(help="The order's id.")]
COLUMNS = {
    "order_id": "Order",
    "number": "Number",
    "status": "Status",
    "reason": "Reason",
    "total": "Total",
    "channel": "Channel",
}


HIDDEN = ("pk", "payment_token", "due_shard", "pending_shard", "pending")
"""The attributes of an order's row that `show` never prints."""
INTERNAL = (
    *("key_hash", "scope_hash", "request_hash", "placed_by", "correlation_id", "version", "respond", "attempts"),
    *("lease_owner", "lease_until", "next_due", "pending_events", "ordered"),
)
"""The attributes that `show` prints only with --all or as JSON."""
IN_ROWS_OF_THEIR_OWN = ("elsewhere", "timeline")
"""The attributes that `show` prints as several rows."""
CancelReason = Literal["OPERATOR", "CUSTOMER"]
"""Why an order is cancelled, as the API takes it (`services/order/requests/cancel.json`)."""


class IfShort(StrEnum):
    """The policy for an order that stock cannot cover, as typed on the command line."""

    REJECT = "reject"
    ALLOW_PARTIAL = "allow-partial"
    BACK_ORDER = "back-order"


def register(root: typer.Typer) -> None:
    """Add the noun to the command line."""
    root.add_typer(app, name="orders")


@app.command()
def place(
    ctx: typer.Context,
    line: Annotated[list[str], typer.Option(help=f"SKU=QUANTITY, up to {MAX_QUANTITY}. Can be repeated.")],
    customer: Annotated[
        str, typer.Option(help="The customer's id. The customer needs a contact, as alice and bob have.")
    ] = "alice",
    currency: Annotated[str, typer.Option(help="The currency (ISO 4217) of the catalogue's prices.")] = "USD",
    token: Annotated[str, typer.Option(help="The payment token.")] = "pm_card_visa",  # noqa: S107
    key: Annotated[str | None, typer.Option(help="The idempotency key.  [default: a new one, printed]")] = None,
    if_short: Annotated[IfShort, typer.Option(help="If stock is short: reject the order, deliver a part, or wait.")] = (
        IfShort.REJECT
    ),
    respond_async: Annotated[bool, typer.Option("--async", help="Do not wait for the result.")] = False,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Place an order through the API.

    Exit code 0 if the order is confirmed or accepted for later, 1 if it is rejected.

    Examples:

    - `orderctl orders place --line MUG-BLUE=2 --line LP-KIND-OF-BLUE=1`

    - `orderctl orders place --line MUG-BLUE=1 --token pm_card_declined`

    - `orderctl orders place --line MUG-BLUE=1 --async`

    - `orderctl orders place --line LP-SOLD-OUT=1 --if-short back-order`
    """
    key = key or uuid.uuid4().hex
    _check_ids({"--customer": customer, "--key": key, "--token": token, "--line": " ".join(line)})
    if currency.upper() not in MINOR_DIGITS:
        raise typer.BadParameter(f"{currency!r} is no currency of ISO 4217, such as USD", param_hint="--currency")
    lines = [_line(text) for text in line]
    body = {"customer_id": customer, "currency": currency.upper(), "lines": lines, "payment_token": token}
    if if_short is not IfShort.REJECT:
        body["if_short"] = if_short.name
    headers = {"Idempotency-Key": key, **({"Prefer": "respond-async"} if respond_async else {})}
    unknown = f"The order may have been placed. Run the command again with --key {key}."
    try:
        answer = service_client.order_api(ctx.obj, "POST", "/orders", body, headers)
    except NoAnswerError as error:
        raise UserError(error.message, unknown) from error
    if answer.status >= 500:
        raise UserError(f"The order API failed: {service_client.refusal(answer)}", unknown)
    said = answer.json()
    if output_format is Format.JSON:
        output.show_json({"http_status": answer.status, "idempotency_key": key, **said})
    else:
        order = said.get("order", said)
        if "order_id" in order:
            output.show([_shown(order)], COLUMNS, output_format)
        output.err.print(f"[dim]idempotency key {escape(key)}[/dim]")
        if answer.status >= 400:
            title = f"{answer.status} {said.get('title', '')}".strip()
            output.err.print(f"[red]{escape(title)}[/red] {escape(service_client.refusal(answer))}", soft_wrap=True)
        if str(said.get("type")).endswith("/contact-missing"):
            todo = f"Save one with `orderctl contacts put {customer} FILE`. See data/contact.json for an example."
            output.err.print(f"[dim]{escape(todo)}[/dim]", soft_wrap=True)
    if answer.status >= 400:
        raise typer.Exit(EXIT_FAILED)


@app.command()
def smoke(
    ctx: typer.Context,
    key: Annotated[str | None, typer.Option(help="The idempotency key of the order.  [default: a new one]")] = None,
    where_allowed: Annotated[
        bool, typer.Option("--where-allowed", help="Place none, without a failure, if gateway or carrier is no sandbox.")
    ] = False,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Place an order, wait until it is confirmed, and cancel it: the check after a deployment.

    The stage must have the sandboxes as gateway and carrier. Exit code 1 if a step fails.

    Examples:

    - `orderctl --target aws --stage staging orders smoke`

    - `orderctl --target aws --stage prod orders smoke --where-allowed`
    """
    from operations.orders import smoke as smoke_order

    done = list[dict[str, str]]()
    settings = ctx.obj.settings()
    if where_allowed and not smoke_order.is_allowed(settings):
        output.err.print(f"No smoke order: stage {settings.name} has no sandboxes.")
        if output_format is Format.JSON:
            output.show_json(done)
        return
    for step, result in smoke_order.run(ctx.obj, settings, key or uuid.uuid4().hex):
        done.append({"step": step, "result": result})
        if output_format is Format.TABLE:  # each step as it is done: the order takes seconds
            output.out.print(f"{step}: {result}", markup=False)
    if output_format is Format.JSON:
        output.show_json(done)


@app.command()
def show(
    ctx: typer.Context,
    order_id: OrderId,
    everything: Annotated[bool, typer.Option("--all", help="Also the internals: hashes, leases, versions.")] = False,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Show one order, its status first: its row and timeline, payment, reservation, shipment and mails.

    Examples:

    - `orderctl orders show ord-ae2ryiqq5hnkd3tqqsyblahvqe`

    - `orderctl orders show ord-ae2ryiqq5hnkd3tqqsyblahvqe --all`
    """
    from operations.orders import store

    row = store.find(ctx.obj, order_id)
    order: Mapping[str, object] = row
    first = {name: order[name] for name in ("order_id", "status", "reason", "fulfilment", "total", "lines") if name in order}
    shown = first | {name: value for name, value in order.items() if name not in HIDDEN}
    events = timeline.entries(row.get("timeline", ()), order_id)
    shown |= {"number": number_of(order_id), "pending_events": len(row.get("pending", [])), "timeline": events}
    related = store.related_statuses(ctx.obj, order_id)
    shown["elsewhere"] = related
    if output_format is Format.JSON:
        output.show_json(shown)
        return
    hidden = IN_ROWS_OF_THEIR_OWN if everything else (*IN_ROWS_OF_THEIR_OWN, *INTERNAL)
    read = _shown(row) | {name: value for name, value in shown.items() if name not in hidden}
    read["lines"] = ", ".join(f"{line['quantity']} x {line['sku']}" for line in row["lines"])
    read["total"] = str(Money.from_dict(row["total"]))
    rows = [{"name": name, "value": value} for name, value in read.items() if value is not None]
    rows += [{"name": entry["at"], "value": entry["event"]} for entry in events]
    rows += [{"name": name, "value": status} for name, status in related.items()]
    output.show(rows, {"name": "Name", "value": "Value"}, output_format)


def _known_status(status: str | None) -> str | None:
    """Return the status in capitals. Raises BadParameter if no order can have it."""
    known = None if status is None else status.upper()
    if known is not None and known not in TRANSITIONS.statuses:
        raise typer.BadParameter(f"{status} is not one of {', '.join(sorted(TRANSITIONS.statuses))}")
    return known


def _begin_of_id(number: str | None) -> str | None:
    """Return the begin of the ids with this number. Raises BadParameter if it is not one."""
    begin = None if number is None else order_numbers.begin_of_id(number)
    if number is not None and begin is None:
        raise typer.BadParameter(f"{number!r} {order_numbers.NUMBER_FORM}")
    return begin


@app.command("list")
def list_orders(
    ctx: typer.Context,
    status: Annotated[
        str | None, typer.Option(help=f"Only this status: {', '.join(sorted(TRANSITIONS.statuses))}.", callback=_known_status)
    ] = None,
    number: Annotated[
        str | None,
        typer.Option(help="Only the order with this number, as its customer reads it out.", callback=_begin_of_id),
    ] = None,
    customer: Annotated[str | None, typer.Option(help="Only the orders of this customer, read by their index.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="The largest number of orders.")] = 20,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """List orders, newest first. Without `--customer`, it reads the whole table page by page.

    No more than `--limit` orders are in memory.

    Examples:

    - `orderctl orders list --customer alice`

    - `orderctl orders list --status CANCELLING`

    - `orderctl orders list --number AE2RY-IQQ5H`
    """
    from operations.orders import store

    if customer and (status or number):
        raise typer.BadParameter("--customer goes with neither --status nor --number; leave the others out")
    if customer:
        newest = store.of_customer(ctx.obj, customer, limit)
    else:
        newest = heapq.nlargest(limit, store.scan(ctx.obj, status, number or ""), key=lambda row: row["created_at"])
    rows = [_shown(row) | {"created_at": row["created_at"], "fulfilment": row["fulfilment"]} for row in newest]
    columns = COLUMNS | {"fulfilment": "Fulfilment", "created_at": "Placed"}
    output.show(rows, columns, output_format, empty="No order found.")


@app.command()
def cancel(
    ctx: typer.Context,
    order_id: OrderId,
    reason: Annotated[
        CancelReason, typer.Option(case_sensitive=False, help="OPERATOR or CUSTOMER. The customer's mail states it.")
    ] = "OPERATOR",
    wait: Annotated[bool, typer.Option("--wait", help="Wait until the order is cancelled or its parcel has left.")] = False,
    deadline: Annotated[float, typer.Option(help="The longest wait, in seconds.")] = 120,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Cancel an order before its parcel leaves. Its payment is refunded and its goods return to stock.

    Exit code 0 if the order is cancelled or being cancelled, 1 if it is too late.

    Example: `orderctl orders cancel ord-ae2ryiqq5hnkd3tqqsyblahvqe --reason CUSTOMER --wait`
    """
    from operations.orders import store

    order: Mapping[str, object] = store.cancel(ctx.obj, order_id, reason)
    if wait:
        with output.Progress().step("Wait for shipping, payment and inventory"):
            order = store.wait_for_orders(ctx.obj, [order_id], deadline, lambda count: None)[order_id]
    output.show([_shown(order)], COLUMNS, output_format)
    if wait and order["status"] != "CANCELLED":
        raise UserError(
            f"Order {order_id} is {order['status']}, not cancelled.",
            "If CONFIRMED, its parcel has left. If REFUNDING, see docs/how-to/runbooks/refund-refused.md.",
        )


@app.command("retry-refund")
def retry_refund(
    ctx: typer.Context, order_id: OrderId, reason: ReasonOption = "", output_format: OutputOption = Format.TABLE
) -> None:
    """Retry a refund that the gateway refused. No effect on other refunds.

    Exit code 0 if the money is refunded, 1 if not.

    Example: `orderctl orders retry-refund ord-ae2ryiqq5hnkd3tqqsyblahvqe`
    """
    from operations.orders import store

    order = store.find(ctx.obj, order_id)
    cause = {"correlation_id": order["correlation_id"], "causation_id": f"orderctl:{order_id}"}
    command = {"command": "retry_refund", "order_id": order_id, **cause}
    answered = service_client.invoke(ctx.obj, "payment/operator-arn", command, acts.act(ctx.obj, reason))
    answer = cast("PaymentStatement | Unchanged", answered)
    shown = {"order_id": order_id, **answer}
    columns = {"order_id": "Order", "outcome": "Outcome", "reason": "Reason"}
    output.show([shown], columns, output_format)
    if answer["outcome"] == "UNCHANGED":
        status = cast("Unchanged", answer)["status"] or "missing"
        raise UserError(
            f"Order {order_id} has no refused refund: its payment is {status}.",
            f"Nothing was done. See `orderctl orders show {order_id}`.",
        )
    if answer["outcome"] != "REFUNDED":
        raise UserError(f"The refund of {order_id} is {answer['outcome']}.", "See docs/how-to/runbooks/refund-refused.md.")


@app.command("settle-refund")
def settle_refund(
    ctx: typer.Context,
    order_id: OrderId,
    reference: Annotated[str, typer.Option(help="The proof of payment, such as the number of a transfer or a credit note.")],
    reason: Annotated[str, typer.Option(help="Why the gateway could not pay, such as card_closed.")] = "",
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Record that you refunded an order in another way. The gateway then refunds nothing more.

    A refund that the gateway refused ends at once. If the gateway's answer is unknown, a request may still be on its way. The
    sweeper then ends the refund after 15 minutes, unless the gateway has paid.

    Exit code 0 if the refund is settled or being settled, 1 if not.

    Example: `orderctl orders settle-refund ord-ae2ryiqq5hnkd3tqqsyblahvqe --reference TRANSFER-2026-118 --reason card_closed`
    """
    from operations.orders import store

    order = store.find(ctx.obj, order_id)
    about = {"order_id": order_id, "reference": reference, **({"reason": reason} if reason else {})}
    cause = {"correlation_id": order["correlation_id"], "causation_id": f"orderctl:{order_id}"}
    command = {"command": "settle_refund", **about, **cause}
    answered = service_client.invoke(ctx.obj, "payment/operator-arn", command, acts.act(ctx.obj))
    answer = cast("SettledRefund | PaymentStatement | Unchanged", answered)
    columns = {"order_id": "Order", "outcome": "Outcome", "reference": "Reference"}
    output.show([{"order_id": order_id, **answer}], columns, output_format)
    if answer["outcome"] == "UNCHANGED":
        status = cast("Unchanged", answer)["status"] or "missing"
        raise UserError(
            f"Order {order_id} has no open refund: its payment is {status}.",
            f"Nothing was done. See `orderctl orders show {order_id}`.",
        )
    if answer["outcome"] == "REFUNDED":
        raise UserError(f"The gateway has refunded {order_id} itself.", "If you paid too, the customer has the money twice.")


@app.command()
def resume(
    ctx: typer.Context, order_id: OrderId, reason: ReasonOption = "", output_format: OutputOption = Format.TABLE
) -> None:
    """Resume the saga of an unfinished order, as the sweeper does. You can repeat it.

    Example: `orderctl orders resume ord-ae2ryiqq5hnkd3tqqsyblahvqe`
    """
    from operations import acts
    from operations.orders import store

    act = acts.act(ctx.obj, reason)
    execution = store.resume(ctx.obj, order_id)
    record(ctx.obj, "orders resume", act, [order_id])
    output.show(
        [{"order_id": order_id, "execution": execution}], {"order_id": "Order", "execution": "Execution"}, output_format
    )


@app.command("import")
def import_orders(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A CDNOW file: the sample or the full data.")],
    limit: Annotated[int | None, typer.Option(min=1, help="Only this number of rows, from the start.")] = None,
    channel: Annotated[str, typer.Option(help="The channel of the orders.")] = "cdnow",
    rate: Annotated[float, typer.Option(min=0.1, help="The most events per second.")] = 25,
    in_flight: Annotated[int, typer.Option(min=1, help="The most unfinished orders at a time.")] = 8,
    wait: Annotated[bool, typer.Option(help="Wait until all orders are confirmed or cancelled.")] = True,
    deadline: Annotated[float, typer.Option(help="The longest wait after the last event, in seconds.")] = 600,
    dry_run: Annotated[bool, typer.Option(help="Read and count the rows, and publish nothing.")] = False,
    strict: Annotated[bool, typer.Option(help="Exit with code 1 if a row is malformed.")] = False,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Publish an OrderPlaced event for each purchase in a CDNOW file. A second import creates no second order.

    The command reports malformed rows and imports the others. See docs/how-to/import-orders.md for rows of zero dollars,
    totals that do not divide evenly, and identical rows.

    Examples:

    - `orderctl orders import data/cdnow/CDNOW_sample.txt --limit 200`

    - `orderctl orders import data/cdnow/CDNOW_sample.txt --dry-run`
    """
    from operations.events import publisher
    from operations.orders import cdnow, order_import

    publisher.source_of(channel)
    purchases, malformed = cdnow.read(file, limit)
    if not purchases:
        first = "".join(f" Line {bad.line_number} {bad.reason}." for bad in malformed[:1])
        raise UserError(f"{file} has no row that can be imported.{first}", "See docs/how-to/import-orders.md for the format.")
    for bad in malformed:
        output.err.print(f"[yellow]line {bad.line_number}:[/yellow] {escape(bad.reason)}")
    summary = cdnow.count(purchases, malformed)
    if not dry_run:
        summary |= order_import.run(
            ctx.obj,
            purchases,
            channel,
            rate=rate,
            wait=wait,
            deadline_seconds=deadline,
            in_flight=in_flight,
            progress=output.Progress(),
        )
    if output_format is Format.JSON:
        output.show_json(summary)
    else:
        rows = [{"name": name.replace("_", " "), "value": value} for name, value in summary.items()]
        output.show(rows, {"name": "Name", "value": "Count"}, output_format)
    if summary.get("unsettled"):
        raise UserError(
            f"Not finished within {deadline:g} s: {counted(summary['unsettled'], 'order')}.",
            "The sweeper continues with the orders of `orderctl orders list`. "
            "For the others, see `orderctl dlq show order/intake`.",
        )
    if strict and malformed:
        raise typer.Exit(EXIT_FAILED)


def _check_ids(given: Mapping[str, str]) -> None:
    """Raise BadParameter if an id looks like personal data, before it is sent."""
    for option, text in given.items():
        if is_personal(text):
            raise typer.BadParameter(PERSONAL, param_hint=option)


def _line(text: str) -> Quantity:
    sku, _, quantity = text.partition("=")
    if not sku or not re.fullmatch(r"-?[0-9]{1,9}", quantity):
        raise typer.BadParameter(f"{text!r} is not SKU=QUANTITY, such as MUG-BLUE=2", param_hint="--line")
    return {"sku": sku, "quantity": int(quantity)}


def _shown(order: Mapping[str, Any]) -> dict[str, object]:
    shown = {name: order.get(name) for name in ("order_id", "status", "reason", "channel")}
    total = str(Money.from_dict(order["total"])) if "total" in order else None
    return {**shown, "number": number_of(order["order_id"]), "total": total}
