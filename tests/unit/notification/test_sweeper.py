"""The sweeper gives up abandoned claims."""

from datetime import timedelta

from botocore.exceptions import ReadTimeoutError

from kernel import clock
from services.notification.domain import decisions
from tests.support.choreography import ORDER, an_event
from tests.unit.notification.conftest import UNKNOWN_AFTER, NotificationService

CONFIRMED = an_event("order", "OrderConfirmed")
SECOND = timedelta(seconds=1)


def claim(notification: NotificationService) -> None:
    """Let a delivery claim the note, send the mail, and lose the response."""

    def answer_lost() -> None:
        raise ReadTimeoutError(endpoint_url="https://email")

    notification.upon("after-call.sesv2.SendEmail", answer_lost)
    notification.receives(CONFIRMED)


def test_old_claim_is_given_up_once(notification: NotificationService) -> None:
    claim(notification)
    assert notification.sweep(after=UNKNOWN_AFTER - SECOND)["given_up"] == 0
    assert notification.sweep(after=SECOND)["given_up"] == 1
    note = notification.note()
    assert (note["status"], note["reason"]) == ("FAILED", "SENDING_UNKNOWN")
    assert not {"claim", "due_shard", "next_due"} & set(note)
    assert notification.sweep(after=SECOND)["given_up"] == 0
    assert notification.receives(CONFIRMED) == {"batchItemFailures": []}
    assert len(notification.sent) == 1


def test_claim_is_in_the_index_only_if_its_delivery_left_it(notification: NotificationService) -> None:
    def in_index() -> bool:
        return "due_shard" in notification.note()

    seen: list[bool] = []
    notification.upon("before-call.sesv2.SendEmail", lambda: seen.append(in_index()))
    notification.receives(CONFIRMED)
    assert (seen, in_index()) == ([False], False)


def test_claim_of_a_crashed_delivery_is_found_by_the_next_one(notification: NotificationService) -> None:
    abandoned(notification)
    assert notification.receives(CONFIRMED)["batchItemFailures"], "it comes back"
    assert notification.sweep(after=UNKNOWN_AFTER)["given_up"] == 1


def test_claim_of_a_lost_message_is_found_by_the_pass(notification: NotificationService) -> None:
    abandoned(notification)
    assert notification.sweep(after=UNKNOWN_AFTER - SECOND)["given_up"] == 0
    assert "due_shard" not in notification.note(), "its delivery may go on"
    assert notification.sweep(after=SECOND)["given_up"] == 0, "found"
    assert notification.sweep(after=SECOND)["given_up"] == 1
    assert notification.note()["reason"] == "SENDING_UNKNOWN"


def abandoned(notification: NotificationService) -> None:
    """Claim the note as a delivery that crashes before it sends the mail."""
    notice = decisions.Notice(ORDER, "confirmed", "correlation-1", CONFIRMED["detail"]["metadata"]["event_id"])
    with clock.use_source(lambda: notification.now):
        notification.notes.create_or_apply(notice.note_id, lambda row: decisions.claim(row, notice, "nonce"), notice.causation)


def test_given_up_claim_keeps_the_causation_of_its_event(notification: NotificationService) -> None:
    claim(notification)
    notification.sweep(after=UNKNOWN_AFTER)
    assert notification.published() == [("NotificationFailed", {"kind": "confirmed", "reason": "SENDING_UNKNOWN"})]
    assert notification.note()["causation_id"] == CONFIRMED["detail"]["metadata"]["event_id"]


def test_slow_delivery_sends_once_and_leaves_the_note_failed(notification: NotificationService) -> None:
    def swept() -> None:
        notification.sweep(after=UNKNOWN_AFTER)
        notification.sweep(after=SECOND)

    notification.upon("before-call.sesv2.SendEmail", swept)
    notification.receives(CONFIRMED)
    assert (notification.note()["status"], len(notification.sent)) == ("FAILED", 1)
    assert notification.published() == [("NotificationFailed", {"kind": "confirmed", "reason": "SENDING_UNKNOWN"})]


def test_delivery_that_ends_during_the_sweep_wins(notification: NotificationService) -> None:
    claim(notification)
    notification.now += UNKNOWN_AFTER
    before = notification.now
    note = notification.note()

    def sent() -> None:
        notification.notes.create_or_apply(
            f"{ORDER}#confirmed", lambda row: decisions.send(row, note["claim"], "1"), decisions.notice_of(note).causation
        )

    notification.upon("before-call.dynamodb.UpdateItem", sent)
    assert not notification.claim_sweeper.give_up(f"{ORDER}#confirmed", before)
    assert notification.note()["status"] == "SENT"


def test_stale_outbox_is_republished(notification: NotificationService) -> None:
    notification.receives(CONFIRMED)
    assert notification.sweep(after=timedelta(seconds=121))["republished"] == 1
    assert notification.bus.types == ["NotificationSent"] * 2, "in both versions"
