"""Stripe's REST API in its wire form (https://docs.stripe.com/api): form-encoded requests, JSON answers, idempotency keys."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

import urllib3

from kernel import outside_json
from kernel.errors import RejectedError
from services.payment.domain.gateway import GatewayMisconfiguredError, GatewayTimeoutError, GatewayUnavailableError
from services.payment.gateways.timeouts import CALL_SECONDS

VERSION: Final = "2025-09-30.clover"
"""The version of Stripe's API that this is written to; an account's own default may be another."""
NOT_DONE: Final = frozenset({409, 429})
"""Another request under the same key is at work, or there are too many: this one was not carried out."""
PAUSE_SECONDS: Final = 0.25
"""How long a call waits for its one repeat, unless Stripe says how long."""
SHORTEST_REPEAT_SECONDS: Final = 1.0
"""A repeat that has less time than this left is not made: the caller's own retry has more."""
OTHER_MODE: Final = ("live mode", "test mode", "livemode", "testmode")
"""Words of Stripe's messages about a key of the wrong mode: "a similar object exists in live mode, but a test mode key ..."."""


class StripeRefusedError(RejectedError):
    """Stripe refused the request (HTTP 4xx). `reason` is its decline code or code; its message may name a person.

    `parameter` is the field of the request that Stripe refuses, if it names one. `spent`: the keys before this request's own.
    """

    spent = 0

    def __init__(self, status: int, kind: str, reason: str, parameter: str = "") -> None:
        super().__init__(f"HTTP {status} {kind} {reason} {parameter}".rstrip())
        self.status, self.kind, self.reason, self.parameter = status, kind, reason, parameter


class KeySpentError(GatewayTimeoutError):
    """Stripe repeats an error under this idempotency key for a day: the next attempt needs the next key.

    Whether the operation was done is for its object to say; the next attempt takes another key.
    """


class StripeApi:
    """Calls of one Stripe account.

    Both raise StripeRefusedError, GatewayUnavailableError (not done), GatewayTimeoutError (it may be done),
    GatewayMisconfiguredError; `post`
    raises KeySpentError. Stripe repeats what it first answered under a key for at least a day, even an HTTP 500
    (https://docs.stripe.com/api/idempotent_requests). A call that Stripe asks for again (`Stripe-Should-Retry`,
    `Retry-After`) is repeated once, under the same key, if it fits into the call's own time.
    """

    def __init__(
        self,
        http: urllib3.PoolManager,
        url: str,
        api_key: Callable[[], str],
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.http, self.url, self.api_key, self.pause = http, url, api_key, pause

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """Return an object, or a list of them. The names of `query` are Stripe's."""
        return self._call("GET", f"{path}?{urlencode(query)}" if query else path, {}, None)

    def post(self, path: str, idempotency_key: str, form: Mapping[str, str | int] | None = None) -> dict[str, Any]:
        """Return an object, made or changed. Names of nested fields are written `metadata[order_id]`."""
        headers = {"Idempotency-Key": idempotency_key, "Content-Type": "application/x-www-form-urlencoded"}
        return self._call("POST", path, headers, urlencode(form or {}))

    def _call(self, method: str, path: str, headers: Mapping[str, str], body: str | None) -> dict[str, Any]:
        sent = {"Authorization": f"Bearer {self.api_key()}", "Stripe-Version": VERSION, **headers}
        what = f"{method} {path.partition('?')[0]}"
        began = time.monotonic()
        answer, said = self._request(what, method, path, sent, body)
        wait = _repeated_after(answer)
        left = CALL_SECONDS - (time.monotonic() - began) - (wait or 0)
        if wait is not None and left >= SHORTEST_REPEAT_SECONDS:
            self.pause(wait)
            answer, said = self._request(what, method, path, sent, body, timeout=urllib3.Timeout(total=left))
        if answer.status < 300:
            return dict(said)
        raise _fault(what, answer.status, said)

    def _request(
        self, what: str, method: str, path: str, headers: Mapping[str, str], body: str | None, **options: Any
    ) -> tuple[urllib3.BaseHTTPResponse, Any]:
        try:
            answer = self.http.request(method, f"{self.url}{path}", headers=headers, body=body, **options)
            if answer.status >= 500:  # whatever it says, and in whatever form
                return answer, {}
            return answer, outside_json.read_object(answer.data)
        except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError) as error:
            raise GatewayUnavailableError(f"{what}: {type(error).__name__}") from None
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise GatewayTimeoutError(f"{what}: {type(error).__name__}") from None


def _repeated_after(answer: urllib3.BaseHTTPResponse) -> float | None:
    """Return after how many seconds Stripe lets the call be repeated, None if it does not say so.

    See https://docs.stripe.com/error-low-level: `Stripe-Should-Retry` decides, `Retry-After` says when.
    """
    advice, seconds = answer.headers.get("Stripe-Should-Retry"), answer.headers.get("Retry-After")
    if advice == "false" or (advice is None and (seconds is None or answer.status not in NOT_DONE)):
        return None
    try:
        return PAUSE_SECONDS if seconds is None else float(seconds)
    except ValueError:
        return None


def _fault(what: str, status: int, said: object) -> Exception:
    """Return the exception that an answer other than 2xx is. Nothing of Stripe's message is in it: it may name a person."""
    told = said.get("error") if isinstance(said, dict) else None
    told = told if isinstance(told, dict) else {}
    kind, reason = str(told.get("type", "")), str(told.get("decline_code") or told.get("code") or "")
    message = str(told.get("message", "")).lower()
    what = f"{what}: HTTP {status} {kind} {reason}".rstrip()
    if status in (401, 403):
        return GatewayMisconfiguredError(f"{what}: put the right key into Secrets Manager")
    if kind == "invalid_request_error" and any(words in message for words in OTHER_MODE):
        return GatewayMisconfiguredError(f"{what}: the key is of the other mode, live or test")
    if status in NOT_DONE:
        return GatewayUnavailableError(what)
    if status >= 500 or kind == "idempotency_error":
        return KeySpentError(what)
    return StripeRefusedError(status, kind, reason, str(told.get("param") or ""))
