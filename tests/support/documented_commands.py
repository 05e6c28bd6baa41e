"""The commands that the documents and the help print: where each stands, and what the command line makes of it."""

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import typer
from typer.core import TyperCommand, TyperGroup

from orderctl.cli import app

REPOSITORY = Path(__file__).parents[2]
PAGES = sorted(
    page.relative_to(REPOSITORY).as_posix()
    for pattern in (
        "README.md",
        "docs/**/*.md",
        "services/*/README.md",
        "laptop/**/*.md",
        "simulation/**/*.md",
        "tests/**/*.md",
    )
    for page in REPOSITORY.glob(pattern)
)
PROMPT = "$ "
SEPARATORS = frozenset("();<>|&")
EXAMPLE = re.compile(r"^\s*(?:- |Example: )`([^`]+)`", re.MULTILINE)
BLOCK = re.compile(r"^```(console|python)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SUBSTITUTION = re.compile(r"\$\(([^()]*)\)")


@dataclass(frozen=True)
class Command:
    """A command of a console block, and the output that the block prints below it."""

    line: str
    output: tuple[str, ...] = ()


def of_page(page: Path) -> list[Command]:
    """Return the commands of a page's console blocks, in order: each line that begins with a prompt."""
    inside, found = False, []
    for line in map(str.strip, page.read_text().splitlines()):
        if line.startswith("```"):
            inside = line == "```console"
        elif inside and line.startswith(PROMPT):
            found.append(Command(line.removeprefix(PROMPT)))
        elif inside and found and line:
            found[-1] = Command(found[-1].line, (*found[-1].output, line))
    return found


def section(page: Path, heading: str) -> str:
    """Return the text of a page below a heading of the second level."""
    return page.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]


def script(text: str, left_out: Sequence[str] = ()) -> str:
    """Return the console and Python blocks of a page's text, in order, as one Bash script.

    A Python block with a file's name is saved as that file, any other is run. `left_out` has beginnings of commands.
    """
    return "\n".join(line for line in steps(text) if not line.startswith(tuple(left_out)))


def steps(text: str) -> list[str]:
    """Return what a reader does with the blocks of a page's text, in order: each command, and each file to save or to run."""
    found = []
    for language, name, block in BLOCK.findall(text):
        if language == "python":
            program = f"cat > {name}" if name else "python -"
            found.append(f"{program} <<'END_OF_PYTHON'\n{block}END_OF_PYTHON")
        else:
            found += [line.removeprefix(PROMPT) for line in block.splitlines() if line.startswith(PROMPT)]
    return found


def of_help() -> dict[str, list[str]]:
    """Return the examples of each command's help, by the command's full name."""
    return {" ".join(names): EXAMPLE.findall(command.help or "") for names, command in commands()}


def invocations(line: str, program: str) -> list[list[str]]:
    """Return the arguments of each call of `program` in a shell's line, also those in `$(...)`, before, or after a pipe."""
    found: list[list[str]] = []
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for token in [*lexer, ";"]:
        for inner in SUBSTITUTION.findall(token):
            found += invocations(inner, program)
        if SEPARATORS.issuperset(token):
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                words.pop(0)
            if words and words[0] == program:
                found.append(words[1:])
            words = []
        else:
            words.append(token)
    return found


def read(arguments: Sequence[str]) -> tuple[str, dict[str, object]]:
    """Return the command that the arguments name and the values that it would get; nothing is run.

    Raises what the command line raises for wrong usage: no such command or option, a value refused, an argument missing.
    """
    command, rest = root(), list(arguments)
    values: dict[str, object] = {}
    path: list[str] = []
    context = None
    while True:
        context = command.make_context(path[-1] if path else "orderctl", rest, parent=context)
        values |= context.params
        if not hasattr(command, "resolve_command"):
            return " ".join(path), values
        name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        assert not command.hidden, f"{name} is not listed by --help"
        path.append(name)


def names_command(mention: str) -> bool:
    """Return whether the words of a mention, `orders cancel ORDER`, begin with the name of a command."""
    words, command = mention.split(), root()
    while words and words[0].startswith("--"):  # a global option and its value
        words = words[2:]
    for word in words:
        known = getattr(command, "commands", None)
        if known is None or word.startswith("-"):
            return True
        if word not in known or known[word].hidden:
            return False
        command = known[word]
    return True


@cache
def root() -> Any:
    """Return the command line, as Typer builds it."""
    return typer.main.get_command(app)


def commands() -> Iterator[tuple[tuple[str, ...], TyperCommand]]:
    """Yield each command that `--help` lists, with the words of its name."""
    yield from _below(root(), ())


def _below(command: TyperCommand | TyperGroup, names: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], TyperCommand]]:
    if isinstance(command, TyperCommand):
        yield names, command
        return
    for name, inner in command.commands.items():
        if not inner.hidden:
            yield from _below(cast(TyperCommand | TyperGroup, inner), (*names, name))
