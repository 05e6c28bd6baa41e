"""Gap: the engine runs an Express workflow as a Standard one.

- A name can be used once; on AWS, any number of runs can have the same name.
- Every run puts status events on the default bus; on AWS, none does.
- `TimeoutSeconds` of the workflow is ignored, for either type.

A run that times out returns `TIMED_OUT` at once. As on AWS, the function that it waited for continues. The thread of the run
ends with its current state: inside a Parallel, with the branches.

Every run also starts at once: after a sweep over a hundred orders, a hundred runs share two cores, and all time out. With
this extension an asynchronous run waits for its turn, and its time-out counts from its start, as on AWS with enough
capacity. A synchronous run never waits, because a customer waits for it.
"""

import json
import threading
from contextlib import nullcontext
from contextvars import ContextVar, copy_context

from laptop.emulator.extensions.engine_functions import Document, EngineFunction, wrap

Execution = Document

AT_ONCE = 4
"""The most asynchronous runs at a time. They keep two cores busy. More would be no faster, and would take longer each: beside
other work, runs with cold functions only would get no answer within their time-outs.
"""
_turns = threading.BoundedSemaphore(AT_ONCE)
_asynchronous: ContextVar[bool] = ContextVar("asynchronous", default=False)


def register() -> None:
    """Start, time and report runs as AWS does."""
    from ministack.services import stepfunctions

    wrap(stepfunctions, "_start_execution", _any_number_of_a_name)
    wrap(stepfunctions, "_emit_execution_status_event", _unless_express)
    wrap(stepfunctions, "_run_execution", _until_timeout)
    wrap(stepfunctions, "_run_execution", _in_turn)
    wrap(stepfunctions, "_fail_execution", _unless_timed_out)


def _is_express(state_machine_arn: str) -> bool:
    from ministack.services import stepfunctions

    known = stepfunctions._resolve_state_machine_arn(state_machine_arn)
    return bool(known) and stepfunctions._state_machines[known].get("type") == "EXPRESS"


def _any_number_of_a_name(original: EngineFunction) -> EngineFunction:
    def start(request: Document) -> object:
        from ministack.core.responses import new_uuid
        from ministack.services import stepfunctions

        if not _is_express(request.get("stateMachineArn", "")):
            return original(request)
        # An Express execution's ARN ends in its name and an id of the run.
        name = request.get("name") or new_uuid()
        token = _asynchronous.set(True)  # the thread of the run gets a copy of this context
        try:
            answer = original({**request, "name": f"{name}:{new_uuid()}"})
        finally:
            _asynchronous.reset(token)
        execution = stepfunctions._executions.get(json.loads(answer[2]).get("executionArn"))
        if execution:
            execution["name"] = name
        return answer

    return start


def _unless_express(original: EngineFunction) -> EngineFunction:
    def emit(execution: Execution) -> object:
        return None if _is_express(execution["stateMachineArn"]) else original(execution)

    return emit


def _until_timeout(original: EngineFunction) -> EngineFunction:
    def run(execution_arn: str) -> None:
        from ministack.services import stepfunctions

        execution = stepfunctions._executions.get(execution_arn)
        seconds = _timeout(execution)
        if seconds is None:
            original(execution_arn)
            return
        runner = threading.Thread(target=copy_context().run, args=(original, execution_arn), daemon=True)
        runner.start()
        runner.join(seconds)
        if runner.is_alive() and execution is not None and execution["status"] == "RUNNING":
            execution["status"] = "TIMED_OUT"
            execution["error"] = "States.Timeout"
            execution["stopDate"] = stepfunctions.now_iso()
            stepfunctions._add_event(execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": {}})
            stepfunctions._emit_execution_status_event(execution)

    return run


def _in_turn(original: EngineFunction) -> EngineFunction:
    def run(execution_arn: str) -> None:
        with _turns if _asynchronous.get() else nullcontext():
            original(execution_arn)

    return run


def _timeout(execution: Execution | None) -> float | None:
    from ministack.services import stepfunctions

    machine = stepfunctions._state_machines.get((execution or {}).get("stateMachineArn", ""))
    try:
        seconds = json.loads((machine or {}).get("definition", "{}")).get("TimeoutSeconds")
    except ValueError:
        return None
    return float(seconds) if isinstance(seconds, (int, float)) else None


def _unless_timed_out(original: EngineFunction) -> EngineFunction:
    def fail(execution: Execution, error: str, cause: str) -> object:
        return None if execution["status"] == "TIMED_OUT" else original(execution, error, cause)

    return fail
