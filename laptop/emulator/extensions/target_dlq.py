"""Gap: the engine drops an event that a rule cannot deliver (its queue or workflow is missing), although its target has a
`DeadLetterConfig`. With this extension it goes to that queue at once, with the attributes of AWS and without retries."""

from typing import Protocol

from laptop.emulator.extensions.engine_functions import Document, EngineFunction, wrap


class EventView(Protocol):
    """The engine's view of an event."""

    def event_with_detail(self) -> Document:
        """Return the event as its targets receive it."""


def register() -> None:
    """Send undeliverable events to the target's dead-letter queue."""
    from ministack.services import eventbridge

    def around(original: EngineFunction) -> EngineFunction:
        def invoke_target(target: Document, event: Document, rule: Document, view: EventView | None = None) -> object:
            queue = (target.get("DeadLetterConfig") or {}).get("Arn")
            if queue and not _exists(target.get("Arn", "")):
                _bury(queue, target, event, rule, view)
                return None
            return original(target, event, rule, view)

        return invoke_target

    wrap(eventbridge, "_invoke_target", around)


def _exists(arn: str) -> bool:
    from ministack.services import lambda_svc, sqs, stepfunctions

    service = arn.split(":")[2] if arn.count(":") >= 5 else ""
    if service == "sqs":
        return sqs._queue_by_arn(arn) is not None
    if service == "states":
        return stepfunctions._resolve_state_machine_arn(arn) is not None
    if service == "lambda":
        return bool(lambda_svc._get_func_record_for_ref(arn)[0])
    return True


def _bury(queue: str, target: Document, event: Document, rule: Document, view: EventView | None) -> None:
    import json

    from ministack.core.arn import parse_arn
    from ministack.services import eventbridge, sqs

    envelope = (view or eventbridge._pattern_event_view(event)).event_with_detail()
    before = sqs._queue_by_arn(queue)
    if before is None:
        return
    eventbridge._dispatch_to_sqs(parse_arn(queue), json.dumps(envelope))
    reasons = {
        "RULE_ARN": rule.get("Arn", ""),
        "TARGET_ARN": target.get("Arn", ""),
        "ERROR_CODE": "NO_RESOURCE",
        "ERROR_MESSAGE": "The specified target does not exist.",
        "RETRY_ATTEMPTS": "0",
    }
    before["messages"][-1]["message_attributes"] = {
        name: {"DataType": "String", "StringValue": value} for name, value in reasons.items()
    }
