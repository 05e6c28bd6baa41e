"""The caller of an API or of an operator's command, as IAM names it: no customer, but a role or a user of an account."""

from collections.abc import Mapping
from typing import Any, Final

from kernel.identifiers import shown

ROLE: Final = "role"
SESSION_OF: Final = "assumed-role"


def actor_of(arn: str) -> str:
    """Return the actor of an ARN of IAM or STS: `role/NAME/SESSION`, `user/NAME` or `root`.

    The session of a person is often named by an e-mail address. Its domain is left out, so that no log line has an address.

    Example:
        >>> actor_of("arn:aws:sts::123456789012:assumed-role/operator/alice@example.com")
        'role/operator/alice'
    """
    kind, slash, name = arn.split(":", 5)[-1].partition("/")
    who = f"{ROLE if kind == SESSION_OF else kind}{slash}{name}"
    return shown(who.partition("@")[0])


def principal_of(arn: str) -> str:
    """Return the role, user or root of an ARN, without the session: a row keeps it for ever.

    Example:
        >>> principal_of("arn:aws:sts::123456789012:assumed-role/shop-backend/i-0123")
        'role/shop-backend'
    """
    actor = actor_of(arn)
    return "/".join(actor.split("/")[:2]) if actor.startswith(f"{ROLE}/") else actor


def arn_of_request(event: Mapping[str, Any]) -> str | None:
    """Return the ARN that API Gateway verified for a request signed by IAM, payload format 2.0; None if it states none.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
    """
    authorizer = event["requestContext"].get("authorizer") or {}
    found = (authorizer.get("iam") or {}).get("userArn")
    return found if isinstance(found, str) and found else None
