"""The protocol's crash points, in a share of their variants, as docs/explanation/reliability.md describes them.

Each commit strikes another share. `make simulate-crash-points` strikes all.
"""

import re
from pathlib import Path

import pytest

from simulation.stage.crash_points import CRASH_POINTS, CrashPoint, markdown
from tests.simulation.test_simulation import REPOSITORY, simulate
from tests.support import commit_share

ALSO = [test for point in CRASH_POINTS for test in point.also]


@pytest.fixture(scope="module")
def shown() -> dict[int, str]:
    """Strike a share of each crash point's cases; return the line that is printed about each point, by its number."""
    share = str(commit_share.share())
    print(f"again: python -m simulation crash-points --share {share}")  # noqa: T201
    return {int(line.split()[0]): line for line in simulate("crash-points", "--share", share).splitlines()}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("point", CRASH_POINTS, ids=lambda point: f"{point.number} {point.what}")
def test_crash_point_breaks_no_invariant(point: CrashPoint, shown: dict[int, str]) -> None:
    assert re.search(rf"{re.escape(point.what)} +[1-9]\d* cases, 0 violations$", shown[point.number])


def test_all_27_crash_points_are_covered() -> None:
    assert [point.number for point in CRASH_POINTS] == list(range(1, 28))


@pytest.mark.parametrize("test", ALSO)
def test_named_test_of_a_crash_point_exists(test: str) -> None:
    file, _, name = test.partition("::")
    assert f"def {name}(" in Path(REPOSITORY, file).read_text()


def test_docs_describe_the_crash_points_as_they_run() -> None:
    assert markdown() in (REPOSITORY / "docs/explanation/reliability.md").read_text(), (
        "docs: python -m simulation crash-points --markdown"
    )
