"""The suppression list is filled by SES's feedback, read before each mail, and stored without addresses."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from kernel.commands import UnknownCommandError
from orderctl.commands.mails import app
from services.notification.functions.feedback import UnknownFeedbackError
from tests.support.choreography import ALICE, ORDER, an_event
from tests.unit.notification.conftest import NotificationService
from tests.unit.orderctl.conftest import Functions, Stage, orderctl, orderctl_json

CONFIRMED = an_event("order", "OrderConfirmed")
ADDRESS = str(ALICE["email"])


def bounced(address: str = ADDRESS, kind: str = "Permanent") -> dict[str, Any]:
    """SES's event, as https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-examples.html has it."""
    recipient = {
        "emailAddress": address,
        "action": "failed",
        "status": "5.1.1",
        "diagnosticCode": "smtp; 550 5.1.1 user unknown",
    }
    bounce = {"bounceType": kind, "bounceSubType": "General", "bouncedRecipients": [recipient], "feedbackId": "1"}
    detail = {"eventType": "Bounce", "bounce": bounce, "mail": {"messageId": "m", "destination": [address]}}
    return {"source": "aws.ses", "detail-type": "Email Bounced", "detail": detail}


def complained(address: str = ADDRESS, kind: str | None = "abuse") -> dict[str, Any]:
    complaint = {"complainedRecipients": [{"emailAddress": address}], "feedbackId": "1"}
    if kind:
        complaint["complaintFeedbackType"] = kind
    detail = {"eventType": "Complaint", "complaint": complaint, "mail": {"messageId": "m", "destination": [address]}}
    return {"source": "aws.ses", "detail-type": "Email Complaint Received", "detail": detail}


def reason(notification: NotificationService, address: str = ADDRESS) -> str | None:
    row = notification.suppressions.get(address)
    return row["reason"] if row else None


def test_bounced_address_gets_no_mail(notification: NotificationService) -> None:
    assert notification.receives_feedback(bounced()) == {"suppressed": 1}
    notification.receives(CONFIRMED)
    assert notification.sent == []
    assert (notification.note()["status"], notification.note()["reason"]) == ("FAILED", "ADDRESS_REFUSED")
    assert notification.published() == [("NotificationFailed", {"kind": "confirmed", "reason": "ADDRESS_REFUSED"})]
    notification.command({"command": "allow", "address": ADDRESS}, None)
    notification.receives(CONFIRMED)
    assert notification.sent == [], "a failed note stays failed"
    notification.receives(an_event("shipping", "ShipmentDispatched"))
    assert [mail.to for mail in notification.sent] == [[ADDRESS]]


def test_transient_bounce_suppresses_no_address(notification: NotificationService) -> None:
    for event in (bounced(kind="Transient"), bounced(kind="Undetermined"), complained(kind="not-spam")):
        assert notification.receives_feedback(event) == {"suppressed": 0}
    assert reason(notification) is None


def test_address_that_fails_stops_no_other(notification: NotificationService) -> None:
    bounce = bounced("a@example.com")
    recipients = bounce["detail"]["bounce"]["bouncedRecipients"]
    recipients += [{"emailAddress": "b\ud800@example.com"}, {"emailAddress": '"Carol" <c@example.com>'}]

    def throttle() -> None:
        raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "UpdateItem")

    notification.upon("before-call.dynamodb.UpdateItem", throttle)
    with pytest.raises(ClientError, match="slow down"):
        notification.receives_feedback(bounce)
    assert reason(notification, "a@example.com") is None
    assert reason(notification, "c@example.com") == "BOUNCED"
    assert notification.receives_feedback(bounce) == {"suppressed": 1}, "the one that failed; SES sends its event again"


def test_repeated_bounce_keeps_its_time(notification: NotificationService) -> None:
    notification.receives_feedback(bounced())
    before = notification.suppressions.get(ADDRESS)
    assert notification.receives_feedback(bounced()) == {"suppressed": 0}
    assert notification.suppressions.get(ADDRESS) == before


