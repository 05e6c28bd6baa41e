"""The objectives of the service (SLOs): what share of the orders must go well, how that is measured, and why.

An alarm rings when the error budget burns too fast over two windows. The long one is silent for a blip, and the short one ends
the alarm soon after the fault. The windows and rates are those of https://sre.google/workbook/alerting-on-slos/,
chapter 5, "Multiwindow, Multi-Burn-Rate Alerts".

An order that has no answer, parcel or mail yet has no time that could be measured, so in a full outage the times are silent.
Each objective therefore also counts what still counts then: the audit's orders that wait too long, and the failures of the API.
An order may count twice, as waiting and later as late. In an outage the share is 1 in any case.

`docs/reference/objectives.md` is made from this module.
"""

from dataclasses import dataclass
from typing import Final

RUNBOOK: Final = "error-budget-burns"
DAYS: Final = 30
"""The days of an error budget."""


@dataclass(frozen=True)
class Series:
    """A metric that an objective reads: its service, name, and statistic of CloudWatch."""

    service: str
    metric: str
    statistic: str
    of_api: bool = False
    """True for AWS's metric of the service's HTTP API, which must be in the objective's stack. Else it is our own metric."""


@dataclass(frozen=True)
class Objective:
    """A promise that `percent` of the orders keep in 30 days. `bad` and `all` are expressions over the ids of `series`."""

    name: str
    service: str
    """The service with the alarms in its stack."""
    promise: str
    percent: float
    series: dict[str, Series]
    bad: str
    all: str
    reason: str

    @property
    def budget(self) -> float:
        """The share of the orders that may miss the objective."""
        return round(1 - self.percent / 100, 6)


@dataclass(frozen=True)
class Burn:
    """A rate at which the budget must not burn: `rate` times as fast as it lasts, over both windows, in minutes.

    The long window needs `least` bad orders: on a quiet night, one order is a large share.
    """

    name: str
    rate: float
    long_minutes: int
    short_minutes: int
    least: int
    reason: str

    @property
    def windows(self) -> tuple[tuple[str, int, int], ...]:
        """The name, the minutes and the least bad orders of each window."""
        return (("Long", self.long_minutes, self.least), ("Short", self.short_minutes, 1))


ANSWERED_MILLISECONDS: Final = 10_000
MAILED_SECONDS: Final = 300
OBJECTIVES: Final = (
    Objective(
        name="Answered",
        service="order",
        promise="an order is confirmed, refused or made a back-order within 10 seconds",
        percent=99.5,
        series={
            "n": Series("order", "TimeToAnswer", "SampleCount"),
            "within": Series("order", "TimeToAnswer", f"PR(:{ANSWERED_MILLISECONDS})"),
            "failed": Series("order", "5xx", "Sum", of_api=True),
            "unended": Series("audit", "OrdersNotEnded", "Sum"),
        },
        bad="FILL(n, 0) * (100 - FILL(within, 100)) / 100 + FILL(failed, 0) + FILL(unended, 0)",
        all="FILL(n, 0) + FILL(failed, 0) + FILL(unended, 0)",
        reason=(
            "A customer at the checkout waits for some seconds, and then orders again or leaves. On a good day the "
            "answer takes one or two seconds. Five of 1,000 leave room for one retry of the gateway, and for an order "
            "that the sweeper takes up a minute later. If the API is down, each failure is an order without an answer. If "
            "the saga and the sweeper are down, the audit counts the orders that should have ended an hour ago."
        ),
    ),
    Objective(
        name="Shipped",
        service="shipping",
        promise="a confirmed order is with the carrier within an hour",
        percent=99.0,
        series={
            "late": Series("audit", "OrdersNotShipped", "Sum"),
            "shipped": Series("shipping", "TimeToShip", "SampleCount"),
        },
        bad="late",
        all="late + FILL(shipped, 0)",
        reason=(
            "Carriers collect parcels a few times a day: an hour does not miss a collection. The audit counts an order "
            "that has waited for an hour, so that a carrier that is down shows before it answers again. One of 100 "
            "leaves room for addresses that a person corrects."
        ),
    ),
    Objective(
        name="Mailed",
        service="notification",
        promise="SES accepts a mail within 5 minutes of the first attempt",
        percent=99.0,
        series={
            "n": Series("notification", "TimeToMail", "SampleCount"),
            "within": Series("notification", "TimeToMail", f"PR(:{MAILED_SECONDS})"),
            "overdue": Series("audit", "NewsOverdue", "Sum"),
        },
        bad="FILL(n, 0) * (100 - FILL(within, 100)) / 100 + FILL(overdue, 0)",
        all="FILL(n, 0) + FILL(overdue, 0)",
        reason=(
            "A customer looks for the confirmation just after the order, and asks the shop if there is none. The first "
            "retries come within five minutes. A mail without contact or with a refused address counts as neither: no "
            "retry helps it. If SES accepts nothing, the audit counts the mails that are due for an hour."
        ),
    ),
)
BURNS: Final = (
    Burn(
        name="Fast",
        rate=14.4,
        long_minutes=60,
        short_minutes=5,
        least=5,
        reason="in an hour, 2 % of the budget of 30 days are gone: an operator must look now",
    ),
    Burn(
        name="Slow",
        rate=6.0,
        long_minutes=6 * 60,
        short_minutes=30,
        least=10,
        reason="in six hours, 5 % of the budget of 30 days are gone: the fault is small, and it stays",
    ),
)


def expression(objective: Objective, least: int) -> str:
    """Return the metric math of the share of bad orders in a window; 0 if fewer than `least` are bad."""
    return f"IF({objective.bad} >= {least}, ({objective.bad}) / ({objective.all}), 0)"


def threshold(objective: Objective, burn: Burn) -> float:
    """Return the share of bad orders above which the budget burns faster than `burn`."""
    return round(objective.budget * burn.rate, 6)
