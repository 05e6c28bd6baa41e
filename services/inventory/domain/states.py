"""The transition tables of the reservation, the replenishment, and the alert level of a watched SKU.

Each step of a reservation or a replenishment is one transaction over its row and its SKUs.
"""

from kernel.naming import source_of
from kernel.transitions import ABSENT, TransitionTable, step

WAITING, HELD, COMMITTED, RELEASED, RESTOCKED = "WAITING", "HELD", "COMMITTED", "RELEASED", "RESTOCKED"
REPLENISHED = "REPLENISHED"
ENOUGH, LOW = "ENOUGH", "LOW"

TRANSITIONS = TransitionTable(
    aggregate="RES",
    source=source_of("inventory"),
    transitions=(
        step(
            "reserve",
            ABSENT,
            HELD,
            publishes="StockReserved",
            guard="every SKU has enough beside its queue; or the order allows a part, and the lines are the available part",
        ),
        step("reject", ABSENT, RELEASED, publishes="StockRejected", guard="some SKU has too little beside its queue"),
        step(
            "wait",
            ABSENT,
            WAITING,
            publishes="StockBackordered",
            guard="some SKU has too little beside its queue, and the order is a back-order",
        ),
        step(
            "allocate",
            WAITING,
            HELD,
            publishes="StockAllocated",
            guard="every SKU has enough beside the earlier orders of its queue",
        ),
        step("withdraw", WAITING, RELEASED),
        step("commit", HELD, COMMITTED, publishes="StockCommitted"),
        step("release", HELD, RELEASED, publishes="StockReleased"),
        step("tombstone", ABSENT, RELEASED, guard="a release before its reserve: the late reserve is refused"),
        step(
            "restock",
            COMMITTED,
            RESTOCKED,
            publishes="StockReleased",
            guard="the order is CANCELLING, or its facts say that it was cancelled after its confirmation",
            repeatable=True,
        ),
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
        step("watch", (ABSENT, ENOUGH, LOW), ENOUGH, guard="an operator sets the threshold; a low SKU is reported again"),
        step("run_low", ENOUGH, LOW, publishes="StockRunningLow", guard="less than the threshold is available"),
        step("recover", LOW, ENOUGH, guard="the threshold is available again"),
    ),
    terminal=frozenset({ENOUGH, LOW}),
)
