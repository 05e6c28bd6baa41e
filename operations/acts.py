"""The trail of operators: the actor and the reason of a command that changes something. The service logs both."""

from dataclasses import dataclass
from typing import Final

from kernel.callers import actor_of
from kernel.identifiers import is_personal
from operations.aws.target import Target
from operations.errors import UserError

LONGEST_REASON: Final = 100


@dataclass(frozen=True)
class Act:
    """An operator's act: the actor as AWS names the credentials, and the reason, which may be empty."""

    actor: str
    reason: str

    @property
    def payload(self) -> dict[str, str]:
        """The fields of a command that name the act."""
        return {"actor": self.actor, **({"reason": self.reason} if self.reason else {})}


def act(target: Target, reason: str = "") -> Act:
    """Return the act of the target's identity. Raises UserError for a reason that must not stand in a log."""
    if len(reason) > LONGEST_REASON or not reason.isprintable() or is_personal(reason):
        raise UserError(
            "The reason cannot be logged.",
            f"Give at most {LONGEST_REASON} printable characters, without a card number or an e-mail address.",
        )
    return Act(actor_of(str(target.client("sts").get_caller_identity()["Arn"])), reason)
