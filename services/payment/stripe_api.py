"""Stripe's REST API in its wire form (https://docs.stripe.com/api): form-encoded requests, JSON answers, idempotency keys."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

import urllib3

from services.payment.gateway import GatewayFault, GatewayTimeout, GatewayUnavailable, IdempotencyConflict

VERSION: Final = "2025-09-30.clover"
"""The version of Stripe's API that this is written to; an account's own default may be another."""
NOT_DONE: Final = frozenset({409, 429})
"""Another request under the same key is at work, or there are too many: this one was not carried out."""


class StripeRefused(Exception):
    """Stripe answered that it will not (HTTP 4xx). `reason` is its decline code or code; its message may name a person."""

    def __init__(self, status: int, kind: str, reason: str) -> None:
        super().__init__(f"HTTP {status} {kind} {reason}")
        self.status, self.kind, self.reason = status, kind, reason


class KeyRefused(GatewayFault):
    """Stripe takes our API key for none, or for one that may not do this: put the right one into Secrets Manager."""


class StripeApi:
    """Calls of one Stripe account.

    Both raise StripeRefused, GatewayUnavailable (not done), GatewayTimeout (it may be done), KeyRefused; `post` raises
    IdempotencyConflict. Stripe repeats what it first answered under a key for at least a day, even an error
    (https://docs.stripe.com/api/idempotent_requests).
    """

    def __init__(self, http: urllib3.PoolManager, url: str, api_key: Callable[[], str]) -> None:
        self.http, self.url, self.api_key = http, url, api_key

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """An object, or a list of them."""
        return self._call("GET", f"{path}?{urlencode(query)}" if query else path, {}, None)

    def post(self, path: str, idempotency_key: str, form: Mapping[str, str | int] | None = None) -> dict[str, Any]:
        """An object, made or changed. Names of nested fields are written `metadata[order_id]`."""
        headers = {"Idempotency-Key": idempotency_key, "Content-Type": "application/x-www-form-urlencoded"}
        return self._call("POST", path, headers, urlencode(form or {}))

    def _call(self, method: str, path: str, headers: Mapping[str, str], body: str | None) -> dict[str, Any]:
        sent = {"Authorization": f"Bearer {self.api_key()}", "Stripe-Version": VERSION, **headers}
        what = f"{method} {path.partition('?')[0]}"
        try:
            answer = self.http.request(method, f"{self.url}{path}", headers=sent, body=body)
            said = json.loads(answer.data)
        except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError) as error:
            raise GatewayUnavailable(f"{what}: {type(error).__name__}") from None
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise GatewayTimeout(f"{what}: {type(error).__name__}") from None
        if answer.status < 300:
            return dict(said)
        told = said.get("error", {}) if isinstance(said, dict) else {}
        kind, reason = str(told.get("type", "")), str(told.get("decline_code") or told.get("code") or "")
        what = f"{what}: HTTP {answer.status} {kind} {reason}".rstrip()
        if answer.status in (401, 403):
            raise KeyRefused(what)
        if kind == "idempotency_error":
            raise IdempotencyConflict(what)
        if answer.status in NOT_DONE:
            raise GatewayUnavailable(what)
        if answer.status >= 500:
            raise GatewayTimeout(what)
        raise StripeRefused(answer.status, kind, reason)
