"""boto3's clients, made as production makes them, with simulated services behind them instead of AWS.

A client's `_make_api_call` runs the attempts of its own configuration (how many, which time-out, which back-off) and hands each
to the network. That leaves botocore's serializer, signer, retry handler and parser out (0.6 to 0.8 ms a call): wire.py
puts them back in, and test_wire.py holds that both ways give the same history.
"""

import io
import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from botocore.client import BaseClient
from botocore.exceptions import ConnectTimeoutError, HTTPClientError, ReadTimeoutError
from botocore.retries.standard import ExponentialBackoff

from simulation.engine.api import Execute, Request, Response
from simulation.engine.bus import own_id
from simulation.engine.dynamodb import RefusalError
from simulation.engine.faults import Kind, Mode
from simulation.engine.network import PERSISTENT, Network, UnansweredError, UnreachedError
from simulation.engine.scheduler import SECOND, Crashed, HarnessError, Task

KINDS: Final = {
    "Query": Kind.STALE_READ,
    "Scan": Kind.STALE_READ,
    "PutItem": Kind.WRITE,
    "UpdateItem": Kind.WRITE,
    "DeleteItem": Kind.WRITE,
    "TransactWriteItems": Kind.TRANSACTION,
    "PutEvents": Kind.PUT_EVENTS,
    "SendMessage": Kind.SEND,
    "ChangeMessageVisibility": Kind.SEND,
    "SendEmail": Kind.MAIL,
    "Invoke": Kind.INVOKE,
    "StartExecution": Kind.START,
    "StartSyncExecution": Kind.RUN,
}
THROTTLES: Final = frozenset(
    {"ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded", "TransactionInProgressException"}
)
RETRIED: Final = THROTTLES | {"InternalServerError"}
STATUS: Final = {"InternalServerError": 500}


@dataclass
class Sdk:
    """The services of one world by botocore's name, and their degraded forms, such as `dynamodb stale read`."""

    network: Network
    services: Mapping[str, Execute]
    degraded: Mapping[str, Execute] = field(default_factory=dict)
    called: Callable[[str, str, str, Request], None] = lambda caller, service, operation, request: None
    """Receives each API call of an execution, by the execution's name, before a fault can strike it."""


@dataclass
class Call:
    """An API call on its way, through all of its attempts."""

    boundary: str
    service: str
    operation: str
    request: Request
    mode: Mode | None
    latency: int
    patience: float
    attempts: int = 0

    def mode_now(self) -> Mode | None:
        """Return the fault that strikes the attempt that is about to be made, or None."""
        return self.mode if self.attempts == 0 or self.mode in PERSISTENT else None


_sdk: Sdk | None = None
_real_sleep = time.sleep
_real_monotonic = time.monotonic
_real_uniform = random.uniform


def stand_behind(sdk: Sdk | None) -> None:
    """Let every boto3 client of this process call the services of `sdk` from now on."""
    global _sdk
    _sdk = sdk


def install() -> None:
    """Take over boto3's calls, sleeping, and jitter, for the whole process. Before any service is imported."""
    BaseClient._make_api_call = _call
    time.sleep = _sleep  # type: ignore[assignment]
    time.monotonic = _monotonic
    random.uniform = _uniform  # type: ignore[assignment]
    ExponentialBackoff.__init__.__defaults__ = (20, _jitter, None, None)


def subject(operation: str, request: Request) -> str:
    """Return the subject of a request, such as a key or a queue's name, for the name of its boundary."""
    if "Key" in request:
        return "|".join(part["S"] for part in request["Key"].values())
    match operation:
        case "PutItem":
            return str(request["Item"].get("pk", {}).get("S", ""))
        case "TransactWriteItems":
            action = next(iter(request["TransactItems"][0].values()))
            return "|".join(part["S"] for name, part in action.get("Key", action.get("Item")).items() if name in ("pk", "sk"))
        case "Query":
            shard = request["ExpressionAttributeValues"].get(":shard", {}).get("S", "")
            return f"{request['TableName']} {request.get('IndexName', '')} {shard}"
        case "PutEvents":
            first = request["Entries"][0]
            return own_id(json.loads(first["Detail"]), first["DetailType"])
        case "StartExecution" | "StartSyncExecution":
            return str(request["name"])
        case "SendMessage" | "ChangeMessageVisibility":
            return str(request["QueueUrl"]).rpartition("/")[2]
        case "SendEmail":
            return str(request["Content"]["Simple"]["Subject"]["Data"])
        case "Invoke":
            return str(request["FunctionName"]).rpartition(":")[2]
    return ""


def running() -> Task:
    """Return the execution that is making a call."""
    assert _sdk is not None, "a client was used outside of the simulation"
    task = _sdk.network.scheduler.current
    assert task is not None, "a client was used outside of an execution"
    return task


