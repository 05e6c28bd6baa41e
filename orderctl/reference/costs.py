"""The page of the cost of an order, made from the counted units and the prices."""

from collections.abc import Iterable

from operations import benchmarks
from operations.contracts.markdown import escaped, table
from operations.economics import audits, prices, units
from operations.economics.costs import Costs, Share, costs
from operations.economics.idle import MONTH_SECONDS

INTRODUCTION = """# The cost of an order

`orderctl cost` prints these figures, and `orderctl cost --path happy` one path in detail. All amounts are US dollars for a
million orders in {region}, on demand, without free tiers.

- The units are counted, not estimated: the simulation runs the unmodified handlers without faults, and meters every request.
  `python -m simulation count` writes `operations/economics/units.json`, and a test fails while that file is out of date.
- The prices are in `operations/economics/prices.yaml`, each with its source and its date.
- Durations and the size of logs cannot be counted without AWS. They are the assumptions at the end of this page.

On a quiet stage, each event has an invocation of its own. On a busy stage, events share invocations. The journal's objects are
those of a month: each delivery stream writes one a minute, and a million orders share them
([decision 39](../explanation/decisions/0039-journal-of-objects.md)). Mails are apart, because
they cost the same in each design.

"""
BLOG = """The designs to compare with are priced the same way.

"""
REQUESTS = """## Which requests to DynamoDB are these?

Of the path `happy`, which misses two bars of `make bench`, of the requests and of the reads
([Performance](performance.md#how-much-does-an-order-cost)). No step of the saga reads a row, because the run passes its rows
on ([decision 62](../explanation/decisions/0062-a-run-passes-its-rows-on.md)).

"""
REASONS = {
    "order-api": "reads the prices and the mark of a contact, in one request; writes the order before money moves",
    "order-commands": "writes the decision before the money moves, and the confirmation after it",
    "order-contact": "reads the order, its contact and its titles, in one request: no event has them",
    "order-facts": "reads whether the order is confirmed, before a parcel is made for it",
    "order-relay": "clears the outbox after the bus has taken the events",
    "payment-commands": "writes each intent before the gateway is called, and each answer after it",
    "payment-relay": "clears the outbox",
    "inventory-commands": "writes the hold, and the sale after the decision",
    "inventory-relay": "clears the outbox",
    "notification-subscriber": "reads if the address refused mails; writes the claim before the mail, and its result",
    "notification-relay": "clears the outbox",
    "shipping-subscriber": "writes the shipment",
    "shipping-relay": "clears the outbox",
}
"""The purpose of each function's requests, on the path `happy`."""
NOT_BUILT = """## What would lower it further?

These designs are possible and not built. Each is compared on the path `happy`, quiet, by the units of the table above.

"""
DECISION_40 = "[decision 40](../explanation/decisions/0040-only-what-fails-enters-the-index.md)"
COMMIT_UNITS = 3
"""Write units of a commit that would go: those of the SKU's row, and the second one of the reservation's."""
CHECK_UNITS = 3
"""Write units that a claim costs more in a transaction with a check of another row: both rows, and each twice."""
AUDITS = """## What does the audit cost?

The audit checks an order after its events, and passes over all rows of a stage at a bounded rate ([decision
33](../explanation/decisions/0033-rolling-audit.md)).

- A check reads {reads.of_a_check:g} units. The queue gathers messages for up to five minutes. Lambda polls with {pollers:g}
  pollers, so from {pollers:g} orders a minute on ({month:,.0f} a month), {shared:g} share a batch. An order that is delivered
  without trouble has one check. An unusual change, such as a cancellation or a refund, adds one more.
- A pass reads {reads.of_a_pass:g} units of each order. From some number of orders on, a month of passes costs the same, and a
  pass takes longer.

The benchmark `audit_growth` counts the units: [Performance](performance.md#what-does-the-audit-of-many-orders-take).

"""
OWN_KEY = """
A stage with `encryption_key: own` has a [key of its own](../how-to/deploy.md#encrypt-with-a-key-of-your-own), which costs this
beside:

"""


