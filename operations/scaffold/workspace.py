"""A copy of the checkout: a scaffold is made and built there before anything of the checkout changes."""

import errno
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from operations.errors import UserError

TEMPLATES: Final = Path(__file__).parent / "templates"
NOT_COPIED: Final = (".git", ".venv*", "node_modules", "build", "cdk.out", "__pycache__", "*_cache", "__snapshots__", "images")
ENDING: Final = ".jinja"
FILE_NAME: Final = "NAME"
"""The part of a template's path that stands for the scaffold's name."""
COMMAND_LINE: Final = "from orderctl.cli import main; main()"


class Workspace:
    """The copy in `folder` of the checkout in `root`."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root = root
        self.folder = folder

    def render(self, kind: str, name: str, values: Mapping[str, str]) -> None:
        """Write the files of `templates/<kind>/` into the copy, with the values in their places."""
        for template in sorted((TEMPLATES / kind).rglob(f"*{ENDING}")):
            place = template.relative_to(TEMPLATES / kind).as_posix().removesuffix(ENDING).replace(FILE_NAME, name)
            self.write(place, rendered(template, values))

    def read(self, path: str) -> str:
        """Return the text of a file of the copy. Raises UserError if it is missing, or no text."""
        try:
            return (self.folder / path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            fault = f"{path} is missing or is no text, so nothing was written."
            raise UserError(fault, "Restore it, and try again.") from error

    def write(self, path: str, text: str) -> None:
        """Write a file of the copy."""
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(text, encoding="utf-8")

    def build(self) -> None:
        """Build the files that are made from the schemas and from the code. Raises UserError if the build fails."""
        for made in ("schemas", "docs"):
            self._run(sys.executable, "-c", COMMAND_LINE, made, "build")

    def formatted(self, *paths: str) -> None:
        """Sort the imports of these files of the copy, and format them as the checks want them."""
        for action in (["check", "--fix-only", "--quiet"], ["format", "--quiet"]):
            self._run(sys.executable, "-m", "ruff", *action, *paths)

    def changed(self) -> list[str]:
        """Return the files of the copy that the checkout lacks, or has with another content."""
        found = (file.relative_to(self.folder) for file in sorted(self.folder.rglob("*")) if file.is_file())
        return [path.as_posix() for path in found if is_own(path) and _bytes(self.root / path) != _bytes(self.folder / path)]

    def move(self) -> list[str]:
        """Put the changed files into the checkout, and return them. If one cannot be written, none is."""
        written: dict[Path, bytes | None] = {}
        paths = self.changed()
        try:
            for path in paths:
                target = self.root / path
                target.parent.mkdir(parents=True, exist_ok=True)
                if target.is_dir():
                    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
                written[target] = _bytes(target)
                shutil.copyfile(self.folder / path, target)
        except BaseException:
            for target, before in written.items():
                _restore(target, before)
            raise
        return paths

    def _run(self, *command: str) -> None:
        environment = {**os.environ, "PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-5:])
            raise UserError(f"The scaffold does not build, so nothing was written: {said}", "Mend the checkout, and try again.")


@contextmanager
def workspace(root: Path) -> Iterator[Workspace]:
    """Provide a copy of the checkout, below its own `build/`, so that its files can be moved there."""
    (root / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="new-", dir=root / "build") as scratch:
        folder = Path(scratch) / "checkout"
        shutil.copytree(root, folder, symlinks=True, ignore=shutil.ignore_patterns(*NOT_COPIED))
        yield Workspace(root, folder)


def rendered(template: Path, values: Mapping[str, str]) -> str:
    """Return a template with the values in their places. Raises jinja2's UndefinedError for a value that is missing."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)  # nosec B701 - it renders source code
    return environment.from_string(template.read_text(encoding="utf-8")).render(values)


def is_own(path: Path) -> bool:
    """Return False for a file that running the copy leaves behind."""
    return not {"__pycache__"} & set(path.parts) and not any(part.endswith("_cache") for part in path.parts)


def _restore(file: Path, before: bytes | None) -> None:
    """Give a file its earlier content; remove one that was not there, with the folders that are empty without it."""
    if before is not None:
        file.write_bytes(before)
        return
    file.unlink(missing_ok=True)
    with suppress(OSError):
        for folder in file.parents:
            folder.rmdir()


def _bytes(file: Path) -> bytes | None:
    return file.read_bytes() if file.is_file() else None
