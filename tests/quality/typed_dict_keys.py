"""A plugin of mypy: `row.get("misspelt")` and `"misspelt" in row` are errors, as `row["misspelt"]` is without it.

A `TypedDict` may have keys that its type does not state, so mypy accepts them in `get` and `in`. Ours have no others: a key
that the type lacks is a spelling mistake. `[tool.mypy]` in pyproject.toml loads this file.
"""

from collections.abc import Callable

from mypy.checker import TypeChecker
from mypy.errorcodes import TYPEDDICT_ITEM
from mypy.plugin import MethodContext, Plugin
from mypy.plugins.default import typed_dict_get_callback
from mypy.typeops import try_getting_str_literals
from mypy.types import Type, TypedDictType, get_proper_type


class TypedDictKeys(Plugin):
    """The plugin: it checks the key of each `get` and each `in` on a `TypedDict`."""

    def get_method_hook(self, fullname: str) -> Callable[[MethodContext], Type] | None:
        """Return the check of a method. `TypedDict` has both methods from `Mapping`."""
        return {"typing.Mapping.get": type_of_get, "typing.Mapping.__contains__": type_of_in}.get(fullname)


def type_of_get(call: MethodContext) -> Type:
    """Check the key of `row.get(key)`; return the type that mypy itself gives to the call."""
    for fault in faults(call):
        call.api.fail(fault, call.context, code=TYPEDDICT_ITEM)
    return typed_dict_get_callback(call)


def type_of_in(call: MethodContext) -> Type:
    """Check the key of `key in row`; return the type of the expression.

    mypy tries `in` with its errors withheld, and drops them because a `TypedDict` is iterable too. Report them past that.
    """
    assert isinstance(call.api, TypeChecker)
    errors = call.api.errors
    withheld, errors._watchers = errors._watchers, []
    for fault in faults(call):
        call.api.fail(fault, call.context, code=TYPEDDICT_ITEM)
    errors._watchers = withheld
    return call.default_return_type


def faults(call: MethodContext) -> list[str]:
    """Return a text for each key of the call that its `TypedDict` lacks. A key that is not known before the run passes."""
    receiver = get_proper_type(call.type)
    if not isinstance(receiver, TypedDictType) or not call.args[0]:
        return []
    keys = try_getting_str_literals(call.args[0][0], call.arg_types[0][0]) or []
    return [f'TypedDict "{receiver.fallback.type.name}" has no key "{key}"' for key in keys if key not in receiver.items]


def plugin(version: str) -> type[Plugin]:
    """Return the plugin, as mypy asks for it. It reads mypy's insides: try it with each version that requirements/ pins."""
    return TypedDictKeys
