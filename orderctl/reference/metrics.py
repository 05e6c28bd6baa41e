"""The page of the business metrics, made from the code that emits them."""

from typing import Final

from kernel.measures import Metric
from kernel.naming import SERVICES
from operations.contracts.markdown import table
from operations.economics import metrics, prices

INTRODUCTION: Final = """# Metrics

These are the business metrics, in CloudWatch's namespace `Orderflow/<stage>`. Each has the dimension `service`, and some have
one more. The counts that have an alarm are in [Alarms](alarms.md), and AWS's own metrics of each resource are beside them.

## How exact are they?

A function emits a measure just after the write that makes the fact, in the embedded metric format, by its log. The write has
a condition. A retry, a redelivery and a replay find it done and emit nothing, so no measure is emitted twice. A measure is lost
if the function crashes between the write and the log, or if the answer to the write is lost. The tables have the truth.
`python -m simulation measures` compares both after simulated orders. They are equal without faults, and with faults that
neither crash a function after its write nor lose the answer to the write. With these too, no metric is above its table, and no
more facts lack a measure than faults of these kinds struck. `EventsReplayed` is emitted after a batch, so any crash in the
batch loses it.

The audit emits two metrics at the end of each pass. A sweeper measures `OutboxLag`, so it has no value while the relays publish
in time. `IteratorAge` of a relay shows its lag before that.

## What do they cost?

CloudWatch bills a metric for the hours in which it is emitted, at {each:.2f} USD a month. Each value of a dimension is one
metric. A stage without orders emits only `{always}`. A month with every metric in every hour costs {most:.2f} USD, which
`orderctl cost` prints. The lines of the log are in the cost of an order.

"""
OF_THE_STAGE: Final = """
## the stage

This one is about operations, and has no dimension `service`. Each function emits it for each secret that it reads, once a day
at most, so it needs no call of its own. With Stripe and EasyPost, it costs up to {most:.2f} USD a month. The setting
`secret_age_days` puts an [alarm](alarms.md) on it.

"""
HEAD: Final = ("Metric", "Unit", "Dimension", "Meaning", "USD a month, at most")


def page() -> str:
    """Return the page as Markdown."""
    known = prices.load()
    each = known.per_month["metric"].usd
    parts = [INTRODUCTION.format(each=each, always=", ".join(metrics.ALWAYS), most=metrics.month_usd(known))]
    parts += [
        f"## {service}\n\n{table(HEAD, [_row(m, each) for m in found])}\n" for service, found in metrics.CATALOGUE.items()
    ]
    parts.append(f"## each of the services {', '.join(SERVICES)}\n\n")
    parts.append(table(HEAD, [_row(metric, each) for metric in metrics.OF_EACH_SERVICE]))
    parts.append(OF_THE_STAGE.format(most=metrics.ages_month_usd(known)))
    parts.append(table(HEAD, [_row(metric, each) for metric in metrics.OF_THE_STAGE]))
    return "".join(parts)


def _row(metric: Metric, each: float) -> tuple[str, ...]:
    values = ": ".join(
        filter(None, (metric.dimension and f"`{metric.dimension}`", ", ".join(f"`{value}`" for value in metric.of)))
    )
    return f"`{metric.name}`", metric.unit, values, metric.meaning, f"{metric.series * each:.2f}"
