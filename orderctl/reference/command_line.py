"""The page of the command line, made from the commands themselves."""

from collections.abc import Iterator

from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from operations.contracts.markdown import escaped, table

INTRODUCTION = """# The command line

`orderctl` operates a stage: the laptop's by default, one on AWS with `--target aws`. Each command prints its part of this page
if you add `--help`. Results go to standard output, everything else to standard error; `-o json` prints results as JSON.

"""


def page(root: TyperGroup) -> str:
    """Return the page of all commands that `--help` lists, as Markdown. `root` is the command line."""
    return INTRODUCTION + "\n".join([_section("orderctl", "Global options", root), *_sections("orderctl", root)])


def _sections(path: str, group: TyperGroup) -> Iterator[str]:
    for name, inner in group.commands.items():
        if inner.hidden or not isinstance(inner, TyperCommand | TyperGroup):
            continue
        full = f"{path} {name}"
        yield _section(full, f"`{full.removeprefix('orderctl ')}`", inner)
        if isinstance(inner, TyperGroup):
            yield from _sections(full, inner)


def _section(path: str, title: str, command: TyperCommand | TyperGroup) -> str:
    level = "#" * (1 + len(path.split()))
    context = command.context_class(command, info_name=path)
    parameters = [each for each in command.params if isinstance(each, TyperArgument | TyperOption)]
    records = [each.get_help_record(context) for each in parameters if not each.hidden and not each.is_eager]
    rows = [(f"`{name}`", escaped(meaning)) for name, meaning in filter(None, records)]
    return "\n".join(
        [f"{level} {title}", "", escaped(command.help or ""), "", table(("Parameter", "Meaning"), rows) if rows else ""]
    )
