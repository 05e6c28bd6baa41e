"""SES: every mail that it ever sent."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypedDict

from simulation.engine.api import Response


class Text(TypedDict):
    """A text of a mail."""

    Data: str


class Body(TypedDict):
    """The body of a mail; only its plain text is kept."""

    Text: Text


class Simple(TypedDict):
    """The content of a mail that SES puts together."""

    Subject: Text
    Body: Body


class Content(TypedDict):
    """The content of a mail, in the one form that this SES has."""

    Simple: Simple


class Destination(TypedDict):
    """The one receiver of a mail."""

    ToAddresses: list[str]


class SendEmail(TypedDict):
    """The parameters of SES's SendEmail that are read here."""

    Content: Content
    Destination: Destination


@dataclass(frozen=True)
class Mail:
    """A mail that was sent: address, subject and plain text."""

    to: str
    subject: str
    text: str


class Mailboxes:
    """The sent mails."""

    def __init__(self) -> None:
        self.sent: list[Mail] = []
        self.on_sent: Callable[[Mail, str], None] = lambda mail, boundary: None
        """Gets each mail with the boundary of the call that sent it."""

    def call(self, operation: str, request: SendEmail, boundary: str) -> Response:
        """Send the mail of a SendEmail. SES has no idempotency: the same request is a second mail."""
        assert operation == "SendEmail"
        simple = request["Content"]["Simple"]
        (to,) = request["Destination"]["ToAddresses"]
        mail = Mail(to, simple["Subject"]["Data"], simple["Body"]["Text"]["Data"])
        self.sent.append(mail)
        self.on_sent(mail, boundary)
        return {"MessageId": f"mail-{len(self.sent)}"}
