"""The caller as rows and logs name it: a role or user, and no address."""

from typing import Any

import pytest

from kernel.callers import actor_of, arn_of_request, principal_of
from kernel.identifiers import is_personal

BACKEND = "arn:aws:sts::123456789012:assumed-role/shop-backend/i-0123456789abcdef0"
PERSON = "arn:aws:sts::123456789012:assumed-role/sso-operator/alice.miller@example.com"


@pytest.mark.parametrize(
    ("arn", "actor", "principal"),
    [
        (BACKEND, "role/shop-backend/i-0123456789abcdef0", "role/shop-backend"),
        (PERSON, "role/sso-operator/alice.miller", "role/sso-operator"),
        ("arn:aws:iam::123456789012:user/shops/importer", "user/shops/importer", "user/shops/importer"),
        ("arn:aws:iam::123456789012:user/bob@example.com", "user/bob", "user/bob"),
        ("arn:aws:iam::123456789012:root", "root", "root"),
    ],
)
def test_caller_is_named_without_an_address(arn: str, actor: str, principal: str) -> None:
    assert (actor_of(arn), principal_of(arn)) == (actor, principal)
    assert not is_personal(actor)


@pytest.mark.parametrize("context", [{}, {"authorizer": None}, {"authorizer": {"iam": None}}, {"authorizer": {"iam": {}}}])
def test_request_without_a_signature_has_no_caller(context: dict[str, Any]) -> None:
    assert arn_of_request({"requestContext": context}) is None


def test_request_has_the_caller_that_api_gateway_verified() -> None:
    assert arn_of_request({"requestContext": {"authorizer": {"iam": {"userArn": BACKEND}}}}) == BACKEND
