"""The cost of orders, as `orderctl cost` and its page show it: by path, part and promise, of audits, and of an idle stage."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, TypedDict

from cdk.dashboards import DASHBOARDS
from operations import benchmarks
from operations.alarms import inventory
from operations.economics import audits, bill, deployed, encryption, idle, metrics, prices, units
from operations.economics.bill import MILLION, PROMISES, Charge
from operations.economics.deployed import Deployed
from operations.economics.prices import Prices
from operations.errors import WrongUsageError

CENTS: Final = 2
ROLLBACK: Final = "rollback"


class PathCost(TypedDict):
    """A path's requests to DynamoDB for one order, and the US dollars of all orders; `apart` are the mails."""

    path: str
    meaning: str
    status: str
    calls: int
    reads: int
    quiet_usd: float
    busy_usd: float
    apart_usd: float


class DesignCost(TypedDict):
    """The US dollars of all orders in another design."""

    design: str
    meaning: str
    usd: float


class Share(TypedDict):
    """A part of the bill: its name and meaning, the US dollars of all orders, the percentage, and the units of one order."""

    name: str
    meaning: str
    usd: float
    percent: float
    units: str


class AlarmsCost(TypedDict):
    """The US dollars a month of the alarms of one tier, and of the composite alarms that join them, `incidents`.

    `rollback` is no tier: a stage that shifts traffic has these alarms, of each function and of the saga, beside its tier's.
    """

    tier: str
    alarms: int
    incidents: int
    usd: float


class IdleCost(TypedDict):
    """The US dollars a month of what a stage pays without an order."""

    of: str
    usd: float


class AuditCost(TypedDict):
    """The US dollars of an audit of all orders: for one check of each, or for a month of passes over them."""

    audit: str
    usd: float


class Costs(TypedDict):
    """All costs of so many orders."""

    region: str
    orders: int
    paths: list[PathCost]
    designs: list[DesignCost]
    promises: dict[str, list[Share]]
    parts: dict[str, list[Share]]
    audits: list[AuditCost]
    idle_month: list[IdleCost]
    key_month: list[IdleCost]
    """Of a stage with a key of its own."""
    alarms: list[AlarmsCost]
    metrics_month: float
    """The US dollars of a month with each business metric in each hour."""
    secret_ages_month: float
    """The US dollars of a month in which each secret is read in each hour."""
    dashboards_month: float
    """The US dollars a month of the dashboards of a stage that keeps its data, without the three that are free."""


def costs(orders: int = MILLION, path: str | None = None) -> Costs:
    """Return the costs of so many orders on each path, or on one. Raises WrongUsageError for a path that is not counted."""
    known, facts, counted = prices.load(), deployed.load(), units.counted()
    if path is not None and path not in counted:
        raise WrongUsageError(f"There is no path {path!r}.", f"Choose one of: {', '.join(counted)}.")
    chosen = [found for name, found in counted.items() if path in (None, name)]
    bills = {found.name: bill.charges(found, known, facts) for found in chosen}
    share = orders / MILLION
    return {
        "region": known.region,
        "orders": orders,
        "paths": [
            {
                "path": found.name,
                "meaning": found.meaning,
                "status": found.status,
                "calls": found.reads + found.writes,
                "reads": found.reads,
                "quiet_usd": _rounded(share * bill.total(bills[found.name])),
                "busy_usd": _rounded(share * bill.total(bill.charges(found, known, facts, busy=True))),
                "apart_usd": _rounded(share * bill.total(bill.charges_apart(found, known))),
            }
            for found in chosen
        ],
        "designs": [
            {"design": name, "meaning": design.meaning, "usd": _rounded(share * bill.cost_of(design, known))}
            for name, design in known.designs.items()
        ],
        "promises": {
            name: _shares(found, share, lambda charge: charge.promise, PROMISES.__getitem__) for name, found in bills.items()
        },
        "parts": {name: _shares(found, share, lambda charge: charge.part, lambda part: "") for name, found in bills.items()},
        "audits": _audits(orders, known, facts),
        "idle_month": [{"of": of, "usd": _rounded(usd)} for of, usd in idle.idle_cost(known, facts).items()],
        "key_month": [{"of": of, "usd": _rounded(usd)} for of, usd in encryption.key_cost(known).items()],
        "alarms": [*_alarms(known), _rollback_alarms(known, facts)],
        "metrics_month": _rounded(metrics.month_usd(known)),
        "secret_ages_month": _rounded(metrics.ages_month_usd(known)),
        "dashboards_month": _rounded(len(DASHBOARDS) * known.per_month["dashboard"].usd),
    }


def _alarms(known: Prices) -> list[AlarmsCost]:
    return [
        {
            "tier": tier,
            "alarms": len(inventory.of_tier(tier)),
            "incidents": inventory.load()["incidents"] if tier == inventory.FULL else 0,
            "usd": _rounded(inventory.month_usd(tier, known)),
        }
        for tier in (inventory.ESSENTIAL, inventory.FULL)
    ]


def _rollback_alarms(known: Prices, facts: Deployed) -> AlarmsCost:
    alarms = len(facts.memory_mb) + 1
    return {"tier": ROLLBACK, "alarms": alarms, "incidents": 0, "usd": _rounded(alarms * known.per_month["alarm"].usd)}


def _audits(orders: int, known: Prices, facts: Deployed) -> list[AuditCost]:
    reads, shared = audits.counted(benchmarks.read()), known.busy["orders"]
    check = partial(audits.checks_cost, orders, reads, known, facts)
    found = {
        "one check of each order, alone in its batch": check(of_a_batch=1),
        f"one check of each order, {shared:g} in a batch": check(of_a_batch=shared),
        "a month of passes over these orders": audits.passes_cost(orders, reads, known, facts),
    }
    return [{"audit": name, "usd": _rounded(usd)} for name, usd in found.items()]


def _shares(found: list[Charge], share: float, key: Callable[[Charge], str], meaning: Callable[[str], str]) -> list[Share]:
    whole = bill.total(found)
    return [
        {
            "name": name,
            "meaning": meaning(name),
            "usd": _rounded(share * usd),
            "percent": round(100 * usd / whole, 1),
            "units": _units(charge for charge in found if key(charge) == name),
        }
        for name, usd in bill.summed(found, key).items()
    ]


def _units(found: Iterable[Charge]) -> str:
    """Return `37 dynamodb.write, 7 lambda.invocation`: the units of one order, the dearest first."""
    charges = list(found)
    quantities: dict[str, float] = {}
    for charge in charges:
        quantities[charge.unit] = quantities.get(charge.unit, 0) + charge.quantity
    dearest = bill.summed(charges, lambda charge: charge.unit)
    return ", ".join(f"{quantities[unit]:g} {unit}" for unit in dearest)


def _rounded(usd: float) -> float:
    return round(usd, CENTS)
