"""How a process runs its tests: the garbage collector, the files it keeps together, those that come first, the figures."""

import gc

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.support.figures import recorded

TOGETHER = ("tests/infrastructure/",)
"""Folders with tests that share an expensive fixture."""
FIRST = (
    "tests/system/test_stage_settings.py",
    "tests/system/test_readme.py",
    "tests/system/test_runbooks.py",
    "tests/system/test_replay.py",
    "tests/system/test_deploy_alone.py",
    "tests/system/test_journal.py",
    "tests/system/test_forged_events.py",
    "tests/system/test_newcomer.py",
    "tests/system/test_operator_permissions.py",
)
"""The files that take longest, in this order. If a process began one at the end, the others would have nothing left to do."""


class ByPlace(LoadScopeScheduling):
    """Gives a process all tests of a file, or of a folder.

    The mark `xdist_group` would do, but pytest-xdist 3.8 does not see it with pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((folder for folder in TOGETHER if file.startswith(folder)), file)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {file: place for place, file in enumerate(FIRST)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(FIRST)))


def pytest_collection_finish() -> None:
    """Exempt what was imported and collected from the search for garbage, and search less often.

    The collector would walk hundreds of thousands of objects again and again, for a fifth of the tests' CPU time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.hookimpl(optionalhook=True)  # without pytest-xdist, all tests are in one process
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByPlace:
    return ByPlace(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    figures = recorded([*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")])
    if figures:
        terminalreporter.section("figures")
        for figure in figures:
            terminalreporter.write_line(figure)
