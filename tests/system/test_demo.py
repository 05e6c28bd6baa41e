"""The demonstration's scenes, each on the running system, as docs/reference/demonstration.md prints them."""

import json
import re

import pytest

from laptop.demo import scenes
from operations.repository import REPOSITORY
from orderctl.commands.demo import next_lines
from tests.support.shell import shell
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


def test_request_that_the_demo_ends_with_reads_the_order(laptop: Laptop) -> None:
    order_id = str(laptop.place().json()["order_id"])
    [request] = [line for line in next_lines(laptop.target, None, order_id, "") if line.startswith("  curl ")]
    assert json.loads(shell(laptop.target, request))["order_id"] == order_id
