"""A refusal by AWS, or no way to it, in words: with --target aws nothing speaks of the laptop, and the other way round."""

from typing import Any

import pytest
from botocore import exceptions
from botocore.exceptions import ClientError

from operations.aws import refusals
from operations.aws.target import Kind, Target

AWS = Target(Kind.AWS, None, "eu-central-1", "prod", "shop")
LAPTOP = Target(Kind.LAPTOP, "http://127.0.0.1:4566")


def refusal(code: str, operation: str = "GetParameter") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, operation)


@pytest.mark.parametrize(
    ("error", "message", "hint"),
    [
        (exceptions.NoCredentialsError(), "No AWS credentials were found", "aws sso login --profile shop"),
        (exceptions.TokenRetrievalError(provider="sso", error_msg="x"), "No AWS credentials were found", "aws sso login"),
        (exceptions.UnauthorizedSSOTokenError(), "No AWS credentials were found", "aws sso login"),
        (refusal("ExpiredTokenException"), "does not accept these credentials: ExpiredTokenException", "aws sso login"),
        (refusal("InvalidClientTokenId"), "does not accept these credentials", "--profile"),
        (refusal("AccessDeniedException"), "AccessDeniedException", "lacks the permission"),
        (refusal("AccessDeniedException", "PutEvents"), "PutEvents", "the channel's principals"),
        (refusal("AccessDenied", "SendMessage"), "SendMessage", "Tag this role with orderflow:operator"),
        (exceptions.EndpointConnectionError(endpoint_url="https://x"), "AWS cannot be reached", "HTTPS_PROXY"),
        (exceptions.ProxyConnectionError(proxy_url="http://x"), "AWS cannot be reached", "HTTPS_PROXY"),
        (exceptions.ConnectTimeoutError(endpoint_url="https://x"), "AWS cannot be reached", "network"),
        (exceptions.ProfileNotFound(profile="shop"), "profile (shop) could not be found", "list-profiles"),
        (refusal("ThrottlingException"), "ThrottlingException", "--region"),
    ],
)
def test_error_on_aws_names_aws(error: Exception, message: str, hint: str) -> None:
    said = refusals.explained(error, AWS)
    assert message in said.message
    assert hint in said.hint
    assert "orderctl up" not in f"{said.message}{said.hint}"
    assert "laptop" not in f"{said.message}{said.hint}".lower()


def test_a_region_that_the_sdk_does_not_know_is_named() -> None:
    nowhere = Target(Kind.AWS, None, "nowhere-1", "prod")
    said = refusals.explained(exceptions.EndpointConnectionError(endpoint_url="https://sts.nowhere-1.amazonaws.com"), nowhere)
    assert "no region 'nowhere-1'" in said.hint


def test_error_before_the_target_is_known_names_aws() -> None:
    assert "list-profiles" in refusals.explained(exceptions.ProfileNotFound(profile="x"), None).hint


def test_error_on_the_laptop_names_the_laptop() -> None:
    said = refusals.explained(exceptions.EndpointConnectionError(endpoint_url="http://127.0.0.1:4566"), LAPTOP)
    assert (said.message, said.hint) == (
        "Nothing answers at http://127.0.0.1:4566.",
        "Start the laptop's AWS with `orderctl up`.",
    )


@pytest.mark.parametrize(("error", "of_aws"), [(refusal("X"), True), (ValueError("x"), False)])
def test_error_of_our_own_is_unchanged(error: Any, of_aws: bool) -> None:
    assert refusals.is_of_aws(error) is of_aws
