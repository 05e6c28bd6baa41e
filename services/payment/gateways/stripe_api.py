"""Stripe's REST API (https://docs.stripe.com/api): form-encoded requests, JSON responses, idempotency keys."""

import re
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, TypedDict, Unpack
from urllib.parse import urlencode

import urllib3

from kernel import outside_json
from kernel.errors import RejectedError
from services.payment.domain.gateway import GatewayMisconfiguredError, GatewayTimeoutError, GatewayUnavailableError
from services.payment.gateways.timeouts import CALL_SECONDS

StripeObject = dict[str, Any]
"""An object of Stripe's API, or a list of them, as JSON."""
VERSION: Final = "2025-09-30.clover"
"""The version of Stripe's API that this code is written for; an account's own default may be another."""
KEY: Final = re.compile(r"[A-Za-z0-9_]{1,500}")
"""The form of an API key (https://docs.stripe.com/keys)."""
NOT_DONE: Final = frozenset({409, 429})
"""HTTP statuses of a request that was not carried out: another one under its key is running, or there are too many."""
REFUSALS: Final = frozenset({400, 402, 404})
"""HTTP statuses by which Stripe refuses a request as it is (https://docs.stripe.com/api/errors). Others leave it undecided."""
PAUSE_SECONDS: Final = 0.25
"""The pause before a call's one repeat, unless Stripe states one."""
SHORTEST_REPEAT_SECONDS: Final = 1.0
"""A repeat needs at least this time; with less, the caller retries instead."""
OTHER_MODE: Final = ("live mode", "test mode", "livemode", "testmode")
"""Words in Stripe's messages about a key of the wrong mode: "a similar object exists in live mode, but a test mode key ..."."""


class StripeRefusedError(RejectedError):
    """Stripe refused the request (one of REFUSALS). `reason` is its decline code or code; its message may name a person.

    `parameter` is the refused field of the request, if Stripe names one. `spent` counts the idempotency keys before this one.
    """

    spent = 0

    def __init__(self, status: int, kind: str, reason: str, parameter: str = "") -> None:
        super().__init__(f"HTTP {status} {kind} {reason} {parameter}".rstrip())
        self.status, self.kind, self.reason, self.parameter = status, kind, reason, parameter


class KeySpentError(GatewayTimeoutError):
    """Stripe may repeat this response for a day under the same idempotency key, so the next attempt takes another key.

    The state of the object shows whether the operation was carried out.
    """


class _Options(TypedDict, total=False):
    """A request's own time-out, in place of the pool's."""

    timeout: urllib3.Timeout


