"""Gap: for every exception of a Python handler, the caller gets `Runtime.HandlerError`. On AWS the error has the name of
the exception's class, and a workflow's Retry and Catch match that name."""

from laptop.emulator.extensions.engine_functions import EngineChangedError, EngineFunction, wrap

_SAYS = '"error": str(e), "trace"'
_SAYS_TYPE = '"error": str(e), "type": type(e).__name__, "trace"'
_UNNAMED = "Runtime.HandlerError"


class _Message(str):
    """An error message that keeps the class of its exception while the engine handles it."""

    __slots__ = ("error_type",)
    error_type: str


def register() -> None:
    """Let the function's process name the class, and the answer carry it."""
    from ministack.core import lambda_runtime
    from ministack.services import lambda_svc

    if _SAYS not in lambda_runtime._PYTHON_WORKER_SCRIPT:
        raise EngineChangedError("the Python worker reports errors in another way")
    lambda_runtime._PYTHON_WORKER_SCRIPT = lambda_runtime._PYTHON_WORKER_SCRIPT.replace(_SAYS, _SAYS_TYPE)
    wrap(lambda_runtime.Worker, "invoke", _keeping_type)
    wrap(lambda_svc, "_execute_function_warm", _naming_error)


def _keeping_type(original: EngineFunction) -> EngineFunction:
    def invoke(*arguments: object, **options: object) -> object:
        result = original(*arguments, **options)
        if isinstance(result, dict) and result.get("type") and result.get("status") == "error":
            message = _Message(result.get("error", ""))
            message.error_type = result["type"]
            result["error"] = message
        return result

    return invoke


def _naming_error(original: EngineFunction) -> EngineFunction:
    def execute(*arguments: object, **options: object) -> object:
        result = original(*arguments, **options)
        body = result.get("body")
        if isinstance(body, dict) and body.get("errorType") == _UNNAMED:
            body["errorType"] = getattr(body.get("errorMessage"), "error_type", _UNNAMED)
        return result

    return execute
