"""The durable facts and messages in a model of orders, besides its executions, as plain tuples."""

from typing import Any, NamedTuple

from kernel.transitions import ABSENT
from simulation.modelcheck.rules import STEPS, Rules

Words = frozenset[str]
NONE: Words = frozenset()


class Gateway(NamedTuple):
    """The gateway's memory of one order: its answer by idempotency key (empty: never asked), and the money itself.

    `captures` counts, `taken` is how much: the price of so many units.
    """

    authorize: str = ""
    capture: str = ""
    void: str = ""
    holds: int = 0
    captures: int = 0
    taken: int = 0


class OrderFacts(NamedTuple):
    """One order: the status of its rows, the gateway's memory, and what the network and the history hold.

    `requests` are commands that were sent and `calls` those sent to the gateway: once sent, each may be carried out at any
    later instant, any number of times, or never. That is what lost, late and duplicated mean, and what a zombie does. `taken`
    are the transitions this order has gone through; one taken twice leaves its name with a `!`. `answers` are those to
    clients: confirmed, rejected, misled (an answer about another order). `leased`: a sweeper has the order; `overdue`: its
    deadline is past. `trying`: the row names a try that began after the deadline; `in_vain`: this try got no answer, or goods
    are still missing. `outbox` are the events that wait in the rows, `bus` those that the bus accepted: it may deliver them at
    any later instant, any number of times. The order `wants` so many units, and does as `if_short` says; `got` are those that
    its reservation is for, `agreed` those that the order is for, at the price of one each. `ahead`: a sweeper has read the
    queue, and so many units were waited for before this order.
    """

    order: str = ABSENT
    payment: str = ABSENT
    reservation: str = ABSENT
    gateway: Gateway = Gateway()
    requests: Words = NONE
    calls: Words = NONE
    taken: Words = NONE
    answers: Words = NONE
    leased: bool = False
    overdue: bool = False
    trying: bool = False
    in_vain: bool = False
    outbox: Words = NONE
    bus: Words = NONE
    shipment: str = ABSENT
    if_short: str = "REJECT"
    wants: int = 1
    got: int = 0
    agreed: int = 1
    ahead: int | None = None

    def alone(self) -> "OrderFacts":
        """Return the order when every other actor is dead and nothing more arrives."""
        return self._replace(requests=NONE, calls=NONE, answers=NONE)

    def ask(self, *commands: str) -> "OrderFacts":
        """Put the commands on the network."""
        return self._replace(requests=self.requests.union(commands))

    def call(self, operation: str) -> "OrderFacts":
        """Send the operation to the gateway."""
        return self._replace(calls=self.calls | {operation})

    def answer(self, *what: str) -> "OrderFacts":
        """Answer a client."""
        return self._replace(answers=self.answers.union(what))


class Facts(NamedTuple):
    """All orders and the one SKU they want units of: how many came in, and where they are.

    `queue` holds the waiting orders as (position, units), first come first. `overtaken`: a later order got goods before an
    earlier one.
    """

    orders: tuple[OrderFacts, ...]
    units: int
    available: int
    held: int = 0
    sold: int = 0
    replenishment: str = ABSENT
    queue: tuple[tuple[int, int], ...] = ()
    overtaken: bool = False

    @property
    def free(self) -> int:
        """The units that a new order can have."""
        return max(0, self.available - sum(units for _, units in self.queue))

    def of(self, position: int, order: OrderFacts) -> "Facts":
        """Return the same facts with one order changed."""
        return self._replace(orders=(*self.orders[:position], order, *self.orders[position + 1 :]))


FIELDS = {"ORDER": "order", "PAY": "payment", "RES": "reservation", "SHIP": "shipment"}


def take(rules: Rules, facts: OrderFacts, name: str) -> OrderFacts:
    """Move the row of the transition `name` to its target, with its event in the outbox by the same write."""
    step = STEPS[name]
    row: dict[str, Any] = {FIELDS[name.partition(".")[0]]: step.target}
    after = facts._replace(taken=entered(facts.taken, name), **row)
    if step.publishes not in rules.follows:
        return after
    if not rules.has("outbox") or (name == "ORDER.create" and not rules.has("first event in the row")):
        return after.ask(f"put {step.publishes}")
    return after._replace(outbox=after.outbox | {step.publishes})


def entered(taken: Words, name: str) -> Words:
    """Return the history with the transition in it, marked if it was there already."""
    return taken | {f"{name}!" if name in taken else name}
