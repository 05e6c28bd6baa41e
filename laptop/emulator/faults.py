"""Faults that an operator switches on, to see the system heal. They act at the edge of a function, without a change of it.

The effects are those that AWS's Fault Injection Service has for Lambda functions, and a repeat, which SQS and EventBridge may
cause at any time. Source: https://docs.aws.amazon.com/fis/latest/userguide/use-lambda-actions.html

`GET /_orderflow/faults` returns the active ones, and `PUT /_orderflow/faults?faults=[...]` replaces them. A fault is
`{"name", "effect", "functions", "commands", "source", "seconds", "times"}`:

- `functions` are patterns of names, such as `*-Payment-CommandsFunction*`; `commands` are the values of the event's `command`;
  `source` is the source of the event's records, such as `aws:sqs`. An empty one excludes nothing.
- `effect` is `delay` (begin after `seconds`), `fail` (an error, and no run), `lose` (a run, and an error as its answer),
  `repeat` (two runs), or `kill` (the process ends after `seconds`).
- After so many `times` the fault is over; 0 is without end.
"""

import json
import threading
import time
from collections.abc import Mapping
from fnmatch import fnmatch
from typing import Any, Final

from laptop.emulator.extensions.engine_functions import Document, EngineFunction, wrap

PATH: Final = "/_orderflow/faults"
EFFECTS: Final = frozenset({"delay", "fail", "lose", "repeat", "kill"})
ERROR: Final = {"error": True, "body": {"errorType": "Lambda.Unknown", "errorMessage": "A fault is switched on."}, "log": ""}

_active: list[Document] = []
_lock = threading.Lock()


def register() -> None:
    """Let the engine serve the switch, and each invocation meet the active faults."""
    from ministack import app
    from ministack.services import lambda_svc

    wrap(app, "_handle_pre_body_request", _switching)
    wrap(lambda_svc, "_execute_function_dispatch", _faulty)


def applies(fault: Mapping[str, Any], function: str, event: object) -> bool:
    """Return whether a fault is about an invocation of this function with this event."""
    command = event.get("command") if isinstance(event, dict) else None
    records = event.get("Records") if isinstance(event, dict) else None
    source = records[0].get("eventSource") if records else None
    return (
        (not fault["functions"] or any(fnmatch(function, pattern) for pattern in fault["functions"]))
        and (not fault["commands"] or command in fault["commands"])
        and fault["source"] in ("", source)
    )


def _taken(function: str, event: object) -> Document | None:
    """Return the first active fault of an invocation, once less to come."""
    with _lock:
        fault = next((fault for fault in _active if applies(fault, function, event)), None)
        if fault is not None and fault["times"]:
            fault["times"] -= 1
            if not fault["times"]:
                _active.remove(fault)
    return fault


def _faulty(original: EngineFunction) -> EngineFunction:
    def dispatch(function: Document, config: Document, event: object, *others: object) -> object:
        fault = _taken(config.get("FunctionName", ""), event)
        effect = fault["effect"] if fault else ""
        if fault and effect == "delay":
            time.sleep(fault["seconds"])
        if effect == "fail":
            return dict(ERROR)
        if fault and effect == "kill":
            _killer(config, fault["seconds"]).start()
        if effect == "repeat":
            original(function, config, event, *others)
        answer = original(function, config, event, *others)
        return dict(ERROR) if effect == "lose" else answer

    return dispatch


def _killer(config: Document, seconds: float) -> threading.Timer:
    """Return a timer that ends the processes of a function."""
    from ministack.core.lambda_runtime import invalidate_worker
    from ministack.services import lambda_svc

    tenant = {"account": lambda_svc.get_account_id(), "region": lambda_svc.get_region()}
    return threading.Timer(seconds, invalidate_worker, (config.get("FunctionName", ""),), tenant)


def _switching(original: EngineFunction) -> EngineFunction:
    async def handle(method: str, path: str, headers: Document, query: dict[str, list[str]], request_id: str) -> object:
        if path != PATH:
            return await original(method, path, headers, query, request_id)
        if method == "PUT":
            found = json.loads(query["faults"][0])
            if any(fault["effect"] not in EFFECTS for fault in found):
                return 400, {"Content-Type": "application/json"}, b'{"message": "an effect is not known"}'
            with _lock:
                _active[:] = found
        return 200, {"Content-Type": "application/json"}, json.dumps({"faults": _active}).encode()

    return handle
