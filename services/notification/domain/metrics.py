"""The business metrics of mails."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final, get_args

from kernel import clock
from kernel.measures import Measure, Metric
from services.notification.domain.decisions import SENDING_UNKNOWN
from services.notification.domain.model import Kind, NoteRow

SENT: Final = Metric("MailsSent", "Count", "mails that SES accepted", "kind", get_args(Kind))
FAILED: Final = Metric("MailsFailed", "Count", "mails that were not sent, or that may not have been", "kind", get_args(Kind))
TIME_TO_MAIL: Final = Metric(
    "TimeToMail", "Seconds", "from the first attempt at a mail until SES accepted it, or until it was given up as unknown"
)
METRICS: Final = (SENT, FAILED, TIME_TO_MAIL)
BY_STEP: Final = {"send": SENT, "fail": FAILED}


def measures(step: str, row: NoteRow) -> Iterator[Measure]:
    """Yield what a step of a note, with the row after it, adds to the metrics."""
    if step in BY_STEP:
        yield Measure(BY_STEP[step], 1, row["kind"])
    if step == "send" or (step == "fail" and row.get("reason") == SENDING_UNKNOWN):
        waited = clock.from_rfc3339(row["updated_at"]) - clock.from_rfc3339(row["created_at"])
        yield Measure(TIME_TO_MAIL, waited // timedelta(seconds=1))