def has_task() -> bool:
    """Return whether an execution is running."""
    return _sdk is not None and _sdk.network.scheduler.current is not None


def random_bits() -> int:
    """Draw 128 bits for the running execution."""
    assert _sdk is not None
    name = running().numbered("random")
    return _sdk.network.chance.bits(f"{name} high") << 64 | _sdk.network.chance.bits(f"{name} low")


def note(service: str, operation: str, request: Request) -> None:
    """Report a call of the running execution."""
    assert _sdk is not None
    _sdk.called(running().name, service, operation, request)


def begin(client: BaseClient, operation: str, request: Request) -> Call:
    """Begin a call of the running execution. Raises Crashed in one that is dead already."""
    task = running()
    assert _sdk is not None
    if task.dead:
        raise Crashed
    note(client.meta.service_model.service_name, operation, request)
    kind = KINDS.get(operation) or _kind_of_read(operation, request)
    boundary = task.numbered(f"{operation} {subject(operation, request)}")
    mode, latency = _sdk.network.draw(boundary, kind)
    return Call(
        boundary, client.meta.service_model.service_name, operation, request, mode, latency, client.meta.config.read_timeout
    )


def attempt(call: Call) -> Response:
    """Make the call's next attempt. Raises UnansweredError, RefusalError, Crashed."""
    assert _sdk is not None
    mode = call.mode_now()
    call.attempts += 1
    degraded = _sdk.degraded.get(f"{call.service} {mode}")
    return _sdk.network.attempt(
        call.boundary,
        mode,
        call.latency,
        _serving(_sdk.services[call.service], call),
        call.patience,
        _serving(degraded, call) if degraded else None,
    )


def _serving(service: Execute, call: Call) -> Callable[[], Response]:
    request = call.request

    def serve() -> Response:
        try:
            return service(call.operation, request, call.boundary)
        except (RefusalError, UnansweredError):
            raise
        except Exception as error:
            raise HarnessError(f"{call.service} {call.operation}") from error

    return serve


def _call(client: BaseClient, operation: str, request: Request) -> Response:
    call = begin(client, operation, request)
    if operation == "TransactWriteItems":
        call.request = {**request, "ClientRequestToken": call.boundary}
    most = (client.meta.config.retries or {}).get("total_max_attempts", 3)
    while True:
        try:
            answer = attempt(call)
            return {**answer, "Payload": io.BytesIO(answer["Payload"])} if operation == "Invoke" else answer
        except UnansweredError as silence:
            scale = 0.025 if call.service == "dynamodb" else 0.05
            error: Exception = timed_out(call, silence)
        except RefusalError as refusal:
            response = {
                "Error": {"Code": refusal.code, "Message": refusal.message},
                "ResponseMetadata": {"HTTPStatusCode": STATUS.get(refusal.code, 400)},
                **refusal.extra,
            }
            error = client.exceptions.from_code(refusal.code)(response, operation)
            if refusal.code not in RETRIED:
                raise error from None
            scale = 1.0 if refusal.code in THROTTLES else 0.025 if call.service == "dynamodb" else 0.05
        if call.attempts >= most:
            raise error
        _sleep(_jitter() * min(scale * 2 ** (call.attempts - 1), 20))


def timed_out(call: Call, silence: UnansweredError) -> HTTPClientError:
    """Return the error of botocore if no response comes, or the connection is refused."""
    kind = ConnectTimeoutError if isinstance(silence, UnreachedError) else ReadTimeoutError
    return kind(endpoint_url=f"https://{call.service}")


def _sleep(seconds: float) -> None:
    if has_task():
        _sdk.network.scheduler.sleep(int(seconds * SECOND))  # type: ignore[union-attr]
    else:
        _real_sleep(seconds)


def _monotonic() -> float:
    return _sdk.network.scheduler.now / SECOND if has_task() else _real_monotonic()  # type: ignore[union-attr]


def _jitter() -> float:
    assert _sdk is not None
    task = _sdk.network.scheduler.current
    assert task is not None
    return _sdk.network.chance.unit(task.numbered("back-off"))


def _uniform(low: float, high: float) -> float:
    return low + (high - low) * _jitter() if has_task() else _real_uniform(low, high)


def _kind_of_read(operation: str, request: Request) -> Kind:
    """Return the kind of a read, by whether it is consistent: a GetItem for itself, a BatchGetItem for each of its tables."""
    if operation != "BatchGetItem":
        return Kind.READ if request.get("ConsistentRead") else Kind.STALE_READ
    consistent = all(wanted.get("ConsistentRead") for wanted in request["RequestItems"].values())
    return Kind.BATCH_READ if consistent else Kind.STALE_BATCH_READ
