"""The subscriber sends each mail at most once, whatever happens between the queue and SES."""

from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

from kernel.order_numbers import number_of
from kernel.schemas import read_schemas
from services.notification.domain import mails
from services.notification.subscriptions import SUBSCRIPTIONS
from tests.support.choreography import ALICE, ORDER, an_event
from tests.unit.notification.conftest import SENDER, SUPPORT, NotificationService

CONFIRMED = an_event("order", "OrderConfirmed")
DONE: dict[str, Any] = {"batchItemFailures": []}
COMES_BACK: dict[str, Any] = {"batchItemFailures": [{"itemIdentifier": "m0"}]}


def refusal(code: str, status: int) -> tuple[AWSResponse, dict[str, Any]]:
    """Return an error response of SES in its own words, which include the address."""
    error = {"Code": code, "Message": f"no: {ALICE['email']}"}
    response = AWSResponse("https://email.eu-west-1.amazonaws.com", status, {}, None)
    return response, {"Error": error, "ResponseMetadata": {"HTTPStatusCode": status}}


def fail_with(error: Exception) -> Any:
    def happening() -> None:
        raise error

    return happening


@pytest.mark.parametrize(
    ("envelope", "kind", "subject", "said"),
    [
        (CONFIRMED, "confirmed", "is confirmed", ["2 x Kind of Blue (LP)", "$49.98"]),
        (an_event("order", "OrderCancelled"), "cancelled", "has been cancelled", ["no longer in stock", "$49.98"]),
        (an_event("shipping", "ShipmentDispatched"), "dispatched", "is on its way", ["SBX-2c1d9f0a7b3e4d58"]),
    ],
)
def test_event_becomes_a_mail(
    notification: NotificationService, envelope: dict[str, Any], kind: str, subject: str, said: list[str]
) -> None:
    assert notification.receives(envelope) == DONE
    (mail,) = notification.sent
    assert (mail.to, mail.sender) == ([ALICE["email"]], SENDER)
    assert f"Your order {number_of(ORDER)} {subject}" == mail.subject
    assert all(word in mail.text for word in ["Hello Alice Doe", number_of(ORDER), "Test Shop", SUPPORT, *said])
    assert notification.note(kind)["status"] == "SENT"
    assert notification.published(kind) == [("NotificationSent", {"kind": kind})]


def test_every_cancellation_reason_has_a_text() -> None:
    schema = read_schemas()["orderflow.order", "OrderCancelled", 2]
    assert set(mails.REASONS) == set(schema["properties"]["data"]["properties"]["reason"]["enum"])


def test_every_consumed_event_has_a_mail() -> None:
    assert {detail_type for _, detail_type in SUBSCRIPTIONS["notices"]} == set(mails.KINDS)
    endings = (".txt", ".html")
    assert {file.name for file in mails.TEMPLATES.iterdir()} == {
        *(part + ending for part in ("layout", "items", "address", "short") for ending in endings),
        *(kind + ending for kind in mails.KINDS.values() for ending in endings),
    }


def test_redelivery_has_no_side_effects(notification: NotificationService) -> None:
    notification.receives(CONFIRMED)
    note = notification.note()
    assert notification.receives({**CONFIRMED, "replay-name": "the wrong window"}) == DONE
    assert notification.receives(CONFIRMED, times=2) == DONE
    assert notification.note() == note
    assert notification.contacts.asked == [ORDER]
    assert len(notification.sent) == 1


def test_second_message_of_an_event_has_no_side_effects(notification: NotificationService) -> None:
    """EventBridge delivers at least once. Nothing marks the second message."""
    notification.receives(CONFIRMED)
    note = notification.note()
    assert notification.receives(CONFIRMED) == DONE
    assert notification.note() == note
    assert len(notification.sent) == 1


def test_events_in_any_order_become_mails(notification: NotificationService) -> None:
    notification.receives(an_event("shipping", "ShipmentDispatched"), CONFIRMED)
    assert [mail.subject.split(" is ")[1] for mail in notification.sent] == ["on its way", "confirmed"]


def test_missing_contact_fails_the_note(notification: NotificationService) -> None:
    notification.contacts.contacts.clear()
    assert notification.receives(CONFIRMED) == DONE
    assert (notification.note()["status"], notification.note()["reason"]) == ("FAILED", "NO_CONTACT")
    assert notification.published() == [("NotificationFailed", {"kind": "confirmed", "reason": "NO_CONTACT"})]
    notification.contacts.contacts[ORDER] = ALICE
    notification.receives(CONFIRMED)
    assert notification.sent == []


