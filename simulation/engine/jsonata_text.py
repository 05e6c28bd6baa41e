"""The workflow's `{% ... %}` expressions, evaluated by jsonata-python. Null and no result are two things.

jsonata-python takes 40 to 130 µs an expression, and a saga has some sixty. Plain paths such as `$order.order_id` are walked
here, and the result of an expression is cached by the values that it reads.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Final

from jsonata import Jsonata
from jsonata.jexception import JException
from jsonata.utils import Utils

from simulation.engine.api import JsonValue

PLAIN_PATH: Final = re.compile(r"\$([A-Za-z_]\w*)((?:\.[A-Za-z_]\w*)*)")
VARIABLE: Final = re.compile(r"\$([A-Za-z_]\w*)(?!\w*\()")
FUNCTION: Final = re.compile(r"\$[A-Za-z_]\w*\s*\(")


class UndefinedError(Exception):
    """An expression without a result, which Step Functions takes for an error (States.QueryEvaluationError)."""


_remembered: dict[tuple[str, str], JsonValue | UndefinedError] = {}


def evaluate(expression: str, variables: Mapping[str, JsonValue]) -> JsonValue:
    """Return the result of an expression without its `{% %}`. Raises UndefinedError, JException."""
    path = _plain_path(expression)
    if path is not None:
        undefined = UndefinedError(expression)
        found: JsonValue | UndefinedError = variables.get(path[0], undefined)
        for name in path[1:]:
            if not isinstance(found, dict):
                break
            found = found.get(name, undefined)
        else:
            if isinstance(found, UndefinedError):
                raise found
            if not isinstance(found, list) or len(path) == 1:  # on its way a list may be one that JSONata flattens
                return found
    used, pure = _variables(expression)
    read = {name: variables[name] for name in used if name in variables}
    if not pure:
        return _evaluate(expression, read)
    key = expression, json.dumps(read, sort_keys=True)
    if key not in _remembered:
        if len(_remembered) > 20_000:
            _remembered.clear()
        try:
            _remembered[key] = _evaluate(expression, read)
        except UndefinedError as undefined:
            _remembered[key] = undefined
    found = _remembered[key]
    if isinstance(found, UndefinedError):
        raise UndefinedError(expression)
    return found


@cache
def _plain_path(expression: str) -> tuple[str, ...] | None:
    match = PLAIN_PATH.fullmatch(expression)
    return (match.group(1), *match.group(2).split(".")[1:]) if match else None


@cache
def _variables(expression: str) -> tuple[frozenset[str], bool]:
    return frozenset(VARIABLE.findall(expression)), FUNCTION.search(expression) is None


@cache
def _parsed(expression: str) -> Jsonata:
    parsed = Jsonata(expression)
    parsed.set_output_convert_nulls(False)
    return parsed


def _evaluate(expression: str, variables: Mapping[str, JsonValue]) -> JsonValue:
    parsed = _parsed(expression)
    frame = parsed.create_frame()
    for name, value in variables.items():
        frame.bind(name, _with_nulls(value))
    found = parsed.evaluate(None, frame)
    if found is None:
        raise UndefinedError(expression)
    return _without_nulls(found)


def _with_nulls(value: JsonValue) -> object:
    if value is None:
        return Utils.NULL_VALUE
    if isinstance(value, dict):
        return {name: _with_nulls(part) for name, part in value.items()}
    return [_with_nulls(part) for part in value] if isinstance(value, list) else value


def _without_nulls(value: JsonValue) -> JsonValue:
    if value is Utils.NULL_VALUE:
        return None
    if isinstance(value, dict):
        return {name: _without_nulls(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_without_nulls(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


__all__ = ["JException", "UndefinedError", "evaluate"]
