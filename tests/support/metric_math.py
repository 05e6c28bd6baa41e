"""CloudWatch's metric math and statistics, as far as the alarms of the objectives use them, over made-up values."""

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Final

Value = float | None
"""A data point; None if there is none."""
OPERATORS: Final[Mapping[type[ast.AST], Callable[[float, float], float]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.GtE: operator.ge,
}


def evaluate(expression: str, values: Mapping[str, Value]) -> Value:
    """Return what the expression is for these data points. A missing one, or a division by zero, makes it missing.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
    """
    return _of(ast.parse(expression, mode="eval").body, values)


def _of(node: ast.expr, values: Mapping[str, Value]) -> Value:
    match node:
        case ast.Constant():
            return float(str(node.value))
        case ast.Name():
            return values[node.id]
        case ast.BinOp():
            return _pair(OPERATORS[type(node.op)], _of(node.left, values), _of(node.right, values))
        case ast.Compare(ops=[compare], comparators=[right]):
            return _pair(OPERATORS[type(compare)], _of(node.left, values), _of(right, values))
        case ast.Call(func=ast.Name(id="IF"), args=[condition, then, otherwise]):
            met = _of(condition, values)
            return None if met is None else _of(then if met else otherwise, values)
        case ast.Call(func=ast.Name(id="FILL"), args=[series, filler]):
            found = _of(series, values)
            return _of(filler, values) if found is None else found
        case _:
            raise NotImplementedError(ast.unparse(node))


def _pair(operate: Callable[[float, float], float], left: Value, right: Value) -> Value:
    if left is None or right is None or (operate is operator.truediv and right == 0):
        return None
    return float(operate(left, right))


def statistic(name: str, values: Mapping[float, int]) -> Value:
    """Return a statistic of a period: `Sum`, `SampleCount`, or `PR(:n)`, the percentage that is at most n.

    `values` says how often each value was emitted.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
    """
    count = sum(values.values())
    if not count:
        return None
    if name == "Sum":
        return sum(value * times for value, times in values.items())
    if name == "SampleCount":
        return count
    bound = float(name.removeprefix("PR(:").removesuffix(")"))
    return 100 * sum(times for value, times in values.items() if value <= bound) / count
