"""A new channel: its line in the settings of a stage."""

import re
from pathlib import Path
from typing import Final

import stages
from operations.errors import UserError
from operations.scaffold.workspace import workspace
from stages import StageError

BLOCK: Final = re.compile(r"^channels:.*\n(?:[ -].*\n|#.*\n)*", re.MULTILINE)
"""The setting `channels` with its lines."""


def create(root: Path, name: str, stage: str, principals: list[str]) -> list[str]:
    """Let a channel publish orders on a stage, in the name of its principals. Return the file that is changed.

    Raises UserError for a stage without a file, for a channel that exists, and for one that the stage's schema refuses.
    """
    path = f"stages/{stage}.yaml"
    if not (root / path).is_file():
        raise UserError(f"There is no {path}.", f"Create it by `orderctl stages new {stage}`, or choose another by --for.")
    with workspace(root) as copy:
        text = added(copy.read(path), f"  - {{name: {name}, principals: [{', '.join(principals)}]}}\n")
        try:
            stages.parse(stage, text, path)
        except StageError as error:
            raise UserError(error.message, error.hint or "Correct the name or the principals, and try again.") from error
        copy.write(path, text)
        return copy.move()


def added(text: str, line: str) -> str:
    """Return the text of a stage's file with one more line of `channels`."""
    block = BLOCK.search(text)
    if block is None:
        return f"{text.rstrip()}\nchannels:\n{line}"
    kept = block[0].replace("channels: []\n", "channels:\n")
    return text[: block.start()] + kept + line + text[block.end() :]
