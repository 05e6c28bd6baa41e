"""The log lines of one order on a path, which is then replayed: all that an operator has of it in CloudWatch."""

import json
from contextlib import redirect_stdout
from typing import Any

from simulation.engine.process import SINK, keep_logs
from simulation.stage import paths
from simulation.stage.paths import Path

REPLAY = "orderflow-catch-up-once"


def lines_of(path: Path) -> list[dict[str, Any]]:
    """Return the log lines about the order of the path, in the order of their writing."""
    world, order_id, found = paths.stand_up(path, {}), path.order_plan.order_id(path.channel), list[dict[str, Any]]()

    def read(text: str) -> None:
        for line in text.splitlines():
            content = json.loads(line) if line.startswith("{") else {}
            if content.get("order_id") == order_id:
                found.append(content)

    def begin(_: object) -> None:
        paths.seed(path, world)
        world.spawn("customer", lambda: path.act(world, path.order_plan))

    keep_logs(read)
    try:
        with redirect_stdout(SINK):
            world.run(begin)
            world.bus.replay(REPLAY, set(path.subscriptions))
            world.settle_more()
    finally:
        keep_logs(None)
        world.abandon()
    return found
