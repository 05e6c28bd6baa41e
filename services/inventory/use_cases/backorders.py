"""Orders that wait for stock: who came first is served first, as soon as there is all that it waits for."""

from kernel.aggregate_store import Causation
from services.inventory.domain import decisions, states
from services.inventory.domain.stock import AVAILABLE
from services.inventory.storage import table


def serve(sku: str) -> int:
    """Let each order that waits for the SKU have its goods if all of them are there; how many got theirs.

    Stock stays reserved for a waiting order even while another of its SKUs is missing.
    """
    stock = table.skus().get(sku)
    if stock is None:
        return 0
    left, served = stock[AVAILABLE], 0
    for waiting in stock["waiting"]:
        left -= waiting["quantity"]
        if left < 0:
            break
        served += _allocate(waiting["order_id"])
    return served


def _allocate(order_id: str) -> bool:
    waiting = table.reservations().get(order_id)
    if waiting is None or waiting["status"] != states.WAITING:
        return False
    cause = Causation(waiting["correlation_id"], f"{waiting['pk']}#{waiting['version']}")
    after = table.reservations().move(order_id, decisions.allocate, cause)
    return bool(after["status"] == states.HELD)
