"""The page of the objectives of the service, made from the module that their alarms are made of."""

from typing import Final

from cdk.objectives import BURNS, DAYS, OBJECTIVES, RUNBOOK, Objective, expression, threshold
from operations.contracts.markdown import table

INTRODUCTION: Final = """# Objectives

Each objective (SLO) is a promise that a share of the orders must keep in {days} days. The rest is its error budget. An alarm
rings if the budget burns too fast over a long window and over a short one. The long window is silent for a blip, and the short
one ends the alarm soon after the fault. All alarms lead to the runbook
[An error budget burns](../how-to/runbooks/{runbook}.md).

The alarms are in the tier `full` of the setting `alarms`. The tier `essential` has alarms for the same faults, without a share:
`OrdersNotEnded`, `OrdersNotShipped`, and the age of each queue ([Alarms](alarms.md)). CloudWatch bills each metric of a window,
and each window is an alarm: an objective costs as much as {fewest} to {most} alarms and a composite one.

An order without an answer, a parcel or a mail has no time to measure. In a full outage the times are silent, so each objective
also counts what still counts then: the orders that the audit finds waiting for too long, and the failures of the API.
An order may count twice, as waiting and later as late. In an outage the share is 1 in any case.

"""
WINDOWS: Final = """## When does an alarm ring?

{table}
A rate of 1 uses the budget up in {days} days. The long window also needs so many late orders, because one order is a large
share of a quiet night. Windows and rates are those of
[Google's workbook](https://sre.google/workbook/alerting-on-slos/).
"""


def page() -> str:
    """Return the page as Markdown."""
    windows = sum(len(burn.windows) for burn in BURNS)
    watched = [windows * len(objective.series) for objective in OBJECTIVES]
    parts = [INTRODUCTION.format(days=DAYS, runbook=RUNBOOK, fewest=min(watched), most=max(watched))]
    rows = [
        (
            burn.name.lower(),
            f"{burn.rate:g}",
            f"{burn.long_minutes} minutes",
            f"{burn.short_minutes} minutes",
            str(burn.least),
            burn.reason,
        )
        for burn in BURNS
    ]
    head = ("Burn", "Rate", "Long window", "Short window", "Least late orders", "Reason")
    parts.append(WINDOWS.format(table=table(head, rows), days=DAYS))
    parts += [_section(objective) for objective in OBJECTIVES]
    return "\n".join(parts)


def _section(objective: Objective) -> str:
    """Return an objective with its reason, its metrics and the expression of its alarms."""
    series = [(f"`{key}`", f"`{s.metric}`", s.service, f"`{s.statistic}`") for key, s in objective.series.items()]
    shares = ", ".join(f"{100 * threshold(objective, burn):.2g} % ({burn.name.lower()})" for burn in BURNS)
    return "\n".join(
        (
            f"## {objective.name}: {objective.percent:g} %\n",
            f"{objective.promise[0].upper()}{objective.promise[1:]}.\n",
            f"{objective.reason}\n",
            table(("Id", "Metric", "Service", "Statistic"), series),
            f"An alarm rings above {shares}. The expression of the fast burn's long window is:\n",
            f"```text\n{expression(objective, BURNS[0].least)}\n```\n",
        )
    )
