"""Sending by Amazon SES v2, which cannot be asked afterwards: each outcome says what is known about the mail."""

from dataclasses import dataclass
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EndpointConnectionError

from kernel import clients
from kernel.errors import RetryableError
from services.notification.domain.mails import Mail

ADDRESS_REFUSED: Final = "BadRequestException"
"""What SES answers to an address that is none. (MessageRejected is the account's matter: an identity that is not verified.)"""


@dataclass(frozen=True)
class Accepted:
    """SES took the mail under this id."""

    message_id: str


@dataclass(frozen=True)
class Refused:
    """SES takes the address for none, now and later."""


@dataclass(frozen=True)
class Unknown:
    """No answer came, or one that does not tell: the mail may be out."""

    error: str


class NotSentError(RetryableError):
    """SES was unavailable or refused the call: no mail was sent, and a retry is safe."""


def send(sender: str, to: str, mail: Mail, configuration_set: str) -> Accepted | Refused | Unknown:
    """Send the mail, once, by an SES configuration set that tells what became of it later. Raises NotSentError.

    No error of botocore's is passed on: SES names addresses in its messages, and these end in logs.
    """
    try:
        answer = clients.ses().send_email(
            FromEmailAddress=sender,
            Destination={"ToAddresses": [to]},
            Content={
                "Simple": {
                    "Subject": {"Data": mail.subject, "Charset": "UTF-8"},
                    "Body": {
                        "Text": {"Data": mail.text, "Charset": "UTF-8"},
                        "Html": {"Data": mail.html, "Charset": "UTF-8"},
                    },
                }
            },
            ConfigurationSetName=configuration_set,
        )
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:  # whoever failed may have failed after sending
            return Unknown(code)
        if code == ADDRESS_REFUSED:
            return Refused()
        raise NotSentError(code) from None
    except (ConnectTimeoutError, EndpointConnectionError) as error:
        raise NotSentError(type(error).__name__) from None
    except BotoCoreError as error:
        return Unknown(type(error).__name__)
    return Accepted(answer["MessageId"])