def test_failed_contact_query_is_retried(notification: NotificationService) -> None:
    notification.contacts.broken = {ORDER}
    assert notification.receives(CONFIRMED, "not json") == COMES_BACK
    assert notification.notes.get(f"{ORDER}#confirmed") is None
    notification.contacts.broken = set()
    assert notification.receives(CONFIRMED) == DONE
    assert len(notification.sent) == 1


def test_missing_contact_of_a_young_order_is_retried(notification: NotificationService) -> None:
    known = notification.contacts.contacts.copy()
    notification.contacts.contacts.clear()
    notification.contacts.young = {ORDER}
    assert notification.receives(CONFIRMED) == COMES_BACK
    assert notification.notes.get(f"{ORDER}#confirmed") is None
    notification.contacts.contacts |= known
    assert notification.receives(CONFIRMED) == DONE
    assert len(notification.sent) == 1


@pytest.mark.parametrize(
    "happening",
    [
        lambda: refusal("TooManyRequestsException", 429),
        lambda: refusal("AccountSuspendedException", 400),
        lambda: refusal("MessageRejected", 400),
        fail_with(ConnectTimeoutError(endpoint_url="https://email")),
    ],
    ids=["throttled", "suspended", "not verified", "not reached"],
)
def test_call_that_certainly_sent_nothing_is_retried(notification: NotificationService, happening: Any) -> None:
    notification.upon("before-call.sesv2.SendEmail", happening)
    assert notification.receives(CONFIRMED) == COMES_BACK
    note = notification.note()
    assert note["status"] == "UNSENT"
    assert not {"claim", "due_shard", "next_due", "pending"} & set(note)
    assert notification.receives(CONFIRMED) == DONE
    assert notification.note()["status"] == "SENT"
    assert len(notification.sent) == 1


def test_an_unverified_sender_loses_no_mail(notification: NotificationService) -> None:
    notification.clients.ses.delete_email_identity(EmailIdentity=SENDER)
    assert notification.receives(CONFIRMED) == COMES_BACK
    notification.clients.ses.create_email_identity(EmailIdentity=SENDER)
    assert notification.receives(CONFIRMED) == DONE
    assert len(notification.sent) == 1


def test_contact_forgotten_before_the_retry_fails_the_note(notification: NotificationService) -> None:
    notification.upon("before-call.sesv2.SendEmail", lambda: refusal("TooManyRequestsException", 429))
    notification.receives(CONFIRMED)
    notification.contacts.contacts.clear()
    assert notification.receives(CONFIRMED) == DONE
    assert notification.published() == [("NotificationFailed", {"kind": "confirmed", "reason": "NO_CONTACT"})]


def test_rejected_address_fails_the_note(notification: NotificationService) -> None:
    notification.upon("before-call.sesv2.SendEmail", lambda: refusal("BadRequestException", 400))
    assert notification.receives(CONFIRMED) == DONE
    assert notification.published() == [("NotificationFailed", {"kind": "confirmed", "reason": "ADDRESS_REFUSED"})]
    notification.receives(CONFIRMED)
    assert notification.sent == []


@pytest.mark.parametrize(
    ("moment", "happening", "sent"),
    [
        ("after-call.sesv2.SendEmail", fail_with(ReadTimeoutError(endpoint_url="https://email")), 1),
        ("before-call.sesv2.SendEmail", fail_with(ReadTimeoutError(endpoint_url="https://email")), 0),
        ("before-call.sesv2.SendEmail", lambda: refusal("InternalServiceErrorException", 500), 0),
    ],
    ids=["answer lost", "request lost", "server error"],
)
def test_mail_with_an_unknown_result_is_never_resent(
    notification: NotificationService, moment: str, happening: Any, sent: int
) -> None:
    notification.upon(moment, happening)
    assert notification.receives(CONFIRMED) == DONE
    assert notification.note()["status"] == "CLAIMED"
    assert notification.receives(CONFIRMED) == COMES_BACK
    assert notification.note()["status"] == "CLAIMED"
    assert len(notification.sent) == sent


def test_second_delivery_during_the_first_sends_nothing(notification: NotificationService) -> None:
    answers = []
    notification.upon("before-call.sesv2.SendEmail", lambda: answers.append(notification.receives(CONFIRMED)))
    assert notification.receives(CONFIRMED) == DONE
    assert answers == [COMES_BACK]
    assert notification.note()["status"] == "SENT"
    assert notification.receives(CONFIRMED) == DONE, "once the other delivery's result is known"
    assert len(notification.sent) == 1


