"""Personal data: every name, address and e-mail of a simulated customer contains a marker, which must not leave its table."""

from collections import Counter
from typing import Final

from simulation.stage.invariants.record import Record

MARKER: Final = "Markerson"
"""The marker in every name, e-mail and address of the simulated customers."""
TOKEN: Final = "pm_card_"
"""The begin of every payment token, which may stand in the saga's input and in a channel's event, and nowhere else."""


class Privacy:
    """The search of one world's texts for the marker and for payment tokens. `searched` counts the texts of each kind."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.searched: Counter[str] = Counter()

    def no_personal_data_leaks(self, where: str, text: str | None, *, token_allowed: bool = False) -> None:
        """Search a text outside the table of contacts, such as a log line or an event."""
        if text is None:
            return
        self.searched[where] += text.count("\n") if where == "log" else 1
        if MARKER in text:
            self.record.fail("no_personal_data_leaks", f"a customer's name stands in a {where}: {text[:300]}")
        if TOKEN in text and not token_allowed:
            self.record.fail("no_personal_data_leaks", f"a payment token stands in a {where}: {text[:300]}")
