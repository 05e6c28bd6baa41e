"""The option by which an operator says why a command changes something."""

from typing import Annotated

import typer

ReasonOption = Annotated[str, typer.Option("--reason", help="Why. The service logs it beside your identity.")]
