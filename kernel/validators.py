"""Validators of JSON Schema (draft-07), one for each schema file.

A bundle has each validator as a generated module of the package `validators`, because a cold start would pay for compiling it.
A checkout has no such package: there, a process compiles a validator when it needs it. `python -m kernel.validators` generates
the modules.
"""

import json
import sys
from collections.abc import Callable, Iterable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Final

import fastjsonschema

from kernel.naming import validator_module

ROOT: Final = Path(__file__).parents[1]
"""The folder of the bundle or checkout."""

Validator = Callable[[object], object]
"""Returns the value that it is given, or raises fastjsonschema.JsonSchemaValueException."""


@cache
def validator_of(schema_file: Path, root: Path = ROOT) -> Validator:
    """Return the validator of a schema file below `root`: the generated one if the bundle has it, else a compiled one."""
    module = validator_module(schema_file.relative_to(root).as_posix())
    if (root / module).exists():
        generated: Validator = import_module(module.removesuffix(".py").replace("/", ".")).validate
        return generated
    compiled: Validator = fastjsonschema.compile(_definition(schema_file.read_text()), use_default=False)
    return compiled


def source_of(schema_text: str) -> str:
    """Return the Python source of the module of a schema. Its function `validate` is the validator."""
    source: str = fastjsonschema.compile_to_code(_definition(schema_text), use_default=False)
    return source


def _definition(schema_text: str) -> dict[str, object]:
    """Return the schema without its id (fastjsonschema would name the function by it), and without its examples."""
    schema: dict[str, object] = json.loads(schema_text)
    return {keyword: value for keyword, value in schema.items() if keyword not in ("$id", "examples")}


def generate(files: Iterable[tuple[str, str]]) -> None:
    """Write the module of each (schema, module), both by their paths."""
    for schema, module in files:
        Path(module).write_text(source_of(Path(schema).read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    generate(json.load(sys.stdin))
