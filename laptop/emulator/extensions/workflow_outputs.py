"""Gap: in a JSONata workflow the `Arguments`, `Assign` and `Output` of a Parallel state and the `Output` of a Succeed
state are ignored, and a branch's variables leak into its siblings and its parent. On AWS a branch has its own scope: it
reads the outer variables, and its own variables end with it."""

import copy

from laptop.emulator.extensions.engine_functions import Document, EngineFunction, wrap

State = Document


def register() -> None:
    """Evaluate those fields, and give each branch its own variables."""
    from ministack.services import stepfunctions

    wrap(stepfunctions, "_run_parallel_branches", _parallel)
    wrap(stepfunctions, "_apply_output_path", _succeed)
    wrap(stepfunctions, "_run_sub_machine", _own_scope)


def _is_jsonata(state: State, context: State | None) -> bool:
    from ministack.services import stepfunctions

    return bool(stepfunctions._state_query_language(state, context) == "JSONata")


def _parallel(original: EngineFunction) -> EngineFunction:
    from ministack.services import stepfunctions

    def run(state: State, raw_input: object, execution: State, context: State) -> object:
        if not _is_jsonata(state, context):
            return original(state, raw_input, execution, context)
        branch_input = stepfunctions._apply_jsonata_arguments(state, raw_input, context)
        results, following = original(state, branch_input, execution, context)
        output = stepfunctions._apply_jsonata_output(state, raw_input, context, result=results, default=results)
        stepfunctions._apply_state_assign(state, raw_input, context, result=results)
        return output, following

    return run


def _succeed(original: EngineFunction) -> EngineFunction:
    from ministack.services import stepfunctions

    def output_path(state: State, data: object, context: State | None = None) -> object:
        if state.get("Type") == "Succeed" and "Output" in state and _is_jsonata(state, context):
            return stepfunctions._apply_jsonata_output(state, data, context)
        return original(state, data, context)

    return output_path


def _own_scope(original: EngineFunction) -> EngineFunction:
    def run(states: State, start: str, data: object, execution: State, context: State) -> object:
        scope = {**context, "variables": copy.deepcopy(context.get("variables", {}))}
        return original(states, start, data, execution, scope)

    return run
