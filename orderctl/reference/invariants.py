"""The page of the invariants, made from `audit.catalogue`."""

from audit.catalogue import CATALOGUE, CHECKERS
from operations.contracts.markdown import table

INTRODUCTION = """# The invariants

An invariant is a statement that must hold on every stage. Three programs check them:

- the [model checker](../explanation/model-checking.md), on every state of a bounded system
- the simulation (`make simulate`), after every write, after every response and at rest
- the audit (`orderctl audit`), on the rows of a stage; the audit stack runs it on a schedule

"At rest" means that no work is left to do. The scheduled audit does not wait for rest. It checks the invariants that hold at
rest on everything that has waited longer than it should: [Reliability](../explanation/reliability.md) has the limits. It
checks M5 net_captured_equals_confirmed_totals over the orders that are CONFIRMED or CANCELLED and do not move meanwhile.

A report names an invariant by its name with its code behind it: `cancelled_order_keeps_no_money (M4)`. The code is a
letter and a digit:

- M: money
- S, F: stock, and the queue for it
- D, O, T, X: the decisions about an order
- E: events, and what follows from them
- I, C: requests and responses
- V, R: progress and replay
- P, A, B: personal data, bad messages, bugs
- W: the form of the rows

"""
STARRED = """
The model checker also has stricter versions of four invariants, marked with a star:

- `order_takes_one_way` (D1\\*), `one_version_and_one_event_per_transition` (D2\\*) and `order_is_placed_first` (O1\\*): no row
  ends twice, and no row takes a transition twice.
- `cancelled_order_keeps_no_money` (M4\\*): the payment of a CANCELLED order is VOIDED, DECLINED or REFUNDED.
"""


def page() -> str:
    """Return the page as Markdown."""
    head = ("Code", "Name", "Holds if", *(checker.capitalize() for checker in CHECKERS))
    rows = [
        (
            invariant.code,
            f"`{invariant.name}`",
            invariant.holds,
            *("yes" if c in invariant.checked_by else "" for c in CHECKERS),
        )
        for invariant in CATALOGUE
    ]
    return INTRODUCTION + table(head, rows) + STARRED
