"""The page of the cost of an order, made from the counted units and the prices."""

from collections.abc import Iterable

from operations.contracts.markdown import escaped, table
from operations.economics import prices
from operations.economics.costs import Share, costs

INTRODUCTION = """# The cost of an order

`orderctl cost` prints these figures, and `orderctl cost --path happy` one path in detail. All amounts are US dollars for a
million orders in {region}, on demand, without free tiers.

- The units are counted, not estimated: the simulation runs the unmodified handlers without faults, and meters every request.
  `python -m simulation count` writes `operations/economics/units.json`, and a test fails while that file is out of date.
- The prices are in `operations/economics/prices.yaml`, each with its source and its date.
- Durations and the size of logs cannot be counted without AWS. They are the assumptions at the end of this page.

On a quiet stage, each event has an invocation of its own. On a busy stage, events share invocations. Mails are apart, because
they cost the same in each design.

"""
BLOG = """The designs to compare with are priced the same way.

"""
NOT_BUILT = """## What would lower it further?

Two designs are possible and not built. They are compared on the path `happy`, quiet.

- Acknowledge end to end. An order stays due until the event that answers its own has come, and its sweeper publishes
  again until then. No row is cleared, and the index `pending` has no entries. It saves at most the {outbox} USD of the
  outbox.
- A journal of objects. Events are written to S3 in batches, one object for some minutes, and `orderctl trace` fetches
  what the rows' timelines name. It saves at most the {journal} USD of the journal.

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
    besides = sum(row["usd"] for row in found["idle_month"] if row["of"] != "alarms")
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
            NOT_BUILT.format(outbox=_usd(promised["outbox"]), journal=_usd(promised["journal"])),
            "## What does an idle stage cost a month?\n\n",
            table(("Of", "USD"), idle),
            f"\nWithout the alarms, it is {besides:.2f} USD.\n",
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
