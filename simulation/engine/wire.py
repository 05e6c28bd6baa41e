"""The clients of `sdk` with all of botocore: it serializes, signs, retries and parses; the HTTP exchange alone is simulated."""

import json
from collections.abc import Iterator

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.client import BaseClient
from botocore.retries import quota

from simulation.engine import sdk
from simulation.engine.api import Request, Response
from simulation.engine.dynamodb import RefusalError
from simulation.engine.network import UnansweredError
from simulation.engine.scheduler import Task
from simulation.engine.sdk import Call

_real_call = BaseClient._make_api_call
_hooked: set[int] = set()
_calls: dict[Task, Call] = {}
"""The API call that each task is in."""


class Body:
    """A response as urllib3 gives it to botocore."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        yield self.read()

    def read(self, *_: object, **__: object) -> bytes:
        content, self.content = self.content, b""
        return content


def install() -> None:
    """Take over the HTTP exchanges, sleeping and jitter of the whole process, instead of `sdk.install`."""
    sdk.install()
    BaseClient._make_api_call = _call
    quota.RetryQuota.acquire = lambda self, capacity_amount: True  # one process's budget, here it would be the whole fleet's


def _call(client: BaseClient, operation: str, request: Request) -> Response:
    call = sdk.begin(client, operation, request)
    task = sdk.running()
    if id(client) not in _hooked:
        _hooked.add(id(client))
        client.meta.events.register("before-send", _exchange)
    _calls[task] = call
    try:
        response: Response = _real_call(client, operation, request)
        return response
    finally:
        del _calls[task]


def _exchange(request: AWSPreparedRequest, **_: object) -> AWSResponse:
    call = _calls[sdk.running()]
    if "json-1" in str(request.headers.get("Content-Type")):
        call.request = json.loads(request.body)
    headers = {"Content-Type": "application/x-amz-json-1.0"}
    try:
        answer = sdk.attempt(call)
    except UnansweredError as silence:
        raise sdk.timed_out(call, silence) from None
    except RefusalError as refusal:
        headers["x-amzn-errortype"] = refusal.code
        body = {"__type": refusal.code, "message": refusal.message, **refusal.extra}
        return AWSResponse(request.url, sdk.STATUS.get(refusal.code, 400), headers, Body(json.dumps(body).encode()))
    if call.operation == "Invoke":
        if "FunctionError" in answer:
            headers["X-Amz-Function-Error"] = answer["FunctionError"]
        return AWSResponse(request.url, answer["StatusCode"], headers, Body(answer["Payload"]))
    return AWSResponse(request.url, 200, headers, Body(json.dumps(answer).encode()))
