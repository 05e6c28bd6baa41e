"""Placing an order: what may be asked for, what it costs, and the row and event that it becomes."""

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Generic, NotRequired, TypedDict, TypeVar, cast

import fastjsonschema

from kernel import clock, outside_json
from kernel.aggregate_store import Decision
from kernel.identifiers import CUSTOMER_ID, ID_FORM, PERSONAL, is_personal, personal_field, shown
from kernel.index_shards import shard_of
from kernel.invalid_request import InvalidRequestError
from kernel.money import MAX_TOTAL, Money, total
from kernel.outside_json import OutsideJsonError
from kernel.schemas import field_of, reason_of, unknown_field
from kernel.statements import IfShort, Quantity
from kernel.validators import Validator, validator_of
from services.order.domain import decisions, identity, states
from services.order.domain.model import CancellationReason, Line, OrderAttributes, OrderDecision, Respond
from services.order.domain.prices import Offer
from services.order.schemas.models import OrderPlacedV3Data, OrderPlacedV3DataLines

REQUESTS: Final = Path(__file__).parents[1] / "requests"
MAX_BODY_BYTES = 16 * 1024
MAX_KEY_LENGTH = 255
QUOTED: Final = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"(?:\s*;.*)?')
"""A header's value that is a string of RFC 8941 (section 3.3.3); its parameters mean nothing here."""


T = TypeVar("T")


class OrderRequest(TypedDict):
    """A request to place an order, as a body or a channel's event has it."""

    customer_id: str
    currency: str
    lines: list[Quantity]
    payment_token: str
    if_short: NotRequired[IfShort]


class CancelRequest(TypedDict):
    """A request to cancel an order, by the customer unless it says otherwise."""

    reason: NotRequired[CancellationReason]


class ContactRequest(TypedDict):
    """Where a customer's mails and parcels go."""

    name: str
    email: str
    address: dict[str, str]


@dataclass(frozen=True)
class RequestSchema(Generic[T]):
    """The schema `requests/<name>.json`, which a body must pass to be a `T`."""

    name: str


PLACE_ORDER: Final = RequestSchema[OrderRequest]("place_order")
CANCEL: Final = RequestSchema[CancelRequest]("cancel")
CONTACT: Final = RequestSchema[ContactRequest]("contact")


@dataclass(frozen=True)
class Placement:
    """A request to place an order, checked but not yet priced. `request` is normalized, see `normalize_request`."""

    scope: str
    channel: str
    idempotency_key: str
    request: OrderRequest
    respond: Respond

    @property
    def order_id(self) -> str:
        """The order's id, the same for each repetition of the request."""
        return identity.order_id(self.scope, self.idempotency_key)

    @property
    def key_hash(self) -> str:
        """The hash that the order keeps in place of the idempotency key, which may hold anything."""
        return identity.shortened(identity.key_hash(self.scope, self.idempotency_key))

    @property
    def request_hash(self) -> str:
        """The hash that distinguishes a repeated request from another request under the same key."""
        return identity.shortened(identity.request_hash(self.request))

    def is_of(self, request_hash: str) -> bool:
        """Return whether an order with this hash was placed by the same request."""
        return identity.is_hash(request_hash, identity.request_hash(self.request))


@dataclass(frozen=True)
class PricedLine:
    """A line with the unit price, in minor units, that the catalogue had when the order was placed."""

    sku: str
    quantity: int
    unit_price: Money

    def as_dict(self) -> Line:
        """Return the line as the order's row has it."""
        return {"sku": self.sku, "quantity": self.quantity, "unit_price": self.unit_price.amount}

    def as_published(self) -> OrderPlacedV3DataLines:
        """Return the line as OrderPlaced has it."""
        return {"sku": self.sku, "quantity": self.quantity, "unit_price": self.unit_price.as_dict()}