@pytest.mark.parametrize("kind", ["abuse", None])
def test_complaint_outranks_a_bounce_in_any_order(notification: NotificationService, kind: str | None) -> None:
    notification.receives_feedback(bounced("a@example.com"))
    assert notification.receives_feedback(complained("a@example.com", kind)) == {"suppressed": 1}
    notification.receives_feedback(complained("b@example.com", kind))
    assert notification.receives_feedback(bounced("b@example.com")) == {"suppressed": 0}
    assert reason(notification, "a@example.com") == reason(notification, "b@example.com") == "COMPLAINED"


def test_address_is_normalized(notification: NotificationService) -> None:
    notification.receives_feedback(bounced(f" {ADDRESS.upper()} "))
    assert reason(notification) == "BOUNCED"


def test_address_is_neither_stored_nor_logged(
    notification: NotificationService, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    notification.receives_feedback(bounced())
    notification.receives_feedback(complained())
    notification.receives(CONFIRMED)
    for command in ("suppression", "suppress", "allow"):
        notification.command({"command": command, "address": ADDRESS}, None)
    rows = str(notification.clients.dynamodb.scan(TableName="notes")["Items"])
    assert not [text for text in (caplog.text, capsys.readouterr().out, rows) if ADDRESS in text.lower()]


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"detail-type": "Email Bounced"},
        {"detail-type": "Email Bounced", "detail": {"bounce": {"bounceType": "Permanent"}}},
        {"detail-type": "Email Bounced", "detail": {"bounce": {"bounceType": "Permanent", "bouncedRecipients": ["x"]}}},
        {"detail-type": "Email Delivered", "detail": {}},
    ],
)
def test_malformed_feedback_raises_an_error(notification: NotificationService, event: dict[str, Any]) -> None:
    with pytest.raises(UnknownFeedbackError):
        notification.receives_feedback(event)


def test_unreadable_list_delays_the_mail(notification: NotificationService) -> None:
    def fail_to_read_the_list(params: dict[str, Any], **_: Any) -> None:
        if params["Key"]["pk"]["S"].startswith("SUPP#"):
            raise ClientError({"Error": {"Code": "ThrottlingException"}}, "GetItem")

    events = notification.clients.dynamodb.meta.events
    events.register("provide-client-params.dynamodb.GetItem", fail_to_read_the_list)
    assert notification.receives(CONFIRMED) != {"batchItemFailures": []}
    assert notification.sent == []
    events.unregister("provide-client-params.dynamodb.GetItem", fail_to_read_the_list)
    notification.receives(CONFIRMED)
    assert len(notification.sent) == 1


def test_operator_suppresses_and_allows_an_address(notification: NotificationService) -> None:
    stage = Stage(fakes={"lambda": Functions({"notification/commands-arn": notification.command})})
    assert orderctl_json(app, stage, "suppressed", ADDRESS) == [{"address": ADDRESS, "outcome": "ALLOWED"}]
    (suppressed,) = orderctl_json(app, stage, "suppress", ADDRESS)
    assert (suppressed["outcome"], suppressed["reason"], suppressed["since"]) == (
        "SUPPRESSED",
        "OPERATOR",
        "2026-11-23T12:00:00.000Z",
    )
    notification.receives_feedback(complained())
    assert orderctl_json(app, stage, "suppress", ADDRESS)[0]["reason"] == "COMPLAINED"
    assert orderctl_json(app, stage, "allow", ADDRESS)[0]["outcome"] == "ALLOWED"
    assert orderctl(app, stage, "allow", "alice").exit_code == 2


def test_unknown_command_raises_an_error(notification: NotificationService) -> None:
    with pytest.raises(UnknownCommandError, match="'forget' is not one of suppression, suppress, allow"):
        notification.command({"command": "forget"}, None)


def test_other_addresses_get_their_mails(notification: NotificationService) -> None:
    notification.receives_feedback(bounced("bob@example.com"))
    notification.receives(an_event("order", "OrderConfirmed", ORDER))
    assert len(notification.sent) == 1
