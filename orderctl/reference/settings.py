"""The page of the settings of a stage, made from stages/stage.schema.json."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from operations.contracts.markdown import escaped, table
from operations.repository import REPOSITORY

INTRODUCTION = """# The settings of a stage

The file `stages/<stage>.yaml` has the settings of a stage. [Deploy](../how-to/deploy.md) shows how to make one, and which
settings are protected. `orderctl stages show STAGE` prints all settings of a stage, defaults included.

"""


def page() -> str:
    """Return the page as Markdown."""
    schema = json.loads((REPOSITORY / "stages" / "stage.schema.json").read_text())
    return INTRODUCTION + table(("Setting", "Value", "Default", "Meaning"), _rows(schema, ""))


def _rows(schema: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str, str, str]]:
    for name, setting in schema["properties"].items():
        path = f"{prefix}{name}"
        needed = "required" if name in schema.get("required", ()) else ""
        default = f"`{json.dumps(setting['default'])}`" if "default" in setting else needed
        yield f"`{path}`", _value(setting), default, escaped(setting["description"])
        items = setting.get("items", {})
        if "properties" in setting:
            yield from _rows(setting, f"{path}.")
        elif "properties" in items:
            yield from _rows(items, f"{path}[].")


def _value(setting: Mapping[str, Any]) -> str:
    if "enum" in setting:
        return ", ".join(f"`{value}`" for value in setting["enum"])
    if "x-form" in setting:
        return str(setting["x-form"])
    limits = [f"{word} {setting[key]}" for key, word in (("minimum", "at least"), ("maximum", "at most")) if key in setting]
    return ", ".join([{"array": "list", "object": "map"}.get(setting["type"], setting["type"]), *limits])
