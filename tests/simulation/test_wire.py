"""The short cut past botocore changes nothing: a world has the same history with all of botocore in between."""

import pytest

from tests.simulation.test_simulation import simulate


@pytest.mark.parametrize("world", ["0", "3"])
def test_a_world_has_the_same_history_through_the_whole_of_botocore(world: str) -> None:
    short, whole = (simulate("run", "--seed", "wire", "--world", world, *way) for way in ((), ("--botocore",)))
    assert short == whole
    assert "every invariant held" in short
