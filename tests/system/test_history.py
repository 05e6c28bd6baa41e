"""The history of an order on the laptop's AWS: acts on the page, on the command line and at the API, with actor and reason."""

import json
from urllib.request import Request, urlopen

from tests.support.orderctl_run import orderctl
from tests.support.polling import eventually
from tests.support.served_console import TOKEN, served
from tests.system.conftest import Laptop
from tests.system.test_if_short import place, sku  # noqa: F401 - a fixture

Entries = list[tuple[str, str]]


def acts(laptop: Laptop, order_id: str) -> Entries:
    """Return each act that the history of an order has, with its reason. Each has an actor."""
    found = json.loads(orderctl(laptop.target, "history", order_id, "-o", "json"))
    assert [entry for entry in found if entry["by"] in ("", "None")] == []
    return [(entry["what"], entry["why"]) for entry in found if entry["what"].startswith(("orders resume", "POST"))]


def test_history_has_the_acts_of_the_page_the_command_line_and_the_api(laptop: Laptop, sku: str) -> None:  # noqa: F811
    order_id = place(laptop, sku, 5, "BACK_ORDER").json()["order_id"]
    eventually(lambda: (laptop.row("order", f"ORDER#{order_id}") or {}).get("status") == "BACKORDERED", 120, "it waits")
    with served(laptop.target) as address:
        body = json.dumps({"reason": "goods are here"}).encode()
        asked = Request(f"{address}/api/orders/{order_id}/resume", body, headers={"X-Orderflow-Token": TOKEN})
        with urlopen(asked, timeout=60) as answer:
            assert answer.status == 200
    orderctl(laptop.target, "orders", "resume", order_id, "--reason", "once more")
    orderctl(laptop.target, "orders", "cancel", order_id, "--reason", "CUSTOMER")

    def are_there() -> bool:
        return len(acts(laptop, order_id)) >= 3

    eventually(are_there, 120, "the acts are in the logs")
    *resumed, cancelled = acts(laptop, order_id)
    assert resumed == [("orders resume", "goods are here"), ("orders resume", "once more")]
    assert cancelled[1] == "CUSTOMER"