def read_idempotency_key(key: str | None) -> str:
    """Return the key of an Idempotency-Key header. Raises InvalidRequestError."""
    where = "Idempotency-Key"
    key = _unquoted(key) if key else key
    if not key:
        raise InvalidRequestError(
            "idempotency-key-missing", 400, where, "send an Idempotency-Key header: a fresh UUID for each new order"
        )
    if len(key) > MAX_KEY_LENGTH or not key.isprintable() or not key.isascii() or key.startswith('"'):
        detail = f"must be 1 to {MAX_KEY_LENGTH} printable ASCII characters, in quotes or not; this one has {len(key)}"
        raise InvalidRequestError("idempotency-key-invalid", 400, where, detail)
    if is_personal(key):
        raise InvalidRequestError("idempotency-key-invalid", 400, where, PERSONAL)
    return key


def _unquoted(key: str) -> str:
    """Return the key in a quoted one, which is the same key (draft-ietf-httpapi-idempotency-key-header, section 2.1)."""
    quoted = QUOTED.fullmatch(key)
    return re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else key


def is_async(prefer: str | None) -> bool:
    """Return whether a Prefer header asks not to wait: `respond-async` in its list (RFC 7240, section 4.1)."""
    outside_strings = re.sub(r'"(?:[^"\\]|\\.)+"', "string", prefer or "")
    for preference in outside_strings.split(","):
        name, _, value = preference.partition(";")[0].partition("=")
        if name.strip().lower() == "respond-async":
            return value.strip() in ("", '""')
    return False


def read_body(text: str | None, schema: RequestSchema[T]) -> T:
    """Return a request body that passes its schema. Raises InvalidRequestError naming the field."""
    raw = text or ""
    size = len(raw.encode(errors="surrogatepass"))
    if size > MAX_BODY_BYTES:
        raise InvalidRequestError("body-too-large", 413, "", f"the body is {size} bytes; at most {MAX_BODY_BYTES} are read")
    try:
        body = outside_json.read(raw)
    except OutsideJsonError as error:
        raise InvalidRequestError(
            "body-not-json", 400, error.where, error.reason if error.where else error.about("the body")
        ) from None
    try:
        return cast(T, _validator(schema)(body))
    except fastjsonschema.JsonSchemaValueException as refusal:
        raise InvalidRequestError("request-invalid", 400, *_field_and_reason(refusal)) from None


def _validator(schema: RequestSchema[T]) -> Validator:
    return validator_of(REQUESTS / f"{schema.name}.json")


def prepare(schema: RequestSchema[T]) -> None:
    """Make the validator of a request's body before the first one comes."""
    _validator(schema)


def check_customer(customer_id: str, where: str = "customer_id") -> str:
    """Return the customer's id. Raises InvalidRequestError."""
    if not CUSTOMER_ID.fullmatch(customer_id):
        raise InvalidRequestError("request-invalid", 400, where, ID_FORM)
    if is_personal(customer_id):
        raise InvalidRequestError("request-invalid", 400, where, PERSONAL)
    return customer_id


def check_ids(request: OrderRequest) -> None:
    """Refuse a request that has personal data where an id belongs. Raises InvalidRequestError."""
    where = personal_field(request)
    if where is not None:
        raise InvalidRequestError("request-invalid", 400, where, PERSONAL)


def normalize_request(said: OrderRequest) -> OrderRequest:
    """Return the request without other fields and without a default, so that stating it yields the same request hash."""
    request: OrderRequest = {
        "customer_id": said["customer_id"],
        "currency": said["currency"],
        "lines": said["lines"],
        "payment_token": said["payment_token"],
    }
    if "if_short" in said and said["if_short"] != decisions.REJECT:
        request["if_short"] = said["if_short"]
    return request


def reject_duplicate_skus(request: OrderRequest) -> None:
    """Refuse two lines of one SKU, because their quantities may be a mistake. Raises InvalidRequestError."""
    first: dict[str, int] = {}
    for position, line in enumerate(request["lines"]):
        if line["sku"] in first:
            detail = f"SKU {line['sku']} is already on lines[{first[line['sku']]}]; order it once, with the whole quantity"
            raise InvalidRequestError("duplicate-sku", 422, f"lines[{position}].sku", detail)
        first[line["sku"]] = position


