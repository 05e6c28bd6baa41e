"""Errors of AWS and of the network, as errors for the operator: on a real account and on the laptop."""

from collections.abc import Mapping
from typing import Final

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
"""botocore's exceptions for credentials that are missing or cannot be fetched."""
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
"""AWS's error codes for invalid or expired credentials (`Common Error Types` of each service's API reference)."""
NOT_ALLOWED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"})
CALLERS: Final = "docs/how-to/permit-callers.md"
NOT_A_PUBLISHER: Final = f"Add this role to the channel's principals in the stage's file: see {CALLERS}."
NOT_AN_OPERATOR: Final = f"Tag this role with orderflow:operator and the stage as its value: see {CALLERS}."
NOT_LISTED: Final = {"PutEvents": NOT_A_PUBLISHER, "SendMessage": NOT_AN_OPERATOR, "SendMessageBatch": NOT_AN_OPERATOR}
"""The next step for each call that the resource policy of the bus or of a queue denies."""
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
    """Return a botocore exception as a UserError. `target` is the command's target, or None if the error came before it."""
    if target is not None and target.is_laptop:
        if _kind(error) in NO_ROUTE:
            return UserError(f"Nothing answers at {target.endpoint_url}.", "Start the laptop's AWS with `orderctl up`.")
        return UserError(str(error), "`orderctl status` shows what runs on the laptop.")
    return _on_aws(error, target)


def _on_aws(error: Exception, target: Target | None) -> UserError:
    kind, code = _kind(error), _code(error)
    profile = f" --profile {target.profile}" if target and target.profile else ""
    sign_in = f"Sign in (`aws sso login{profile}`, `aws configure{profile}`), or choose another --profile."
    if kind in NO_CREDENTIALS:
        return UserError(f"No AWS credentials were found: {_line(error)}", sign_in)
    if kind == "ProfileNotFound":
        return UserError(_line(error), "List the profiles of ~/.aws/config with `aws configure list-profiles`.")
    if code in REFUSED_CREDENTIALS:
        return UserError(f"AWS does not accept these credentials: {code}.", sign_in)
    if code in NOT_ALLOWED:
        lacking = "This identity lacks the permission. Choose another --profile, or ask for the permission."
        return UserError(_line(error), NOT_LISTED.get(getattr(error, "operation_name", ""), lacking))
    if kind in NO_ROUTE:
        return UserError(f"AWS cannot be reached: {_line(error)}", _route(target))
    return UserError(_line(error), "Check --profile, --region and --stage.")


def _route(target: Target | None) -> str:
    if target is not None and (known := _regions()) and target.region not in known:
        return f"The AWS SDK has no region {target.region!r}. Check --region, then the network."
    return "Check the network. If it has a proxy, set HTTPS_PROXY."


def _regions() -> list[str]:
    import boto3

    session = boto3.Session(region_name="us-east-1")
    found = [session.get_available_regions("sts", partition) for partition in session.get_available_partitions()]
    return [region for regions in found for region in regions]


def _kind(error: Exception) -> str:
    return type(error).__name__


def _code(error: Exception) -> str:
    response: Mapping[str, Mapping[str, object]] = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


def _line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") + "."
