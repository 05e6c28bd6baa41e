"""A new channel: its line in the settings of a stage."""

import re
from pathlib import Path
from typing import Final

import stages
from operations.errors import UserError
from operations.scaffold.workspace import Workspace, workspace
from stages import StageError

BLOCK: Final = re.compile(r"^channels:.*\n(?:[ -].*\n|#.*\n)*", re.MULTILINE)
"""The setting `channels` with its lines."""


def create(root: Path, name: str, stage: str, principals: list[str]) -> list[str]:
    """Let a channel publish orders on a stage, in the name of its principals. Return the file that is changed.

    Raises UserError for a stage without a file, for a channel that exists, and for one that the stage's schema refuses.
    """
    if not (root / settings_of(stage)).is_file():
        hint = f"Create it by `orderctl stages new {stage}`, or choose another by --for."
        raise UserError(f"There is no {settings_of(stage)}.", hint)
    with workspace(root) as copy:
        add(copy, name, stage, principals)
        return copy.move()


def add(copy: Workspace, name: str, stage: str, principals: list[str]) -> None:
    """Write the channel's line. Raises UserError if the stage's schema refuses it."""
    path = settings_of(stage)
    text = added(copy.read(path), f"  - {{name: {name}, principals: [{', '.join(principals)}]}}\n")
    try:
        stages.parse(stage, text, path)
    except StageError as error:
        raise UserError(error.message, error.hint or "Correct the name or the principals, and try again.") from error
    copy.write(path, text)


def settings_of(stage: str) -> str:
    """Return the path of the stage's file."""
    return f"stages/{stage}.yaml"


def added(text: str, line: str) -> str:
    """Return the text of a stage's file with one more line of `channels`."""
    block = BLOCK.search(text)
    if block is None:
        return f"{text.rstrip()}\nchannels:\n{line}"
    kept = block[0].replace("channels: []\n", "channels:\n")
    return text[: block.start()] + kept + line + text[block.end() :]
