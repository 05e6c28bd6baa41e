"""The transition tables of the reservation and of the replenishment, each of whose steps is one transaction over the row and
its SKUs; and of the level of a SKU that is watched."""

from services.kernel.names import source_of
from services.kernel.transitions import ABSENT, TransitionTable, step

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
            guard="every SKU has enough that nobody waits for; or the order allows a part, and this is what there is",
        ),
        step("reject", ABSENT, RELEASED, publishes="StockRejected", guard="some SKU has too little that nobody waits for"),
        step("wait", ABSENT, WAITING, publishes="StockBackordered", guard="the same, and the order is a back-order"),
        step(
            "allocate",
            WAITING,
            HELD,
            publishes="StockAllocated",
            guard="every SKU has enough beside what those wait for who came before",
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
            guard="the order is CANCELLING, or says that it is cancelled after its confirmation",
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
        step("watch", (ABSENT, ENOUGH, LOW), ENOUGH, guard="an operator sets the threshold; what is low then is told anew"),
        step("run_low", ENOUGH, LOW, publishes="StockRunningLow", guard="less is available than the threshold"),
        step("recover", LOW, ENOUGH, guard="the threshold is available again"),
    ),
    terminal=frozenset({ENOUGH, LOW}),
)
