"""Personal data: every name, address and e-mail of a simulated customer contains a marker, which must not leave its table."""

from typing import Final

from simulation.stage.invariants.record import Record

MARKER: Final = "Markerson"
"""The marker in every name, e-mail and address of the simulated customers."""


class Privacy:
    """The search of one world's texts for the marker."""

    def __init__(self, record: Record) -> None:
        self.record = record

    def no_personal_data_leaks(self, where: str, text: str | None) -> None:
        """Search a text outside the table of contacts, such as a log line or an event."""
        if text is not None and MARKER in text:
            self.record.fail("no_personal_data_leaks", f"a customer's name stands in a {where}: {text[:300]}")
