"""The business metrics of mails."""

from collections.abc import Iterator
from typing import Final, get_args

from kernel.measures import Measure, Metric
from services.notification.domain.model import Kind, NoteRow

SENT: Final = Metric("MailsSent", "Count", "mails that SES accepted", "kind", get_args(Kind))
FAILED: Final = Metric("MailsFailed", "Count", "mails that were not sent, or that may not have been", "kind", get_args(Kind))
METRICS: Final = (SENT, FAILED)
BY_STEP: Final = {"send": SENT, "fail": FAILED}


def measures(step: str, row: NoteRow) -> Iterator[Measure]:
    """Yield what a step of a note, with the row after it, adds to the metrics."""
    if step in BY_STEP:
        yield Measure(BY_STEP[step], 1, row["kind"])
