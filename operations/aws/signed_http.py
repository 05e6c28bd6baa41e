"""Call an HTTP API that asks for an AWS signature (`AuthorizationType: AWS_IAM`), on a laptop or on AWS."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

from kernel import outside_json
from operations.aws.target import Target, require_loopback
from operations.errors import UserError

MAX_ANSWER_BYTES = 10 * 1024 * 1024
"""The most bytes of a request that API Gateway passes on."""


@dataclass(frozen=True)
class Answer:
    """The API's response. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    text: str

    def json(self) -> dict[str, Any]:
        """Return the body, a JSON object; it has no member if the body is empty. Raises OutsideJsonError."""
        return outside_json.read_object(self.text, max_bytes=MAX_ANSWER_BYTES) if self.text else {}


class NoAnswerError(UserError):
    """A request without a response. Its effect is unknown."""


def call(
    target: Target,
    method: str,
    url: str,
    body: object = None,
    headers: Mapping[str, str] | None = None,
    *,
    timeout_seconds: float = 35.0,
) -> Answer:
    """Send one request, signed as the target's identity, and return the answer whatever its status; no retries.

    `body` is sent as JSON, `as_sent`. Raises NoAnswerError.
    """
    data = None if body is None else as_sent(body).encode()
    sent = {"Accept": "application/json", **({"Content-Type": "application/json"} if data else {}), **(headers or {})}
    for name, value in sent.items():
        if not (value.isascii() and value.isprintable()):
            raise UserError(f"The header {name} cannot be sent.", "Its value must have printable ASCII characters only.")
    request = urllib.request.Request(url, data=data, method=method, headers=_signed(target, method, url, data, sent))
    opener = urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if target.is_laptop else []))
    try:
        return _opened(opener, request, timeout_seconds)
    except (urllib.error.URLError, TimeoutError, ConnectionError, HTTPException) as error:
        reason = getattr(error, "reason", None) or str(error) or type(error).__name__
        raise NoAnswerError(f"No answer from {urlsplit(url).netloc}: {reason}.", _what_next(target)) from error


def _opened(opener: urllib.request.OpenerDirector, request: urllib.request.Request, timeout_seconds: float) -> Answer:
    try:
        with opener.open(request, timeout=timeout_seconds) as answer:
            return _answer(answer.status, answer)
    except urllib.error.HTTPError as error:
        with error:
            return _answer(error.code, error)


def _what_next(target: Target) -> str:
    if target.is_laptop:
        return "`orderctl status` shows whether the laptop's AWS is up."
    return "Check the network and HTTPS_PROXY. The request may have taken effect."


def as_sent(body: object) -> str:
    """Return the text in which `call` sends a body."""
    return json.dumps(body, separators=(",", ":"))


def _answer(status: int, answer: HTTPResponse | urllib.error.HTTPError) -> Answer:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Answer(status, headers, answer.read().decode(errors="replace"))


def _signed(target: Target, method: str, url: str, data: bytes | None, headers: Mapping[str, str]) -> dict[str, str]:
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest

    if target.is_laptop:
        require_loopback(url)
    request = AWSRequest(method, url, data=data, headers=dict(headers))
    SigV4Auth(target.credentials(), "execute-api", target.region).add_auth(request)
    return dict(request.headers.items())
