"""The option by which an operator says why a command changes something, and the record of the command in the trail."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from orderctl.terminal import output

if TYPE_CHECKING:
    from operations.acts import Act
    from operations.aws.target import Target

ReasonOption = Annotated[str, typer.Option("--reason", help="Why. The service logs it beside your identity.")]


def record(target: "Target", done: str, act: "Act", order_ids: Iterable[object] = ()) -> None:
    """Record what a command has done that no function ran, as `trail.record` does. Warn if that fails."""
    from operations import trail

    if trouble := trail.record(target, done, act, order_ids):
        output.err.print(f"[yellow]The act is not in the trail:[/yellow] {trouble}", soft_wrap=True)


@contextmanager
def recorded(target: "Target", done: str, act: "Act") -> Iterator[None]:
    """Record a command of many steps once the block has done it, or that an error or Ctrl-C broke it off."""
    try:
        yield
    except BaseException:
        record(target, f"{done} broke off", act)
        raise
    record(target, done, act)