def test_concurrent_claims_send_one_mail(notification: NotificationService) -> None:
    answers = []
    notification.upon("before-call.dynamodb.UpdateItem", lambda: answers.append(notification.receives(CONFIRMED)))
    assert notification.receives(CONFIRMED) == DONE
    assert answers == [DONE]
    assert len(notification.sent) == 1
    assert notification.published() == [("NotificationSent", {"kind": "confirmed"})]


def test_claim_of_another_delivery_is_not_mistaken_for_its_own(notification: NotificationService) -> None:
    notification.upon("after-call.sesv2.SendEmail", fail_with(ReadTimeoutError(endpoint_url="https://email")))
    notification.upon("before-call.dynamodb.UpdateItem", lambda: notification.receives(CONFIRMED) and None)
    assert notification.receives(CONFIRMED) == COMES_BACK
    assert (notification.note()["status"], len(notification.sent)) == ("CLAIMED", 1)


def test_claim_is_recognized_after_a_lost_response(notification: NotificationService, dynamodb: Any) -> None:
    """botocore sends the write again; its condition fails because it succeeded."""
    claims: list[dict[str, Any]] = []

    def write_twice(params: dict[str, Any], **_: Any) -> None:
        if not claims:
            claims.append(params)
            dynamodb.update_item(**params)

    notification.clients.dynamodb.meta.events.register("provide-client-params.dynamodb.UpdateItem", write_twice)
    assert notification.receives(CONFIRMED) == DONE
    assert notification.note()["status"] == "SENT"
    assert len(notification.sent) == 1


def test_crash_between_claim_and_mail_sends_nothing_later(notification: NotificationService) -> None:
    notification.upon("before-call.sesv2.SendEmail", fail_with(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        notification.receives(CONFIRMED)
    assert notification.receives(CONFIRMED) == COMES_BACK
    assert notification.sent == []
    assert notification.note()["status"] == "CLAIMED"


def test_mail_is_sent_after_a_late_unclaim(notification: NotificationService) -> None:
    """SES refused, the note's `unclaim` was on its way for long, and the message came back meanwhile."""
    late: list[dict[str, Any]] = []

    def keep_for_later(params: dict[str, Any], **_: Any) -> None:
        if "UNSENT" in str(params):
            late.append(params)
            raise ReadTimeoutError(endpoint_url="https://dynamodb")

    notification.upon("before-call.sesv2.SendEmail", lambda: refusal("TooManyRequestsException", 429))
    events = notification.clients.dynamodb.meta.events
    events.register("provide-client-params.dynamodb.UpdateItem", keep_for_later)
    assert notification.receives(CONFIRMED) == COMES_BACK
    events.unregister("provide-client-params.dynamodb.UpdateItem", keep_for_later)
    assert notification.receives(CONFIRMED) == COMES_BACK, "while the note is CLAIMED"
    notification.clients.dynamodb.update_item(**late[0])
    assert notification.receives(CONFIRMED) == DONE
    assert (notification.note()["status"], len(notification.sent)) == ("SENT", 1)


def test_bad_messages_are_quarantined_alone(notification: NotificationService) -> None:
    bad = an_event("order", "OrderCancelled", reason="WEATHER")
    assert notification.receives(bad, CONFIRMED, an_event("order", "OrderPlaced")) == DONE
    assert len(notification.sent) == 1
    assert "data.reason" in notification.dead_letters.reasons[0]
    assert "no handler here" in notification.dead_letters.reasons[1]


@pytest.mark.parametrize("code", ["MessageRejected", "BadRequestException"])
def test_name_and_address_are_neither_stored_nor_logged(
    notification: NotificationService, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    notification.upon("before-call.sesv2.SendEmail", lambda: refusal(code, 400))
    notification.receives(CONFIRMED)
    notification.contacts.broken = {ORDER}
    notification.receives(an_event("order", "OrderCancelled"))
    notification.contacts.broken = set()
    notification.receives(CONFIRMED, an_event("order", "OrderCancelled"))
    assert "ContactUnavailableError" in caplog.text
    for text in (caplog.text, str(notification.notes.client.scan(TableName="notes")["Items"])):
        assert not [word for word in ("Alice", "alice@example.com", "Springfield") if word in text]
