"""The suppression list: filled by what SES tells, looked into before a mail is sent, kept without an address."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from kernel import clients
from kernel.commands import UnknownCommandError
from orderctl.commands.mails import app
from services.notification.functions import commands, feedback
from services.notification.functions.feedback import UnknownFeedbackError
from services.notification.storage import table
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


def reason(address: str = ADDRESS) -> str | None:
    row = table.suppressions().get(address)
    return row["reason"] if row else None


def test_nobody_is_written_to_whose_mail_came_back(notification: NotificationService) -> None:
    assert feedback.handler(bounced(), None) == {"suppressed": 1}
    notification.receives(CONFIRMED)
    assert notification.sent == []
    assert (notification.note()["status"], notification.note()["reason"]) == ("FAILED", "ADDRESS_REFUSED")
    assert notification.told() == [("NotificationFailed", {"kind": "confirmed", "reason": "ADDRESS_REFUSED"})]
    commands.handler({"command": "allow", "address": ADDRESS}, None)
    notification.receives(CONFIRMED)
    assert notification.sent == [], "what has failed has failed"
    notification.receives(an_event("shipping", "ShipmentDispatched"))
    assert [mail.to for mail in notification.sent] == [[ADDRESS]]


def test_a_mail_that_may_go_through_the_next_time_suppresses_nobody(notification: NotificationService) -> None:
    for told in (bounced(kind="Transient"), bounced(kind="Undetermined"), complained(kind="not-spam")):
        assert feedback.handler(told, None) == {"suppressed": 0}
    assert reason() is None


def test_told_again_it_is_no_news_and_since_stays(notification: NotificationService) -> None:
    feedback.handler(bounced(), None)
    before = table.suppressions().get(ADDRESS)
    assert feedback.handler(bounced(), None) == {"suppressed": 0}
    assert table.suppressions().get(ADDRESS) == before


@pytest.mark.parametrize("kind", ["abuse", None])
def test_a_complaint_outweighs_a_bounce_in_any_order(notification: NotificationService, kind: str | None) -> None:
    feedback.handler(bounced("a@example.com"), None)
    assert feedback.handler(complained("a@example.com", kind), None) == {"suppressed": 1}
    feedback.handler(complained("b@example.com", kind), None)
    assert feedback.handler(bounced("b@example.com"), None) == {"suppressed": 0}
    assert reason("a@example.com") == reason("b@example.com") == "COMPLAINED"


def test_an_address_is_the_same_however_it_is_written(notification: NotificationService) -> None:
    feedback.handler(bounced(f" {ADDRESS.upper()} "), None)
    assert reason(ADDRESS) == "BOUNCED"


def test_no_address_is_kept_or_logged(
    notification: NotificationService, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    feedback.handler(bounced(), None)
    feedback.handler(complained(), None)
    notification.receives(CONFIRMED)
    for command in ("suppression", "suppress", "allow"):
        commands.handler({"command": command, "address": ADDRESS}, None)
    rows = str(clients.dynamodb().scan(TableName="notes")["Items"])
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
def test_an_event_of_another_form_is_no_feedback(notification: NotificationService, event: dict[str, Any]) -> None:
    with pytest.raises(UnknownFeedbackError):
        feedback.handler(event, None)


def test_a_list_that_cannot_be_read_sends_no_mail_yet(
    notification: NotificationService, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(*_: Any) -> None:
        raise ClientError({"Error": {"Code": "ThrottlingException"}}, "GetItem")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(table.suppressions(), "get", unreadable, raising=False)
        assert notification.receives(CONFIRMED) != {"batchItemFailures": []}
    assert notification.sent == []
    notification.receives(CONFIRMED)
    assert len(notification.sent) == 1


def test_the_operator_sees_and_says_who_is_suppressed(
    notification: NotificationService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(Functions.HANDLERS, "notification/commands-arn", commands.handler)
    stage = Stage(fakes={"lambda": Functions()})
    assert orderctl_json(app, stage, "suppressed", ADDRESS) == [{"address": ADDRESS, "outcome": "ALLOWED"}]
    (suppressed,) = orderctl_json(app, stage, "suppress", ADDRESS)
    assert (suppressed["outcome"], suppressed["reason"], suppressed["since"]) == (
        "SUPPRESSED",
        "OPERATOR",
        "2026-11-23T12:00:00.000Z",
    )
    feedback.handler(complained(), None)
    assert orderctl_json(app, stage, "suppress", ADDRESS)[0]["reason"] == "COMPLAINED"
    assert orderctl_json(app, stage, "allow", ADDRESS)[0]["outcome"] == "ALLOWED"
    assert orderctl(app, stage, "allow", "alice").exit_code == 2


def test_an_unknown_command_is_a_fault(notification: NotificationService) -> None:
    with pytest.raises(UnknownCommandError, match="'forget' is not one of suppression, suppress, allow"):
        commands.handler({"command": "forget"}, None)


def test_other_customers_are_written_to(notification: NotificationService) -> None:
    feedback.handler(bounced("bob@example.com"), None)
    notification.receives(an_event("order", "OrderConfirmed", ORDER))
    assert len(notification.sent) == 1
