"""Gap: a replay ignores its `FilterArns` and reaches every rule of the bus."""

from collections.abc import Mapping

from laptop.emulator.extensions.engine_functions import Document, EngineFunction, wrap


def register() -> None:
    """Deliver a replayed event only to the rules that its replay names, if it names any."""
    from ministack.services import eventbridge

    def around(original: EngineFunction) -> EngineFunction:
        def invoke_target(
            target: object, event: Mapping[str, object], rule: Mapping[str, object], *rest: object, **options: object
        ) -> object:
            if not _wanted(eventbridge._replays.get(event.get("ReplayName", "")), rule):
                return None
            return original(target, event, rule, *rest, **options)

        return invoke_target

    wrap(eventbridge, "_invoke_target", around)


def _wanted(replay: Document | None, rule: Mapping[str, object]) -> bool:
    arns = ((replay or {}).get("Destination") or {}).get("FilterArns") or []
    return not arns or rule.get("Arn") in arns
