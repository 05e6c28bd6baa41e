"""The order API: place, show, list and cancel orders, store and delete contacts. It responds with durable states only."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from kernel import clock, logs, problem_details, schemas, timeline
from kernel.aggregate_store import Causation
from kernel.callers import actor_of, arn_of_request, principal_of
from kernel.clients import Clients
from kernel.handler import Handler, lambda_handler
from kernel.identifiers import CORRELATION_ID, ORDER_ID, PERSONAL, is_personal, shown
from kernel.invalid_request import InvalidRequestError
from kernel.logs import logger
from kernel.order_numbers import number_of
from kernel.problem_details import ProblemDetails
from kernel.receipts import ReceiptRefusedError, receipts_of
from kernel.secrets import Secrets
from kernel.settings import from_environment
from kernel.traces import thread_of, trace_id_in
from services.order.domain import addresses, decisions, identity, order_request, pagination, states
from services.order.domain.model import IN_A_PAGE, OrderInPage, OrderRow, Respond
from services.order.domain.order_request import Placement
from services.order.storage.catalogue import Catalogue
from services.order.storage.contacts import Contacts
from services.order.storage.table import Orders
from services.order.workflow import time_budget
from services.order.workflow.client import Saga
from services.order.workflow.statements import LiveInput, ResumeInput, Statements, resume_input

CHANNEL = "api"
PUBLIC = ("order_id", "status", "fulfilment", "customer_id", "channel", "lines", "total", "created_at", "updated_at")
PUBLIC_IF_SET = ("if_short", "ordered", "reason")
ASK_AGAIN_SECONDS = "2"
ASK_UNAVAILABLE_AGAIN_SECONDS = "60"
ASK_BACKORDER_AGAIN_SECONDS = "900"
UNDECIDED_DETAILS = {
    "PAYMENT_UNAVAILABLE": "payment does not answer; nothing is charged, and the order is tried again every minute",
    "INVENTORY_UNAVAILABLE": "the stock does not answer; nothing is charged, and the order is tried again every minute",
}
DECIDED_DETAILS = {
    states.CONFIRMING: "being confirmed",
    states.CANCELLING: "being cancelled; nothing is charged",
    **dict.fromkeys(states.AWAITING_OTHER_SERVICES, "being cancelled"),
}


@dataclass(frozen=True)
class Settings:
    """The table, the receipts' key, the saga, and how many seconds the saga may take in all."""

    table_name: str
    receipt_key_arn: str
    workflow_arn: str
    workflow_timeout_seconds: int


