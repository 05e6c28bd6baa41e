"""The output of a command: a table or JSON on standard output, progress and errors on standard error.

A command builds plain rows (dictionaries) and calls `show`, which prints either format.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.table import Table

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)
PIPE_WIDTH = 1000


class Format(StrEnum):
    """The values of `-o`."""

    TABLE = "table"
    JSON = "json"


OutputOption = Annotated[Format, typer.Option("--output", "-o", help="The output format.")]


def attended() -> bool:
    """Return True if a person at a terminal can answer a question."""
    return err.is_terminal and sys.stdin.isatty()


def plain(value: object) -> int | float | str | list[object]:
    """Return a value of DynamoDB or boto3 (Decimal, datetime, set) as JSON can hold it. Raises TypeError for others."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, set):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} cannot be shown as JSON")


def show_json(value: object) -> None:
    """Print one indented JSON document and nothing else."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=plain))


def show(
    rows: Sequence[Mapping[str, object]],
    columns: Mapping[str, str],
    output: Format,
    *,
    title: str | None = None,
    empty: str = "Nothing to show.",
    console: Console = out,
) -> None:
    """Print rows as a table with `columns` (key → heading), or the whole rows as a JSON array."""
    if output is Format.JSON:
        show_json(list(rows))
        return
    if not rows:
        console.print(f"[dim]{escape(empty)}[/dim]")
        return
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for position, heading in enumerate(columns.values()):
        # The first column names the row, so it is never wrapped and can be copied.
        table.add_column(heading, overflow="fold", no_wrap=position == 0)
    for row in rows:
        table.add_row(*(_cell(row.get(key)) for key in columns))
    screen(console).print(table)


def screen(console: Console = out) -> Console:
    """Return the console, by default of standard output. In a pipe it never cuts a line, so that grep finds whole rows."""
    return console if console.is_terminal else Console(file=console.file, width=PIPE_WIDTH, highlight=False)


def _cell(value: object) -> str:
    if value is None:
        return "[dim]-[/dim]"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (dict, list)):
        return escape(json.dumps(value, default=plain, ensure_ascii=False))
    return escape(str(value))


class Progress:
    """The current step, on standard error: a spinner on a terminal, one line for each step in a log."""

    def __init__(self) -> None:
        self.began = time.monotonic()

    @contextmanager
    def step(self, doing: str) -> Iterator[None]:
        """Show `doing` while the block runs, then its result and its duration in seconds."""
        began = time.monotonic()
        with err.status(f"{escape(doing)} ..."):
            try:
                yield
            except BaseException:
                err.print(f"[red]✗[/red] {escape(doing)} [dim]{time.monotonic() - began:.1f} s[/dim]")
                raise
        err.print(f"[green]✓[/green] {escape(doing)} [dim]{time.monotonic() - began:.1f} s[/dim]")

    @contextmanager
    def bar(self, doing: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show a bar while the block runs: it calls what it is given with how many of `total` are done."""
        columns = (TextColumn(f"{doing:10}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Bars(*columns, console=err) as bars:
            task = bars.add_task(doing, total=total)
            yield lambda done: bars.update(task, completed=done)

    def warning(self, what: str, why: str) -> None:
        """Print a problem that does not stop the command."""
        err.print(f"[yellow]{escape(what)}:[/yellow] {escape(why)}")

    def note(self, text: str) -> None:
        """Print a line that is not a step."""
        err.print(f"[dim]·[/dim] {escape(text)}")
