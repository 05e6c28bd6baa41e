"""The short cut past botocore: a world has the same history with and without it."""

import pytest

from tests.simulation.test_simulation import simulate


@pytest.mark.parametrize("world", ["0", "3"])
def test_world_through_botocore_has_the_same_history(world: str) -> None:
    short, whole = (simulate("run", "--seed", "wire", "--world", world, *way) for way in ((), ("--botocore",)))
    assert short == whole
    assert "every invariant held" in short
