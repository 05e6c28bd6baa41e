"""Sending by Amazon SES v2. SES has no query for a sent mail, so each outcome states how far the mail is known to be sent."""

from dataclasses import dataclass
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EndpointConnectionError

from kernel.clients import AwsClient
from kernel.errors import RetryableError
from services.notification.domain.mails import Mail

ADDRESS_REFUSED: Final = "BadRequestException"
"""SES's error for an invalid address. (MessageRejected is about the account: an identity that is not verified.)"""


@dataclass(frozen=True)
class Accepted:
    """SES accepted the mail under this id."""

    message_id: str


@dataclass(frozen=True)
class Refused:
    """SES rejects the address, now and later."""


@dataclass(frozen=True)
class Unknown:
    """SES did not respond, or with a server error: the mail may have been sent."""

    error: str


Outcome = Accepted | Refused | Unknown
"""The result of one attempt to send a mail."""


class NotSentError(RetryableError):
    """SES was unreachable or refused the call: certainly no mail was sent, and another attempt is safe."""


@dataclass(frozen=True)
class SesMailer:
    """The sender of mails. `client` is SES's; the configuration set publishes the bounces and complaints.

    A customer's reply goes to the `support_address`.
    """

    client: AwsClient
    sender_address: str
    support_address: str
    configuration_set: str

    def send(self, to: str, mail: Mail) -> Outcome:
        """Send the mail, once. Raises NotSentError.

        No error of botocore is passed on: SES puts addresses in its messages, and those would be logged.
        """
        try:
            answer = self.client.send_email(
                FromEmailAddress=self.sender_address,
                ReplyToAddresses=[self.support_address],
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
                ConfigurationSetName=self.configuration_set,
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:  # SES may have failed after sending
                return Unknown(code)
            if code == ADDRESS_REFUSED:
                return Refused()
            raise NotSentError(code) from None
        except (ConnectTimeoutError, EndpointConnectionError) as error:
            raise NotSentError(type(error).__name__) from None
        except BotoCoreError as error:
            return Unknown(type(error).__name__)
        return Accepted(answer["MessageId"])
