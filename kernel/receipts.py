"""Receipts: each service signs what it states of its own rows, and each command checks what it relies on.

A statement is a JSON object, such as `{"outcome": "HELD", "lines": [...]}`. Its receipt is an HMAC-SHA256 over the kind of the
statement (which names the service that issues it), the order's id and all that is stated. A caller passes a statement on with
its receipt in the field `receipt`; whatever it changes or makes up, the check refuses. A receipt has no date: a true statement
that arrives late or twice stays true, and the rows' transition tables decide what it is still good for.
"""

import hmac
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Final, Literal, TypeVar, cast, overload

from kernel import seen_rows
from kernel.errors import RejectedError
from kernel.logs import logger
from kernel.metrics import count
from kernel.secrets import Secrets
from kernel.seen_rows import R
from kernel.statements import OrderStatement, Payable, PaymentStatement, StockStatement, Wanted

Statement = dict[str, object]
S = TypeVar("S", bound=Mapping[str, object])
"""The form of a statement, one of `kernel.statements`."""
RECEIPT: Final = "receipt"
"""The field of a statement that holds its receipt."""
CONFIRMING, CANCELLING = "CONFIRMING", "CANCELLING"
"""The outcomes of an order's decision by which money and goods move: forward, or back."""


class Kind(StrEnum):
    """The kinds of statements. A receipt of one kind is not valid for another."""

    PAYABLE = "order/payable"
    """The order states what is to be paid, and by what: `total`, `payment_token`."""
    WANTED = "order/wanted"
    """The order states what is to be held: `lines`, `if_short`."""
    DECISION = "order/decision"
    """The order states its status as `outcome`, with `reason` and `total`."""
    PAYMENT = "payment/answer"
    """The payment states its `outcome`, with the `reason` of a refusal."""
    STOCK = "inventory/answer"
    """The reservation states its `outcome`, with the `lines` that it is of."""


class ReceiptRefusedError(RejectedError):
    """A statement without the receipt of the service that can make it: forged, or signed with a key that was rotated out."""


@dataclass(frozen=True)
class Keys:
    """The key that signs now, and how to read anew all that may still be in use."""

    current: Callable[[], str]
    anew: Callable[[], Iterable[str]]


class Receipts:
    """Issues and checks receipts by the stage's key."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys

    def issue(self, kind: Kind, order_id: str, statement: S) -> S:
        """Return the statement with its receipt beside its own fields."""
        return cast(S, {**statement, RECEIPT: sign(self.keys.current(), kind, order_id, statement)})

    @overload
    def check(self, kind: Literal[Kind.PAYABLE], order_id: str, stated: object, outcome: str | None = None) -> Payable: ...
    @overload
    def check(self, kind: Literal[Kind.WANTED], order_id: str, stated: object, outcome: str | None = None) -> Wanted: ...
    @overload
    def check(
        self, kind: Literal[Kind.DECISION], order_id: str, stated: object, outcome: str | None = None
    ) -> OrderStatement: ...
    @overload
    def check(
        self, kind: Literal[Kind.PAYMENT], order_id: str, stated: object, outcome: str | None = None
    ) -> PaymentStatement: ...
    @overload
    def check(self, kind: Literal[Kind.STOCK], order_id: str, stated: object, outcome: str | None = None) -> StockStatement: ...
    def check(self, kind: Kind, order_id: str, stated: object, outcome: str | None = None) -> object:
        """Return the statement that `stated` holds, without its receipt; with an `outcome`, only a statement of that outcome.

        A receipt that the kept key does not verify is held against the keys as they are now, since one was perhaps rotated.
        Raises ReceiptRefusedError, which is logged without the values and counted as `ReceiptRefused`.
        """
        statement = self._verified(kind, order_id, stated)
        if statement is not None and outcome in (None, statement.get("outcome")):
            return statement
        logger.error("receipt refused", kind=kind, order_id=order_id)
        count("ReceiptRefused", 1)
        needed = f"{kind} {outcome}" if outcome else kind
        raise ReceiptRefusedError(
            f"{order_id}: no valid receipt of {needed}, so nothing was done; see docs/how-to/runbooks/receipt-refused.md"
        )

    def row_in(
        self, kind: Literal[Kind.DECISION, Kind.PAYMENT, Kind.STOCK], order_id: str, stated: object, form: type[R]
    ) -> R | None:
        """Return the row that a service's own statement was made of; None without a statement, or if it has none.

        Raises ReceiptRefusedError, as `check` does.
        """
        return None if stated is None else seen_rows.row_of(self.check(kind, order_id, stated), form)

    def _verified(self, kind: Kind, order_id: str, stated: object) -> Statement | None:
        if not isinstance(stated, dict) or not isinstance(stated.get(RECEIPT), str):
            return None
        statement = {name: value for name, value in stated.items() if name != RECEIPT}
        for keys in ([self.keys.current()], self.keys.anew()):
            if is_signed(keys, kind, order_id, statement, stated[RECEIPT]):
                return statement
        return None


def sign(key: str, kind: Kind, order_id: str, statement: Mapping[str, object]) -> str:
    """Return the receipt, 64 hex digits."""
    return hmac.new(key.encode(), _canonical([kind, order_id, statement]).encode(), sha256).hexdigest()


def is_signed(keys: Iterable[str], kind: Kind, order_id: str, statement: Mapping[str, object], receipt: str) -> bool:
    """Return True if the receipt is of this statement, under one of the keys. The comparison takes constant time."""
    given = receipt.encode(errors="replace")
    return any(hmac.compare_digest(sign(key, kind, order_id, statement).encode(), given) for key in keys)


def receipts_of(secrets: Secrets, key_arn: str) -> Receipts:
    """Return the receipts of the stage's key, which Secrets Manager keeps under this ARN."""
    return Receipts(Keys(lambda: secrets.read(key_arn), lambda: secrets.read_anew(key_arn)))


def _canonical(value: object) -> str:
    """Return JSON with one spelling for each value: keys sorted, no spaces, 4998.0 as 4998 (JSON has one kind of number)."""
    return json.dumps(_whole(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def _whole(value: object) -> object:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {name: _whole(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(part) for part in value]
    return value
