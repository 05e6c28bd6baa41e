"""The note's transition table. A note is claimed before its mail is sent, because SES has no query for a sent mail."""

from kernel.naming import source_of
from kernel.transitions import ABSENT, TransitionTable, step

CLAIMED, SENT, UNSENT, FAILED = "CLAIMED", "SENT", "UNSENT", "FAILED"

TRANSITIONS = TransitionTable(
    aggregate="NOTE",
    source=source_of("notification"),
    transitions=(
        step("claim", (ABSENT, UNSENT), CLAIMED),
        step("send", CLAIMED, SENT, publishes="NotificationSent", guard="SES accepted the mail"),
        step("unclaim", CLAIMED, UNSENT, guard="SES refused the call, so certainly no mail went out"),
        step(
            "fail",
            (ABSENT, UNSENT, CLAIMED),
            FAILED,
            publishes="NotificationFailed",
            guard="no contact, an address that SES refuses, or a claim whose sending stayed unknown",
        ),
    ),
    terminal=frozenset({SENT, FAILED}),
)
