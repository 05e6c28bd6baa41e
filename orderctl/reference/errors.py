"""The page of the errors, made from the error tree and the classes of the services."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from kernel import errors
from operations.contracts.markdown import escaped, table
from operations.repository import REPOSITORY

FOLDERS = ("kernel", "services", "journal", "audit")
KINDS = (errors.RejectedError, errors.RetryableError, errors.BugError)
INTRODUCTION = """# The errors

Every error that the services raise on purpose is an `OrderflowError` of one of three kinds. The kind decides how an entry
point treats it.

"""


@dataclass(frozen=True)
class ErrorClass:
    """A class of an error as a module defines it: its names of base classes, and the first paragraph of its docstring."""

    name: str
    bases: tuple[str, ...]
    module: str
    meaning: str


def page() -> str:
    """Return the page as Markdown."""
    found = list(classes())
    treatment = (errors.__doc__ or "").partition("\n\n")[2]
    parts = [INTRODUCTION, "## How is each kind treated?\n\n", treatment, "\n\n"]
    for kind in KINDS:
        rows = [(f"`{each.name}`", f"`{each.module}`", each.meaning) for each in below(kind.__name__, found)]
        parts += [f"## `{kind.__name__}`\n\n{kind.__doc__}\n\n", table(("Error", "Defined in", "Meaning"), rows), "\n"]
    return "".join(parts)


def classes() -> Iterator[ErrorClass]:
    """Return the classes with a name that ends in `Error`, as ruff demands (N818), in the order of their modules."""
    for folder in FOLDERS:
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ClassDef) and node.name.endswith("Error"):
                    meaning = " ".join((ast.get_docstring(node) or "").partition("\n\n")[0].split())
                    bases = tuple(ast.unparse(base).rpartition(".")[2] for base in node.bases)
                    yield ErrorClass(node.name, bases, path.relative_to(REPOSITORY).as_posix(), escaped(meaning))


def below(name: str, found: list[ErrorClass]) -> Iterator[ErrorClass]:
    """Return the classes that derive from the class `name`, each followed by those that derive from it."""
    for each in found:
        if name in each.bases:
            yield each
            yield from below(each.name, found)
