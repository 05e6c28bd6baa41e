"""The target of a command: the laptop's AWS or a real account, and the clients for it.

A laptop target reaches the loopback interface only, with credentials that are valid nowhere. Neither its clients nor a
process with its `environment()` reads a profile, file or instance role of the user. A real account needs an explicit
`--target aws`.
"""

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import stages
from operations.errors import UserError
from operations.polling import CLOCK, Clock
from stages import Stage, StageError

if TYPE_CHECKING:  # `orderctl --help` need not wait for boto3
    from pathlib import Path

    import boto3
    from botocore.credentials import ReadOnlyCredentials

    from kernel.clients import AwsClient
    from operations.aws.signed_http import Answer
    from operations.deploy.cdk_cli import Cdk

LAPTOP_REGION = "us-east-1"
LAPTOP_ACCOUNT = stages.LAPTOP_ACCOUNT
LAPTOP_SECRET = "test"  # noqa: S105 - valid nowhere, which is the point
# The sources from which the AWS SDKs and CLIs would otherwise take an identity or an address.
_IDENTITY_VARIABLES = frozenset(
    {
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_ROLE_ARN",
        "AWS_ROLE_SESSION_NAME",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_SESSION_TOKEN",
        "AWS_SECURITY_TOKEN",
        "AWS_CREDENTIAL_EXPIRATION",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
        "AWS_USE_FIPS_ENDPOINT",
        "AWS_USE_DUALSTACK_ENDPOINT",
        "AWS_CA_BUNDLE",
    }
)
# Where botocore would look for a profile and its files: no variable, no file, nothing.
_NO_SETTINGS = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}


class Kind(StrEnum):
    """The values of `--target`."""

    LAPTOP = "laptop"
    AWS = "aws"


@dataclass(frozen=True)
class Target:
    """One AWS and one stage of Orderflow in it. Every command gets it as `ctx.obj`."""

    kind: Kind = Kind.LAPTOP
    endpoint_url: str | None = None
    region: str = LAPTOP_REGION
    stage: str = "dev"
    profile: str | None = None
    clock: Clock = field(default=CLOCK, compare=False, repr=False)
    """The clock by which a command waits for this target."""

    @property
    def is_laptop(self) -> bool:
        """True for the laptop's AWS, False for a real account."""
        return self.kind is Kind.LAPTOP

    def at(self, endpoint_url: str) -> "Target":
        """Return the same target at another address. Refuse an address that is not on this machine."""
        require_loopback(endpoint_url)
        return replace(self, endpoint_url=endpoint_url)

    def settings(self) -> Stage:
        """Return the stage's settings, from its file. On the laptop a stage without a file has those of `dev`.

        Raises UserError for a stage that cannot be.
        """
        try:
            return stages.load(self.stage, like=stages.LAPTOP_STAGE if self.is_laptop else None)
        except StageError as error:
            raise UserError(error.message, error.hint) from error

    def client(self, service: str, **config: object) -> "AwsClient":
        """Return a boto3 client of `service`. `config` are arguments of `botocore.config.Config`."""
        if self.is_laptop:
            # Prefixes (`sync-`) would name a host that loopback does not have; the rest would let the person's settings in.
            ours: dict[str, object] = {"inject_host_prefix": False, "proxies": {}}
            ours |= {"use_fips_endpoint": False, "use_dualstack_endpoint": False}
            self.reachable()
        else:
            ours = {}
        # An exported laptop (`orderctl env`) must not answer for a real account, nor another address for the laptop.
        ours["ignore_configured_endpoint_urls"] = True
        return _client(self, service, json.dumps({**ours, **config}, sort_keys=True))

    def call(self, method: str, url: str, body: object = None, headers: Mapping[str, str] | None = None) -> "Answer":
        """Send one signed request to an HTTP API of the stage. Raises NoAnswerError; see `signed_http.call`."""
        from operations.aws import signed_http

        return signed_http.call(self, method, url, body, headers)

    def cdk(self, log: "Path") -> "Cdk":
        """Return the CDK's command line for this target. It writes what it prints to the file `log`."""
        from operations.deploy.cdk_cli import Cdk

        return Cdk(self, log)

    def credentials(self) -> "ReadOnlyCredentials":
        """Return the current credentials for signing a request. Raises UserError if there are none."""
        found = _session(self).get_credentials()
        if found is None:
            raise UserError(
                "No AWS credentials were found to sign the request.", "Sign in (`aws sso login`), or choose a --profile."
            )
        return found.get_frozen_credentials()

    def reachable(self) -> str:
        """Return the laptop's endpoint, or raise UserError that says how to get one."""
        if self.endpoint_url is None:
            raise UserError(
                "The laptop's AWS is not running.",
                "Start it with `orderctl up`, or work on a real account with `--target aws`.",
            )
        require_loopback(self.endpoint_url)
        return self.endpoint_url

    def environment(self) -> dict[str, str]:
        """Return the environment variables for a process that works on this target only."""
        if not self.is_laptop:
            environment = {**os.environ, "AWS_REGION": self.region, "AWS_DEFAULT_REGION": self.region}
            # An exported laptop (`orderctl env`) must not answer for a real account.
            for name in [n for n in environment if n.startswith("AWS_ENDPOINT_URL")]:
                del environment[name]
            if self.profile:
                environment["AWS_PROFILE"] = self.profile
            return environment
        environment = {
            name: value
            for name, value in os.environ.items()
            if name not in _IDENTITY_VARIABLES and not name.startswith("AWS_ENDPOINT_URL")
        }
        return environment | self.exports()

    def exports(self) -> dict[str, str]:
        """Return the variables that make any AWS SDK or CLI work on this laptop target."""
        endpoint = self.reachable()
        direct = ",".join(filter(None, (os.environ.get("NO_PROXY") or os.environ.get("no_proxy"), "127.0.0.1,localhost")))
        return {
            "AWS_ENDPOINT_URL": endpoint,
            # The CDK's asset publishing reads the service's own variable only.
            "AWS_ENDPOINT_URL_S3": endpoint,
            "AWS_ACCESS_KEY_ID": LAPTOP_SECRET,
            "AWS_SECRET_ACCESS_KEY": LAPTOP_SECRET,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
            "AWS_PAGER": "",
            "CDK_DEFAULT_ACCOUNT": LAPTOP_ACCOUNT,
            "CDK_DEFAULT_REGION": self.region,
            "NO_PROXY": direct,
            "no_proxy": direct,
        }

    def parameter(self, name: str) -> str:
        """Return the value that a stack left at `/orderflow/<stage>/<name>`, for example `order/api-url`."""
        from botocore.exceptions import ClientError

        path = f"/orderflow/{self.stage}/{name}"
        try:
            answer = self.client("ssm").get_parameter(Name=path)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ParameterNotFound":
                raise
            service = name.split("/")[0]
            on_the_laptop = "`orderctl up`" if self.stage == stages.LAPTOP_STAGE else f"`orderctl --stage {self.stage} up`"
            hint = on_the_laptop if self.is_laptop else f"`orderctl --target aws --stage {self.stage} deploy {service}`"
            raise UserError(
                f"The {service} stack of stage {self.stage!r} is not deployed: there is no {path}.",
                f"Deploy it with {hint}, or choose another `--stage`.",
            ) from error
        return str(answer["Parameter"]["Value"])


