"""The bill of a million orders on a path: each counted unit, priced, for the promise that it is spent for."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from operations.economics.deployed import Deployed
from operations.economics.prices import Design, Prices
from operations.economics.units import PathUnits, Spent

MILLION: Final = 1_000_000
MEGABYTES_IN_A_GIGABYTE: Final = 1024
QUIET_LEVEL: Final = "WARN"
"""The level at which Lambda logs no line of its own about an invocation that succeeds."""
PROMISES: Final = {
    "answer": "the customer has the answer while waiting",
    "decision": "an order is decided once, by one orchestrated run",
    "record": "each step of an order, payment, reservation, parcel and mail is written once, under a condition",
    "outbox": "an event is published if and only if its change is written",
    "choreography": "a service acts on the events of the others, and the archive replays them",
    "versions": "a consumer may stay at an older version of an event",
    "consumption": "a consumer acts once on an event that comes twice, late or spoiled",
    "evidence": "an event moves money or goods only if the owner of the fact states it",
    "privacy": "one function reads contacts, and no event carries one",
    "recovery": "an order ends though every process that worked on it died",
    "listing": "a customer's orders are listed, the newest first",
    "journal": "an operator traces an order and plans a replay",
    "diagnosis": "an operator reads why an invocation failed",
    "mails": "the customer has a mail",
}
"""The promises by name, as the simulation's meter names them."""


@dataclass(frozen=True)
class Charge:
    """A line of the bill. `usd` is for a million orders."""

    by: str
    unit: str
    part: str
    promise: str
    quantity: float
    usd: float


def charges(path: PathUnits, prices: Prices, deployed: Deployed, *, busy: bool = False) -> list[Charge]:
    """Return the bill of a million orders. With `busy`, items share invocations and batches as they do under load."""
    return [
        Charge(line.by, line.unit, price.part, line.promise, line.quantity, line.quantity * price.usd)
        for line in _billed(path, prices, deployed, busy)
        if (price := prices.per_million.get(line.unit)) is not None
    ]


def charges_apart(path: PathUnits, prices: Prices) -> list[Charge]:
    """Return the charges that do not depend on the design: mails."""
    return [
        Charge(line.by, line.unit, price.part, line.promise, line.quantity, line.quantity * price.usd)
        for line in path.lines
        if (price := prices.apart.get(line.unit)) is not None
    ]


def total(found: Iterable[Charge]) -> float:
    """Return the sum in US dollars."""
    return sum(charge.usd for charge in found)


def summed(found: Iterable[Charge], key: Callable[[Charge], str]) -> dict[str, float]:
    """Return the sums in US dollars by a key, the largest first."""
    sums: Counter[str] = Counter()
    for charge in found:
        sums[key(charge)] += charge.usd  # type: ignore[assignment]
    return dict(sorted(sums.items(), key=lambda entry: -entry[1]))


def cost_of(design: Design, prices: Prices) -> float:
    """Return the cost of a million orders in another design, by the same prices and assumptions."""
    path = PathUnits("", "", "", 0, 0, {}, {}, [Spent("", unit, "", "", quantity) for unit, quantity in design.units.items()])
    level = "INFO" if design.system_logs else QUIET_LEVEL
    deployed = Deployed(0, 0, {}, {"": prices.assumptions.memory_mb}, {"": level})
    return total(charges(path, prices, deployed))


def _billed(path: PathUnits, prices: Prices, deployed: Deployed, busy: bool) -> Iterator[Spent]:
    """Yield the counted units, and those that follow from them: the time of functions and runs, and logs."""
    known = prices.assumptions
    for line in path.lines:
        shared = prices.busy.get(line.module, 1) if busy and line.unit in ("lambda.invocation", "sqs.batch") else 1
        quantity = line.quantity / shared
        yield _also(line, line.unit, quantity)
        match line.unit:
            case "lambda.invocation":
                yield _also(line, "lambda.gb_second", quantity * known.invocation_seconds * _gigabytes(line, deployed))
                if deployed.system_logs[line.by] != QUIET_LEVEL:
                    yield Spent(line.by, "logs.kb", line.where, "diagnosis", quantity * known.system_log_kb)
            case "lambda.wait":
                yield _also(line, "lambda.gb_second", quantity * known.saga_seconds * _gigabytes(line, deployed))
            case "states.run":
                yield _also(line, "states.gb_second", quantity * known.saga_seconds * known.saga_gb)


def _also(line: Spent, unit: str, quantity: float) -> Spent:
    return Spent(line.by, unit, line.where, line.promise, quantity)


def _gigabytes(line: Spent, deployed: Deployed) -> float:
    return deployed.memory_mb[line.by] / MEGABYTES_IN_A_GIGABYTE
