"""A browser that only notes the addresses that it is started with, for commands with `--open`."""

import os
from collections.abc import Mapping
from pathlib import Path

SCRIPT = """#!/bin/sh
echo "$1" >> {noted}
"""


class NotingBrowser:
    """A browser in a folder. Python's `webbrowser` starts it in a process with its environment."""

    def __init__(self, folder: Path) -> None:
        self._noted = folder / "opened"
        self._program = folder / "browser"
        self._program.write_text(SCRIPT.format(noted=self._noted))
        self._program.chmod(0o755)

    @property
    def variables(self) -> Mapping[str, str]:
        """The variable that names the browser."""
        return {"BROWSER": str(self._program)}

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables of this process, with the browser."""
        return {**os.environ, **self.variables}

    def opened(self) -> list[str]:
        """Return the addresses, in the order in which they were opened."""
        return self._noted.read_text().splitlines() if self._noted.exists() else []