def price(request: OrderRequest, offer: Offer) -> list[PricedLine]:
    """Return the request's lines at the catalogue's prices.

    Raises InvalidRequestError for an unknown SKU, another currency, a total above MAX_TOTAL, and a customer without a contact,
    because no mail and no parcel could reach them.
    """
    priced = []
    for position, line in enumerate(request["lines"]):
        found = offer.prices.get(line["sku"])
        if found is None:
            raise InvalidRequestError("unknown-sku", 422, f"lines[{position}].sku", f"the catalogue has no SKU {line['sku']}")
        if found.currency != request["currency"]:
            detail = f"SKU {line['sku']} is sold in {found.currency}, not in {request['currency']}"
            raise InvalidRequestError("wrong-currency", 422, "currency", detail)
        priced.append(PricedLine(line["sku"], line["quantity"], found))
    amount = total((line.unit_price * line.quantity for line in priced), request["currency"]).amount
    if amount > MAX_TOTAL:
        detail = f"the total is over {MAX_TOTAL} minor units of {request['currency']}; order less, or in several orders"
        raise InvalidRequestError("total-too-large", 422, "lines", detail)
    customer_id = request["customer_id"]
    if customer_id not in offer.reachable:
        detail = f"customer {customer_id} has no contact; PUT /customers/{customer_id}/contact first, then send the order again"
        raise InvalidRequestError("contact-missing", 422, "customer_id", detail)
    return priced


def create(
    placement: Placement,
    lines: list[PricedLine],
    now: datetime,
    correlation_id: str,
    request_id: str,
    caller: str | None = None,
) -> OrderDecision:
    """Create the order, with its OrderPlaced.

    `request_id` identifies the writer if the response to the write is lost. `caller` is the principal that IAM states.
    """
    request = placement.request
    amount = total((line.unit_price * line.quantity for line in lines), request["currency"]).as_dict()
    if_short = request.get("if_short", decisions.REJECT)
    attributes: OrderAttributes = {
        "order_id": placement.order_id,
        "customer_id": request["customer_id"],
        "channel": placement.channel,
        "lines": [line.as_dict() for line in lines],
        "total": amount,
        "respond": placement.respond,
        "payment_token": request["payment_token"],
        "fulfilment": states.FULFILMENT[0],
        "key_hash": placement.key_hash,
        "scope_hash": identity.shortened(identity.scope_hash(placement.scope, placement.key_hash)),
        "request_hash": placement.request_hash,
        "correlation_id": correlation_id,
        "placed_by": request_id,
        "attempts": 0,
        "due_shard": shard_of(placement.order_id),
        "next_due": clock.rfc3339(now + decisions.FIRST_SWEEP_AFTER),
    }
    if caller is not None:
        attributes["caller"] = caller
    if if_short != decisions.REJECT:
        attributes["if_short"] = if_short
    data = OrderPlacedV3Data(
        customer_id=request["customer_id"],
        channel=placement.channel,
        lines=[line.as_published() for line in lines],
        total=amount,
        respond=placement.respond,
        if_short=if_short,
    )
    return Decision(states.TRANSITIONS["create"], set=attributes, data=data)


def _field_and_reason(refusal: fastjsonschema.JsonSchemaValueException) -> tuple[str, str]:
    """Return (field path, reason), naming missing and unknown fields exactly."""
    where, prefix = field_of(refusal), f"{field_of(refusal)}." if field_of(refusal) else ""
    if refusal.rule == "additionalProperties":
        unknown = shown(unknown_field(refusal))
        extra = "; prices come from the catalogue" if "price" in unknown else ""
        return prefix + unknown, f"is not a field of this request{extra}"
    if refusal.rule == "required":
        missing = next(name for name in refusal.definition["required"] if name not in refusal.value)
        return prefix + missing, "is missing"
    return where, reason_of(refusal)
