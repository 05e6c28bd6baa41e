"""The name of a stage, as a command takes it."""

import typer

import stages
from stages import StageError


def checked(stage: str) -> str:
    """Return the name of a stage. Raises BadParameter for one that no stage can have."""
    try:
        return stages.check_name(stage)
    except StageError as error:
        raise typer.BadParameter(str(error)) from error
