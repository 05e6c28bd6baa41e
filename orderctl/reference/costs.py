"""The page of the cost of an order, made from the counted units and the prices."""

from collections.abc import Iterable

from operations import benchmarks
from operations.contracts.markdown import escaped, table
from operations.economics import audits, prices
from operations.economics.costs import Share, costs
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
NOT_BUILT = """## What would lower it further?

One design is possible and not built. It is compared on the path `happy`, quiet.

- Acknowledge end to end. An order stays due until the event that answers its own has come, and its sweeper publishes
  again until then. No row is cleared. It saves at most the {outbox} USD of the outbox, and ADR 40 says why it was not
  chosen.

"""
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
    audited = [(row["audit"], f"{row['usd']:.2f}") for row in found["audits"]]
    besides = sum(row["usd"] for row in found["idle_month"])
    alarms = [(row["tier"], str(row["alarms"]), str(row["incidents"]), f"{row['usd']:.2f}") for row in found["alarms"]]
    promised = {share["name"]: share["usd"] for share in found["promises"]["happy"]}
    assumptions = [(f"`{name}`", f"{value:g}") for name, value in vars(known.assumptions).items()]
    listed = {**known.per_million, **known.apart}
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
            NOT_BUILT.format(outbox=_usd(promised["outbox"])),
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
            "\n## Which prices and assumptions are these?\n\n",
            table(("Unit", "USD a million", "Source", "Date"), _prices(listed)),
            "\n",
            table(("Assumption", "Value"), assumptions),
        )
    )


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
