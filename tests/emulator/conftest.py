"""One engine for the session: as it is (`plain`) for the gap tests, then with the extensions (`extended`)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from laptop.emulator import process
from operations.aws.target import Target


@dataclass(frozen=True)
class Engine:
    """A running engine and how to reach it."""

    target: Target
    extended: bool
    folder: Path

    def shows(self, right: bool, gap: str) -> None:
        """Assert that the behaviour is right with the extensions, and still wrong without them."""
        if self.extended:
            assert right, f"the extension does not close the gap: {gap}"
        else:
            assert not right, f"upstream has closed the gap: {gap}; the extension can go"


@pytest.fixture(scope="session", params=["plain", "extended"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Both engines, one after the other: every test of a gap runs on each. Other laptops of the session keep their homes."""
    folder, extended = tmp_path_factory.mktemp(request.param), request.param == "extended"
    with process.home_at(folder):
        record = process.start(port=process.free_port(), extensions=extended)
    try:
        yield Engine(Target().at(record.endpoint), extended, folder)
    finally:
        with process.home_at(folder):
            process.stop()
