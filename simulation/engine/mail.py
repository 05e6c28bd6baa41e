"""SES: every mail that it ever sent."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Mail:
    """A mail that went out. There is no telling it apart from a second one of the same words."""

    to: str
    subject: str
    text: str


class Mailboxes:
    """The sent mails."""

    def __init__(self) -> None:
        self.sent: list[Mail] = []
        self.on_sent: Callable[[Mail, str], None] = lambda mail, boundary: None
        """Gets each mail with the boundary of the call that sent it."""

    def call(self, operation: str, request: Mapping[str, Any], boundary: str) -> dict[str, Any]:
        """SendEmail."""
        assert operation == "SendEmail"
        simple = request["Content"]["Simple"]
        (to,) = request["Destination"]["ToAddresses"]
        mail = Mail(to, simple["Subject"]["Data"], simple["Body"]["Text"]["Data"])
        self.sent.append(mail)
        self.on_sent(mail, boundary)
        return {"MessageId": f"mail-{len(self.sent)}"}