def page() -> str:
    """Return the page as Markdown."""
    found, known = costs(), prices.load()
    paths = [
        (
            f"`{row['path']}`",
            str(row["calls"]),
            str(row["reads"]),
            _usd(row["quiet_usd"]),
            _usd(row["busy_usd"]),
            row["meaning"],
        )
        for row in found["paths"]
    ]
    designs = [(row["design"], _usd(row["usd"]), row["meaning"]) for row in found["designs"]]
    idle = [(row["of"], f"{row['usd']:.2f}") for row in found["idle_month"]]
    key = [(row["of"], f"{row['usd']:.2f}") for row in found["key_month"]]
    audited = [(row["audit"], f"{row['usd']:.2f}") for row in found["audits"]]
    besides = sum(row["usd"] for row in found["idle_month"])
    alarms = [(row["tier"], str(row["alarms"]), str(row["incidents"]), f"{row['usd']:.2f}") for row in found["alarms"]]
    assumptions = [(f"`{name}`", f"{value:g}") for name, value in vars(known.assumptions).items()]
    listed = {**known.per_million, **known.apart}
    happy = units.counted()["happy"]
    requests = [(f"`{by}`", str(reads), str(writes), REASONS[by]) for by, (reads, writes) in happy.requests.items()]
    return "".join(
        (
            INTRODUCTION.format(region=known.region),
            "## What does an order cost?\n\n",
            table(("Path", "DynamoDB calls", "Reads", "Quiet", "Busy", "What happens"), paths),
            f"\n{BLOG}",
            table(("Design", "USD", "What it does"), designs),
            "\n## Which promise does each unit buy?\n\nOf the path `happy`:\n\n",
            _shares("Promise", found["promises"]["happy"]),
            "\n## Which part of AWS bills it?\n\nOf the path `happy`:\n\n",
            _shares("Part", found["parts"]["happy"]),
            "\n",
            REQUESTS,
            table(("Function", "Reads", "Writes", "It"), requests),
            "\n",
            NOT_BUILT,
            table(("Design", "Saves at most", "Why not"), _not_built(found, known)),
            "\n",
            AUDITS.format(
                reads=audits.counted(benchmarks.read()),
                pollers=known.assumptions.pollers,
                shared=known.busy["orders"],
                month=known.assumptions.pollers * MONTH_SECONDS / 60,
            ),
            table(("Of a million orders", "USD"), audited),
            "\n## What does an idle stage cost a month?\n\n",
            table(("Of", "USD"), idle),
            f"\nTogether, it is {besides:.2f} USD. The [alarms](alarms.md) cost this beside:\n\n",
            table(("Tier", "Alarms", "Composite alarms", "USD a month"), alarms),
            OWN_KEY,
            table(("Of", "USD a month"), key),
            f"\nThe [business metrics](metrics.md) cost up to {found['metrics_month']:.2f} USD a month beside, ",
            f"and the ages of the secrets up to {found['secret_ages_month']:.2f} USD.\n",
            "\nThe [dashboards](dashboards.md) of a stage that keeps its data cost ",
            f"{found['dashboards_month']:.2f} USD a month. An account has three of up to 50 metrics free.\n",
            "\n## Which prices and assumptions are these?\n\n",
            table(("Unit", "USD a million", "Source", "Date"), _prices(listed)),
            "\n",
            table(("Assumption", "Value"), assumptions),
        )
    )


def _not_built(found: Costs, known: prices.Prices) -> Iterable[tuple[str, str, str]]:
    """Yield what each design saves, on the path `happy`."""
    write = known.per_million["dynamodb.write"].usd
    outbox = next(share["usd"] for share in found["promises"]["happy"] if share["name"] == "outbox")
    for design, saved, why in (
        (
            "acknowledge end to end: an order stays due until its events are answered, and no row is cleared",
            outbox,
            f"most events have no consumer that answers ({DECISION_40})",
        ),
        (
            "commit a reservation without its SKU's row: a sweep moves the units from held to sold",
            COMMIT_UNITS * write,
            "the counters would be wrong until then (S3 stock_counters_match_reservations)",
        ),
        (
            "claim a mail on condition that its address refused none, in one transaction: a read less",
            known.per_million["dynamodb.read"].usd - CHECK_UNITS * write,
            "the transaction costs more than the read",
        ),
    ):
        yield design, f"{_usd(saved)} USD", why


def _shares(head: str, shares: Iterable[Share]) -> str:
    rows = [
        (share["name"], _usd(share["usd"]), f"{share['percent']:g} %", escaped(share["units"]), share["meaning"])
        for share in shares
    ]
    return table((head, "USD", "Share", "Units of one order", "Meaning"), rows)


def _prices(listed: dict[str, prices.Price]) -> Iterable[tuple[str, str, str, str]]:
    return (
        (f"`{unit}`", f"{price.usd:g}", f"[{price.part}]({price.source})", f"{price.date}") for unit, price in listed.items()
    )


def _usd(amount: float) -> str:
    return f"{amount:.1f}"
