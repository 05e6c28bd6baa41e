"""Webhooks: what the outside world posts to us, believed only if it is signed, and recently.

The signature is a header `t=<seconds since 1970>,v1=<hex>`: HMAC-SHA256 of `<t>.<body>` under the shared secret, as Stripe does
it (https://docs.stripe.com/webhooks#verify-manually). A header may have several `v1`, while a secret is being rotated.
"""

import hmac
import re
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from kernel.errors import RejectedError

TOLERANCE: Final = timedelta(minutes=5)
"""How old, or how far ahead, a signature may be: a request that was overheard is of no use later."""
SECONDS: Final = re.compile(r"[0-9]{1,11}")
"""Seconds since 1970 until the year 5138: a float and a datetime can hold them."""


class InvalidSignatureError(RejectedError, ValueError):
    """A request without a valid signature, or with an old one. The text names the problem and contains no secret."""


def sign(secret: str, body: str, now: datetime) -> str:
    """Return the signature header of `body`, sent at `now`."""
    seconds = int(now.timestamp())
    return f"t={seconds},v1={_digest(secret, seconds, body)}"


def verify(secret: str, header: str, body: str, now: datetime) -> None:
    """Pass what is signed by `secret` within TOLERANCE of `now`. Raises InvalidSignatureError."""
    parts = [part.strip().partition("=") for part in header.split(",")]
    given = [value for name, _, value in parts if name == "v1"]
    times = [value for name, _, value in parts if name == "t"]
    if len(times) != 1 or not SECONDS.fullmatch(times[0]) or not given:
        raise InvalidSignatureError("the signature header must be t=<seconds since 1970>,v1=<hex>")
    expected = _digest(secret, int(times[0]), body)
    if not any(signature.isascii() and hmac.compare_digest(expected, signature) for signature in given):
        raise InvalidSignatureError("the signature is not of this body under our secret")
    if abs(now.timestamp() - int(times[0])) > TOLERANCE.total_seconds():
        raise InvalidSignatureError(f"the signature is not of the last {TOLERANCE.total_seconds():.0f} seconds")


def _digest(secret: str, seconds: int, body: str) -> str:
    return hmac.new(secret.encode(), f"{seconds}.{body}".encode(errors="surrogatepass"), sha256).hexdigest()
