"""The transition tables of the reservation and of the replenishment, each of whose steps is one transaction over the row and
its SKUs; and of the level of a SKU that is watched."""

from services.kernel.names import source_of
from services.kernel.transitions import ABSENT, TransitionTable, step

HELD, COMMITTED, RELEASED, RESTOCKED = "HELD", "COMMITTED", "RELEASED", "RESTOCKED"
REPLENISHED = "REPLENISHED"
ENOUGH, LOW = "ENOUGH", "LOW"

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

LEVELS = TransitionTable(
    aggregate="LEVEL",
    source=source_of("inventory"),
    transitions=(
        step("watch", (ABSENT, ENOUGH, LOW), ENOUGH, guard="an operator sets the threshold; what is low then is told anew"),
        step("run_low", ENOUGH, LOW, publishes="StockRunningLow", guard="less is available than the threshold"),
        step("recover", LOW, ENOUGH, guard="the threshold is available again"),
    ),
    terminal=frozenset({ENOUGH, LOW}),
)
