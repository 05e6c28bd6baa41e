"""What a refusal by AWS, or no way to it, means to the operator: on a real account and on the laptop."""

from typing import Any, Final

from operations.aws.target import Target
from operations.errors import UserError

NO_CREDENTIALS = frozenset(
    {
        "NoCredentialsError",
        "PartialCredentialsError",
        "CredentialRetrievalError",
        "TokenRetrievalError",
        "SSOTokenLoadError",
        "SSOError",
        "UnauthorizedSSOTokenError",
        "NoAuthTokenError",
        "LoginError",
    }
)
"""botocore's exceptions where no credentials were found or fetched."""
REFUSED_CREDENTIALS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "RequestExpired",
        "InvalidClientTokenId",
        "InvalidAccessKeyId",
        "UnrecognizedClientException",
        "SignatureDoesNotMatch",
        "InvalidSignatureException",
        "IncompleteSignature",
        "MissingAuthenticationToken",
        "AuthFailure",
        "InvalidToken",
    }
)
"""AWS's error codes for credentials that are wrong or have run out (`Common Error Types` of each service's API reference)."""
NOT_ALLOWED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"})
CALLERS: Final = "docs/how-to/permit-callers.md"
NOT_A_PUBLISHER: Final = f"The stage's file must name this role among the channel's principals: {CALLERS}."
NOT_AN_OPERATOR: Final = f"A queue takes messages from a role tagged orderflow:operator = the stage: {CALLERS}."
NOT_LISTED: Final = {"PutEvents": NOT_A_PUBLISHER, "SendMessage": NOT_AN_OPERATOR, "SendMessageBatch": NOT_AN_OPERATOR}
"""Of the calls that the bus's and the queues' own policies refuse: what lets a caller in."""
NO_ROUTE = frozenset(
    {
        "EndpointConnectionError",
        "ConnectTimeoutError",
        "ReadTimeoutError",
        "ConnectionClosedError",
        "ConnectionError",
        "HTTPClientError",
        "ProxyConnectionError",
        "InvalidProxiesConfigError",
        "SSLError",
    }
)


def is_of_aws(error: BaseException) -> bool:
    """Return whether botocore or boto3 raised it."""
    return type(error).__module__.split(".")[0] in ("botocore", "boto3")


def explained(error: Exception, target: Target | None) -> UserError:
    """Return what to say of a botocore exception, for the target that the command works on (None: there was none yet)."""
    if target is not None and target.is_laptop:
        if _kind(error) in NO_ROUTE:
            return UserError(f"Nothing answers at {target.endpoint_url}.", "Start the laptop's AWS with `orderctl up`.")
        return UserError(str(error), "`orderctl status` shows what runs on the laptop.")
    return _on_aws(error, target)


def _on_aws(error: Exception, target: Target | None) -> UserError:
    kind, code = _kind(error), _code(error)
    profile = f" --profile {target.profile}" if target and target.profile else ""
    sign_in = f"Sign in (`aws sso login{profile}`, `aws configure{profile}`), or name another --profile."
    if kind in NO_CREDENTIALS:
        return UserError(f"There are no AWS credentials: {_line(error)}", sign_in)
    if kind == "ProfileNotFound":
        return UserError(_line(error), "`aws configure list-profiles` shows those of ~/.aws/config.")
    if code in REFUSED_CREDENTIALS:
        return UserError(f"AWS does not accept these credentials: {code}.", sign_in)
    if code in NOT_ALLOWED:
        lacking = "This identity lacks the permission: name another --profile, or ask for it."
        return UserError(_line(error), NOT_LISTED.get(getattr(error, "operation_name", ""), lacking))
    if kind in NO_ROUTE:
        return UserError(f"There is no way to AWS: {_line(error)}", _route(target))
    return UserError(_line(error), "See --profile, --region and --stage.")


def _route(target: Target | None) -> str:
    if target is not None and (known := _regions()) and target.region not in known:
        return f"The AWS SDK knows no region {target.region!r}: check --region, then the network."
    return "Check the network, and HTTPS_PROXY if this network has a proxy."


def _regions() -> list[str]:
    import boto3

    session = boto3.Session(region_name="us-east-1")
    found = [session.get_available_regions("sts", partition) for partition in session.get_available_partitions()]
    return [region for regions in found for region in regions]


def _kind(error: Exception) -> str:
    return type(error).__name__


def _code(error: Exception) -> str:
    response: dict[str, Any] = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


def _line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") + "."