class OrderApi:
    """The routes of the order API."""

    def __init__(
        self, orders: Orders, catalogue: Catalogue, contacts: Contacts, statements: Statements, saga: Saga, saga_seconds: int
    ) -> None:
        self.orders, self.catalogue, self.contacts = orders, catalogue, contacts
        self.statements, self.saga, self.saga_seconds = statements, saga, saga_seconds
        self.app = app = APIGatewayHttpResolver()
        app.post("/orders")(self.place_order)
        app.get("/orders")(self.list_orders)
        app.get("/orders/<order_id>")(self.show_order)
        app.post("/orders/<order_id>/cancel")(self.cancel_order)
        app.put("/customers/<customer_id>/contact")(self.put_contact)
        app.delete("/customers/<customer_id>/contact")(self.forget_contact)
        app.exception_handler(InvalidRequestError)(_bad_request)
        app.not_found(problem_details.no_such_route("order"))

    def handle(self, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Answer a request of API Gateway's HTTP API, payload format 2.0, and log the outcome."""
        response = self.app.resolve(event, context)
        logger.info("request answered", route=event["routeKey"], status=response["statusCode"])
        return response

    def run_saga(self, row: OrderRow, given: LiveInput | ResumeInput) -> OrderRow:
        """Start the saga once, wait for its end, and return the order's row after it.

        The wait leaves time to read the row and to respond. The row is read if the run does not state it. If the saga does not
        end in that time, return the row as it was: the run goes on, or the sweeper takes it up.
        """
        left = self.app.lambda_context.get_remaining_time_in_millis() / 1000
        patience = time_budget.patience_of_caller(left, self.saga_seconds)
        ended = self.saga.run(given, patience) if patience >= 1 else None
        if ended is None:
            return row
        return self._stated(row["order_id"], ended.decision) or self.orders.get(row["order_id"]) or row

    def _stated(self, order_id: str, decision: object) -> OrderRow | None:
        """Return the row that the end of a run states, or None if it states none or has no valid receipt."""
        try:
            return self.statements.row_in(order_id, decision)
        except ReceiptRefusedError:  # it is logged and counted; the row itself is true
            return None

    def place_order(self) -> Response[str]:
        """Place an order: 201 confirmed, 402 declined, 409 out of stock, 202 not decided yet, or waiting for stock."""
        request_id = self._request_id()
        key = order_request.read_idempotency_key(self._header("idempotency-key"))
        request = order_request.normalize_request(order_request.read_body(self._body(), order_request.PLACE_ORDER))
        order_request.check_ids(request)
        order_request.reject_duplicate_skus(request)
        respond: Respond = "async" if order_request.is_async(self._header("prefer")) else "sync"
        placement = Placement(identity.customer_scope(request["customer_id"]), CHANNEL, key, request, respond)
        correlation_id = self._correlation_id(request_id)
        logs.add(order_id=placement.order_id)
        logs.follow(correlation_id, request_id)
        row = self._create(placement, correlation_id, request_id)
        logs.follow(row["correlation_id"], request_id)
        if not placement.is_of(row["request_hash"]):
            detail = "this Idempotency-Key was used for another request; send a fresh key with a new order"
            return ProblemDetails(
                "idempotency-key-reused", 422, "Idempotency-Key reused", detail, {"field": "Idempotency-Key"}
            ).response()
        is_first_writer = row["placed_by"] == request_id
        if is_first_writer and respond == "sync":
            row = self.run_saga(row, self.statements.live_input(row))
        logs.add(order_status=row["status"])
        return _answer(row, {"Preference-Applied": "respond-async"} if respond == "async" else {})

    def _create(self, placement: Placement, correlation_id: str, request_id: str) -> OrderRow:
        """Return the order's row, new or as it was."""
        try:
            lines = order_request.price(placement.request, self.catalogue.offer(placement.request))
        except InvalidRequestError:
            known = self.orders.get(placement.order_id)  # the catalogue may have moved on since the order was placed
            if known is None:
                raise
            return known
        arn = arn_of_request(self.app.current_event.raw_event)
        caller = principal_of(arn) if arn else None
        decision = order_request.create(placement, lines, clock.now(), correlation_id, request_id, caller)
        return self.orders.create(placement.order_id, decision, Causation(correlation_id, request_id))

    def list_orders(self) -> Response[str]:
        """Respond with a page of a customer's orders, the newest first: `orders`, and `next` if another page follows.

        With `number`, respond with those of the page that have this number.
        """
        query = self.app.current_event.query_string_parameters or {}
        customer, limit = pagination.customer_of(query), pagination.limit_of(query)
        number = pagination.number_of(query)
        page = self.orders.of_customer(customer, limit, pagination.begin_of(query, customer), number)
        orders = [_in_a_page(row) for row in page.orders]
        if page.next is None:
            return _json(200, {"orders": orders})
        cursor = pagination.cursor_of(page.next)
        again = {"customer": customer, "limit": limit, "cursor": cursor, **({"number": number} if number else {})}
        link = f'</orders?{urlencode(again)}>; rel="next"'
        return _json(200, {"orders": orders, "next": cursor}, {"Link": link})

    def show_order(self, order_id: str) -> Response[str]:
        """Respond with the order, read consistently, and its timeline; 304 if the caller has this version."""
        row = self.orders.get(order_id) if ORDER_ID.fullmatch(order_id) else None
        if row is None:
            return _no_such_order(order_id)
        logs.add(order_id=order_id, order_status=row["status"])
        logs.follow(row["correlation_id"], self._request_id())
        again = {} if row["status"] in states.TRANSITIONS.terminal else {"Retry-After": _retry_after(row)}
        headers = {"ETag": _etag(row), "Cache-Control": "no-cache", **again}
        if _etag_matches(self._header("if-none-match"), headers["ETag"]):
            return Response(304, headers=dict(headers))
        return _json(200, {**_public(row), "timeline": timeline.entries(row.get("timeline", ()), order_id)}, headers)

    def cancel_order(self, order_id: str) -> Response[str]:
        """Cancel an order whose parcel has not gone: 200 cancelled, 202 being cancelled, 409 too late."""
        reason = order_request.read_body(self._body() or "{}", order_request.CANCEL).get("reason", "CUSTOMER")
        found = self.orders.get(order_id) if ORDER_ID.fullmatch(order_id) else None
        if found is None:
            return _no_such_order(order_id)
        causation = Causation(found["correlation_id"], self._request_id())
        logs.add(order_id=order_id, actor=self._actor(), reason=reason)
        logs.follow(causation.correlation_id, causation.causation_id)
        row = self.orders.apply(order_id, lambda row: decisions.request_cancellation(row, reason, clock.now()), causation)
        if row["status"] == states.CANCELLING:
            row = self.run_saga(row, resume_input(order_id))
        logs.add(order_status=row["status"])
        if row["status"] == states.CANCELLED:
            return _json(200, _public(row), {"ETag": _etag(row)})
        if row["status"] in (states.CANCELLING, *states.AWAITING_OTHER_SERVICES):
            again = {"Location": f"/orders/{order_id}", "Retry-After": ASK_AGAIN_SECONDS}
            return _json(202, _public(row), {"ETag": _etag(row), **again})
        if row["status"] == states.CONFIRMING:
            detail = f"order {order_id} is being confirmed; ask again in {ASK_AGAIN_SECONDS} seconds"
            problem = ProblemDetails("being-confirmed", 409, "Being confirmed", detail, {"order": _public(row)})
            return problem.response({"ETag": _etag(row), "Retry-After": ASK_AGAIN_SECONDS})
        detail = f"the parcel of order {order_id} has gone ({row['fulfilment']}); an order can be cancelled until then"
        too_late = ProblemDetails("too-late-to-cancel", 409, "Too late to cancel", detail, {"order": _public(row)})
        return too_late.response({"ETag": _etag(row)})

    def put_contact(self, customer_id: str) -> Response[str]:
        """Store the customer's contact."""
        self._note_customer(customer_id)
        self.contacts.put(customer_id, addresses.checked(order_request.read_body(self._body(), order_request.CONTACT)))
        return Response(204, body="")

    def forget_contact(self, customer_id: str) -> Response[str]:
        """Delete the customer's contact; the orders stay."""
        self._note_customer(customer_id)
        self.contacts.forget(customer_id)
        return Response(204, body="")

    def _note_customer(self, customer_id: str) -> None:
        """Log the customer of a contact that is changed, and the caller. Raises InvalidRequestError for a personal id."""
        order_request.check_customer(customer_id)
        logs.add(customer_id=customer_id, actor=self._actor())

    def _actor(self) -> str | None:
        """Return the sender of the request; None if it is not signed."""
        arn = arn_of_request(self.app.current_event.raw_event)
        return actor_of(arn) if arn else None

    def _body(self) -> str | None:
        try:
            return self.app.current_event.decoded_body
        except ValueError:
            raise InvalidRequestError("body-not-json", 400, "", "the body is not UTF-8 text") from None

    def _header(self, name: str) -> str | None:
        value: str | None = self.app.current_event.headers.get(name)
        return value

    def _request_id(self) -> str:
        return str(self.app.current_event.request_context.request_id)

    def _correlation_id(self, request_id: str) -> str:
        """Return the thread of the caller's X-Correlation-Id, if it may stand in a log line, and of its traceparent.

        Without a correlation id, it is the trace id, and without a trace this request's own id. Raises InvalidRequestError.
        """
        given = self._header("x-correlation-id") or ""
        if is_personal(given):
            raise InvalidRequestError("request-invalid", 400, "X-Correlation-Id", PERSONAL)
        traceparent = self._header("traceparent")
        return thread_of(given, traceparent) if CORRELATION_ID.fullmatch(given) else trace_id_in(traceparent) or request_id


def bootstrap(clients: Clients, environ: Mapping[str, str]) -> Handler:
    """Return the API's handler; all that the first order needs is made with it."""
    settings = from_environment(Settings, environ)
    dynamodb, table = clients.dynamodb, settings.table_name
    statements = Statements(receipts_of(Secrets(clients).prepare(), settings.receipt_key_arn))
    saga = Saga(clients.workflows, settings.workflow_arn).prepare()
    schemas.prepare([(states.TRANSITIONS.source, "OrderPlaced")])
    order_request.prepare(order_request.PLACE_ORDER)
    stores = Orders(dynamodb, table), Catalogue(dynamodb, table), Contacts(dynamodb, table)
    return OrderApi(*stores, statements, saga, settings.workflow_timeout_seconds).handle


def _bad_request(error: InvalidRequestError) -> Response[str]:
    return problem_details.from_invalid_request(error).response()


REJECTIONS: dict[str, Callable[[OrderRow], ProblemDetails]] = {
    "PAYMENT_DECLINED": lambda row: ProblemDetails(
        "payment-declined", 402, "Payment declined", "the payment was declined; nothing was charged", {"order": _public(row)}
    ),
    "OUT_OF_STOCK": lambda row: ProblemDetails(
        "out-of-stock", 409, "Out of stock", "there is not enough stock; nothing was charged", {"order": _public(row)}
    ),
    "CAPTURE_REFUSED": lambda row: ProblemDetails(
        "payment-declined", 402, "Payment declined", "the capture was refused; nothing was charged", {"order": _public(row)}
    ),
}


def _answer(row: OrderRow, headers: dict[str, str]) -> Response[str]:
    """Return what the order durably is; `headers` go with an answer that is no end."""
    status, reason, location = row["status"], row.get("reason", ""), f"/orders/{row['order_id']}"
    if status == states.CONFIRMED:
        return _json(201, _public(row), {"Location": location, "ETag": _etag(row)})
    if status == states.CANCELLED:
        charged = "the charged amount is refunded" if row.get("refunded") else "nothing was charged"
        detail = f"the order was cancelled ({reason}); {charged}"
        cancelled = ProblemDetails("order-cancelled", 409, "Order cancelled", detail, {"order": _public(row)})
        return (REJECTIONS[reason](row) if reason in REJECTIONS else cancelled).response({"ETag": _etag(row)})
    known = {"order_id": row["order_id"], "number": number_of(row["order_id"])}
    body = {**known, "status": status, "detail": f"{_pending_detail(row)}; ask again at Location"}
    return _json(202, body, {"Location": location, "Retry-After": _retry_after(row), **headers})


def _pending_detail(row: OrderRow) -> str:
    """Return why an order is not at its end, in words for its customer's shop."""
    if row["status"] in DECIDED_DETAILS:
        return DECIDED_DETAILS[row["status"]]
    if row["status"] == states.BACKORDERED:
        return "waiting for stock; nothing is charged until there is enough"
    return UNDECIDED_DETAILS.get(row.get("unavailable", ""), "not decided yet")


def _public(row: OrderRow) -> dict[str, Any]:
    """Return an order as its caller sees it, without payment token and contact."""
    attributes: Mapping[str, object] = row
    shown = {name: attributes[name] for name in PUBLIC}
    shown |= {name: attributes[name] for name in PUBLIC_IF_SET if attributes.get(name)}
    return {**shown, "number": number_of(row["order_id"])}


def _in_a_page(row: OrderInPage) -> dict[str, Any]:
    """Return an order as a page has it."""
    shown: dict[str, Any] = {name: row[name] for name in IN_A_PAGE}
    return {**shown, "number": number_of(row["order_id"])}


def _retry_after(row: OrderRow) -> str:
    """Return after how many seconds there may be news of an order."""
    if row["status"] == states.BACKORDERED:
        return ASK_BACKORDER_AGAIN_SECONDS
    unavailable = row["status"] == states.PENDING and "unavailable" in row
    return ASK_UNAVAILABLE_AGAIN_SECONDS if unavailable else ASK_AGAIN_SECONDS


def _etag(row: OrderRow) -> str:
    """Return the entity tag of an order. Every public field changes with the version, and only with it."""
    return f'"{row["version"]}"'


def _etag_matches(if_none_match: str | None, tag: str) -> bool:
    """Whether the caller has what the tag stands for (RFC 9110, 13.1.2: weak tags compare as strong ones)."""
    tags = [part.strip().removeprefix("W/") for part in (if_none_match or "").split(",")]
    return tag in tags or "*" in tags


def _json(status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> Response[str]:
    return Response(status, "application/json", json.dumps(body), headers=dict(headers or {}))


def _no_such_order(order_id: str) -> Response[str]:
    return ProblemDetails(
        "no-such-order", 404, "No such order", f"there is no order {shown(order_id)}", {"field": "order_id"}
    ).response()


handler = lambda_handler(bootstrap)