class StripeApi:
    """Calls of one Stripe account.

    Both methods raise StripeRefusedError, GatewayUnavailableError (not carried out), GatewayTimeoutError (perhaps carried out)
    and GatewayMisconfiguredError; `post` also raises KeySpentError. For at least a day, Stripe repeats its first response to a
    key, even an HTTP 500 (https://docs.stripe.com/api/idempotent_requests). If Stripe requests it (`Stripe-Should-Retry`,
    `Retry-After`), a call is repeated once, under the same key and within CALL_SECONDS.
    """

    def __init__(
        self,
        http: urllib3.PoolManager,
        url: str,
        api_key: Callable[[], str],
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.http, self.url, self.api_key, self.pause = http, url, api_key, pause

    def get(self, path: str, **query: str) -> StripeObject:
        """Return an object, or a list of them. The names of `query` are Stripe's."""
        found = self._call("GET", f"{path}?{urlencode(query)}" if query else path, {}, None)
        if not _is_object(found):
            raise GatewayTimeoutError(f"GET {path}: a response without id and status")
        return found

    def post(self, path: str, idempotency_key: str, form: Mapping[str, str | int] | None = None) -> StripeObject:
        """Make or change an object and return it. Names of nested fields are written `metadata[order_id]`."""
        headers = {"Idempotency-Key": idempotency_key, "Content-Type": "application/x-www-form-urlencoded"}
        made = self._call("POST", path, headers, urlencode(form or {}))
        if not _is_object(made):
            raise KeySpentError(f"POST {path}: a response without id and status")
        return made

    def _call(self, method: str, path: str, headers: Mapping[str, str], body: str | None) -> StripeObject:
        key = self.api_key()
        if not KEY.fullmatch(key):
            raise GatewayMisconfiguredError(
                "the API key has characters that no key of Stripe has: put the right one into Secrets Manager"
            )
        sent = {"Authorization": f"Bearer {key}", "Stripe-Version": VERSION, **headers}
        what = f"{method} {path.partition('?')[0]}"
        began = time.monotonic()
        answer, content = self._request(what, method, path, sent, body)
        wait = _retry_after(answer)
        left = CALL_SECONDS - (time.monotonic() - began) - (wait or 0)
        if wait is not None and left >= SHORTEST_REPEAT_SECONDS:
            self.pause(wait)
            answer, content = self._request(what, method, path, sent, body, timeout=urllib3.Timeout(total=left))
        if answer.status < 300:
            return content
        raise _fault(what, answer.status, content)

    def _request(
        self, what: str, method: str, path: str, headers: Mapping[str, str], body: str | None, **options: Unpack[_Options]
    ) -> tuple[urllib3.BaseHTTPResponse, StripeObject]:
        try:
            answer = self.http.request(method, f"{self.url}{path}", headers=headers, body=body, **options)
            if answer.status >= 500:  # its body need not be JSON
                return answer, {}
            return answer, outside_json.read_object(answer.data)
        except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError) as error:
            raise GatewayUnavailableError(f"{what}: {type(error).__name__}") from None
        except urllib3.exceptions.HTTPError as error:
            raise GatewayTimeoutError(f"{what}: {type(error).__name__}") from None
        except ValueError as error:
            raise KeySpentError(f"{what}: {type(error).__name__}") from None


def _is_object(content: StripeObject) -> bool:
    """Return whether a response has what every object has that is read here, or is a list: a proxy may have made it."""
    if isinstance(content.get("data"), list):
        return True
    return isinstance(content.get("id"), str) and isinstance(content.get("status"), str | None) and "status" in content


def _retry_after(answer: urllib3.BaseHTTPResponse) -> float | None:
    """Return after how many seconds Stripe lets the call be repeated, or None if it does not request a repeat.

    `Stripe-Should-Retry` decides, `Retry-After` gives the time (https://docs.stripe.com/error-low-level).
    """
    advice, seconds = answer.headers.get("Stripe-Should-Retry"), answer.headers.get("Retry-After")
    if advice == "false" or (advice is None and (seconds is None or answer.status not in NOT_DONE)):
        return None
    try:
        return PAUSE_SECONDS if seconds is None else max(0.0, float(seconds))
    except ValueError:
        return None


def _fault(what: str, status: int, content: StripeObject) -> Exception:
    """Return the exception for a response other than 2xx. It omits Stripe's message, which may name a person."""
    error = content.get("error")
    error = error if isinstance(error, dict) else {}
    kind, reason = str(error.get("type", "")), str(error.get("decline_code") or error.get("code") or "")
    message = str(error.get("message", "")).lower()
    what = f"{what}: HTTP {status} {kind} {reason}".rstrip()
    if status in (401, 403):
        return GatewayMisconfiguredError(f"{what}: put the right key into Secrets Manager")
    if kind == "invalid_request_error" and any(words in message for words in OTHER_MODE):
        return GatewayMisconfiguredError(f"{what}: the key is of the other mode, live or test")
    if status in NOT_DONE:
        return GatewayUnavailableError(what)
    if status not in REFUSALS or kind in ("api_error", "idempotency_error"):
        return KeySpentError(what)
    return StripeRefusedError(status, kind, reason, str(error.get("param") or ""))
