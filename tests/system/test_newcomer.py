"""A newcomer's first hour: a fresh clone, and the commands of the README, as they are printed there."""

from pathlib import Path

import pytest

from laptop import page
from operations.repository import REPOSITORY
from tests.support.documented_commands import script, section, steps
from tests.support.orderctl_run import orderctl
from tests.support.polling import eventually
from tests.support.repository_copy import clone
from tests.support.shell import shell
from tests.system.conftest import Laptop
from tests.system.test_runbooks import forget_dead_letters, parcels_on_their_way

README = REPOSITORY / "README.md"
HEADINGS = ("From your code", "Break a consumer, and watch it heal")
MOST_STEPS = 15


def shop_orders(laptop: Laptop) -> set[str]:
    """Return the ids of the orders that the shop has placed."""
    return {row["order_id"] for row in laptop.rows("order/table-name") if row.get("channel") == "shop"}


@pytest.mark.timeout(1200)
def test_newcomer_orders_from_code_breaks_a_consumer_and_heals_it(laptop: Laptop, tmp_path: Path) -> None:
    text = "\n".join(section(README, heading) for heading in HEADINGS)
    assert len(steps(text)) <= MOST_STEPS
    begin, healing, end = script(text).partition("\nmv ")
    assert healing, "the consumer is repaired"
    forget_dead_letters(laptop)
    folder, before = clone(tmp_path), shop_orders(laptop)
    try:
        printed = shell(laptop.target, begin, folder=folder, PYTHONPATH=str(folder))
        placed = eventually(lambda: found if len(found := shop_orders(laptop) - before) >= 2 else None, 240, "two orders")
        assert {laptop.settled(order_id)["status"] for order_id in placed} == {"CONFIRMED"}
        assert "OrderConfirmed" in printed.splitlines()[-1], "the mail of the second order is dead"
        with parcels_on_their_way(laptop):
            here = ". .venv/bin/activate\nmv "
            shell(laptop.target, here + end, folder=folder, PYTHONPATH=str(folder))
    except BaseException:
        orderctl(laptop.target, "deploy", "notification")
        raise
    finally:
        page.stop()
    for order_id in placed:
        eventually(
            lambda order_id=order_id: (laptop.row("notification", f"NOTE#{order_id}#confirmed") or {}).get("status") == "SENT",
            240,
            f"the customer has the mail about {order_id}",
        )
    assert "notification/notices-dlq-url" not in laptop.dead_letters()