# A session takes most of a second, a client a tenth, and making one is not thread-safe (using one is).
_making = threading.RLock()


@cache
def _made_session(target: Target) -> "boto3.Session":
    # Here, and not at the top: half a second that `--help` and `down` need not wait.
    import boto3
    import botocore.session

    if not target.is_laptop:
        return boto3.Session(profile_name=target.profile, region_name=target.region)
    return boto3.Session(
        aws_access_key_id=LAPTOP_SECRET,
        aws_secret_access_key=LAPTOP_SECRET,
        region_name=target.region,
        botocore_session=botocore.session.Session(session_vars=_NO_SETTINGS),
    )


@cache
def _made_client(target: Target, service: str, config: str) -> "AwsClient":
    from botocore.config import Config

    endpoint = target.endpoint_url if target.is_laptop else None
    return _session(target).client(service, endpoint_url=endpoint, config=Config(**json.loads(config)))


def _session(target: Target) -> "boto3.Session":
    with _making:
        return _made_session(target)


def _client(target: Target, service: str, config: str) -> "AwsClient":
    with _making:
        return _made_client(target, service, config)


def require_loopback(endpoint_url: str) -> None:
    """Refuse an endpoint that is not on this machine, or is no address."""
    try:
        parts = urlsplit(endpoint_url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise UserError(f"{endpoint_url} is not an address: {error}.", "Give one such as http://127.0.0.1:4566.") from error
    # A name of the loopback zone never leaves the machine (RFC 6761); any other name may resolve anywhere.
    if host == "localhost" or host.endswith(".localhost"):
        return
    try:
        if ip_address(host).is_loopback:
            return
    except ValueError:
        pass
    raise UserError(
        f"{endpoint_url} is not on this machine, so it is not the laptop's AWS.",
        "Unset AWS_ENDPOINT_URL and leave out `--endpoint-url`. For a real account, use `--target aws`.",
    )
