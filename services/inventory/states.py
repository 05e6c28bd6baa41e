"""The transition tables of the reservation and of the replenishment. Each step is one transaction over the row and its SKUs."""

from services.kernel.names import source_of
from services.kernel.transitions import ABSENT, TransitionTable, step

HELD, COMMITTED, RELEASED, RESTOCKED = "HELD", "COMMITTED", "RELEASED", "RESTOCKED"
REPLENISHED = "REPLENISHED"

TRANSITIONS = TransitionTable(
    aggregate="RES",
    source=source_of("inventory"),
    transitions=(
        step("reserve", ABSENT, HELD, publishes="StockReserved", guard="every SKU has enough available"),
        step("reject", ABSENT, RELEASED, publishes="StockRejected", guard="some SKU has too little available"),
        step("commit", HELD, COMMITTED, publishes="StockCommitted"),
        step("release", HELD, RELEASED, publishes="StockReleased"),
        step("tombstone", ABSENT, RELEASED, guard="a release before its reserve: the late reserve is refused"),
        step("restock", COMMITTED, RESTOCKED, publishes="StockReleased", guard="the order is CANCELLING or REFUNDING"),
    ),
    terminal=frozenset({COMMITTED, RELEASED, RESTOCKED}),
)

REPLENISHMENTS = TransitionTable(
    aggregate="REPL",
    source=source_of("inventory"),
    transitions=(step("replenish", ABSENT, REPLENISHED, publishes="StockReplenished"),),
    terminal=frozenset({REPLENISHED}),
)
