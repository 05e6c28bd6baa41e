"""A new channel: one more item of `channels` in the file of a stage. The rest of the file stays as it is."""

import re
import shutil
from pathlib import Path
from typing import Any, Final

import yaml

import stages
from operations.errors import UserError, WrongUsageError
from stages import StageError

DASH: Final = re.compile(r" *- +")
"""The begin of a line with an item."""


def create(folder: Path, name: str, stage: str, principals: list[str]) -> Path:
    """Let a channel publish orders on a stage, in the name of its principals. Return the stage's file in `folder`.

    Raises WrongUsageError for a stage that cannot be, and for a channel that the stage's schema refuses. Raises UserError for a
    stage without a file, for a channel that exists, and if the file's form cannot be edited. Then the file is as it was.
    """
    try:
        file = folder / f"{stages.check_name(stage)}.yaml"
    except StageError as error:
        raise WrongUsageError(error.message, error.hint) from error
    if not file.is_file():
        hint = f"Create it by `orderctl stages new {stage}`, or choose another by --for."
        raise UserError(f"There is no {file}.", hint)
    item = {"name": name, "principals": principals}
    try:
        text = stages.text_of(file)
        known = settings_of(text)
        stages.parse(stage, yaml.safe_dump(known), str(file))
    except StageError as error:
        raise UserError(error.message, error.hint) from error
    except yaml.YAMLError as error:
        fault = f"{file} is not a stage: {' '.join(str(error).split())}."
        raise UserError(fault, "Correct the file, then try again.") from error
    if name in [each["name"] for each in known["channels"]]:
        raise UserError(f"{file} has a channel {name} already.", "Choose another name, or change that channel by hand.")
    wanted = {**known, "channels": [*known["channels"], item]}
    try:
        stages.parse(stage, yaml.safe_dump(wanted), str(file))
    except StageError as error:
        raise WrongUsageError(error.message, error.hint or "Correct the name or the principals, and try again.") from error
    try:
        after = added(text, item)
        if stages.as_document(after) != wanted:
            raise yaml.YAMLError("it would say something else")
    except yaml.YAMLError as error:
        fault = f"{file} has `channels` in a form that cannot be edited, so nothing was written."
        raise UserError(fault, f"Add this item to `channels` by hand: {flow(item)}") from error
    replace(file, after)
    return file


def added(text: str, item: object) -> str:
    """Return the text of a stage's file with one more item of `channels`. Raises yaml.YAMLError if there is no place for it."""
    settings = yaml.compose(text, Loader=yaml.SafeLoader)
    found = settings.value if isinstance(settings, yaml.MappingNode) else []
    value = next((value for key, value in found if key.value == "channels"), None)
    if value is None:
        return f"{text.rstrip()}\nchannels:\n  - {flow(item)}\n".lstrip()
    if not isinstance(value, yaml.SequenceNode) or not value.value:
        return f"{text[: value.start_mark.index]}{_gap(text, value)}[{flow(item)}]{text[value.end_mark.index :]}"
    last = value.value[-1]
    if value.flow_style:
        return f"{text[: last.end_mark.index]}, {flow(item)}{text[last.end_mark.index :]}"
    line = text.rfind("\n", 0, last.start_mark.index) + 1
    dash = text[line : last.start_mark.index]
    if not DASH.fullmatch(dash):
        raise yaml.YAMLError("the last item does not begin with its dash")
    rest, newline, below = text[_end(last) :].partition("\n")
    return f"{text[: _end(last)]}{rest}{newline or chr(10)}{dash}{flow(item)}\n{below}"


def settings_of(text: str) -> dict[str, Any]:
    """Return the settings of a stage's file, with a list of channels. Raises yaml.YAMLError if it has none."""
    settings = stages.as_document(text)
    if not isinstance(settings, dict):
        raise yaml.YAMLError("its settings are no mapping")
    return {**settings, "channels": settings.get("channels") or []}


def flow(item: object) -> str:
    """Return an item as YAML on one line."""
    return yaml.safe_dump(item, default_flow_style=True, sort_keys=False, width=float("inf"), allow_unicode=True).strip()


def replace(file: Path, text: str) -> None:
    """Give a file another text, all at once: a full disk leaves the file as it was."""
    scratch = file.with_name(f".{file.name}.new")
    try:
        scratch.write_bytes(text.encode())
        shutil.copymode(file, scratch)
        scratch.replace(file)
    finally:
        scratch.unlink(missing_ok=True)


def _gap(text: str, value: yaml.Node) -> str:
    """Return the space that parts the key from a value that is not written."""
    return "" if text[: value.start_mark.index].endswith(" ") else " "


def _end(node: yaml.Node) -> int:
    """Return where the last text of a node ends. The node of a block ends at the next node, below all comments."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    index: int = node.end_mark.index
    return index
