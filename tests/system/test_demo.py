"""The demonstration's scenes, each on the running system, as docs/reference/demonstration.md prints them."""

import re

import pytest

from laptop.demo import scenes
from operations.repository import REPOSITORY
from tests.system.conftest import Laptop

PAGE = (REPOSITORY / "docs" / "reference" / "demonstration.md").read_text()


@pytest.fixture(scope="module")
def stage(laptop: Laptop) -> scenes.Stage:
    return scenes.Stage(laptop.target)


@pytest.mark.parametrize("scene", scenes.SCENES, ids=lambda scene: str(scene.__name__))
def test_every_scene_has_its_stated_result(scene: scenes.Scene, stage: scenes.Stage) -> None:
    shown = scenes.play(stage, scene)
    assert shown.order_id
    assert re.search(rf"^{re.escape(shown.scene)} +{re.escape(shown.said)} +[0-9.]+$", PAGE, re.MULTILINE)
    assert stage.shown[-1] == shown
