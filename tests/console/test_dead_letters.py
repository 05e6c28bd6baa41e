"""Dead letters in a browser: the queues, the messages, another try or the end for them."""

import json
from pathlib import Path

from playwright.sync_api import Page, expect

from kernel.schemas import read_schemas
from operations.errors import UserError
from tests.console.conftest import PATIENCE_MS, Open
from tests.support.console_stage import ConsoleStage
from tests.support.held_queues import Gate
from tests.support.polling import eventually
from tests.support.trail_in_memory import ACTOR

PLACED = {
    "source": "orderflow.channel.shop",
    "detail-type": "OrderPlaced",
    "detail": read_schemas()["orderflow.channel.*", "OrderPlaced", 1]["examples"][0],
}
MANY = 2_000
INTAKE = "dead-letters/order%2Fintake"


def bury(stage: ConsoleStage, *bodies: object, name: str = "order/intake", reason: str = "no such SKU") -> list[str]:
    """Put messages into a dead-letter queue, and return their ids."""
    return [stage.queues.bury(name, json.dumps(body), reason=reason) for body in bodies]


def messages(page: Page) -> list[str]:
    """Return the messages in sight, from the top."""
    rows = page.get_by_role("region", name="Messages").locator("tbody tr")
    expect(rows.first).to_be_visible()
    return rows.all_inner_texts()


def test_stage_without_dead_letters_says_so(open_page: Open) -> None:
    page = open_page("dead-letters")
    expect(page.get_by_text("No queue has a dead letter.")).to_be_visible()
    expect(page.get_by_text("orderctl dlq list", exact=True)).to_be_visible()


def test_queue_shows_each_message_with_its_reason(open_page: Open, stage: ConsoleStage) -> None:
    bury(
        stage,
        PLACED,
        {"detail-type": "OrderPlaced", "source": "orderflow.order", "detail": {"metadata": {"order_id": "ord-1"}}},
    )
    page = open_page("dead-letters")
    expect(page.get_by_text("2 messages in 1 of 6 queues")).to_be_visible()
    page.get_by_role("link", name="order/intake").click()
    first, second = messages(page)
    assert "no such SKU" in first
    assert "ord-1" in second
    assert "this orderctl has no schema of OrderPlaced from orderflow.order, version None" in second
    page.get_by_text("Body").first.click()
    assert json.loads(page.get_by_role("region", name="Body").first.inner_text()) == PLACED
    assert len(stage.queues.bodies("order/intake-dlq-url")) == 2


def test_all_messages_are_redriven(open_page: Open, stage: ConsoleStage) -> None:
    bury(stage, PLACED, PLACED)
    page = open_page(INTAKE)
    expect(page.get_by_text("orderctl dlq redrive order/intake --all", exact=True)).to_be_visible()
    page.get_by_role("button", name="Redrive all").click()
    expect(page.get_by_text("2 redriven")).to_be_visible()
    expect(page.get_by_text("redriven: attempt 1, to order/intake")).to_be_visible()
    expect(page.get_by_text("This queue has no message.")).to_be_visible()
    assert stage.queues.bodies("order/intake-queue-url") == [json.dumps(PLACED)] * 2


def test_reason_is_in_the_command_and_in_the_trail(open_page: Open, stage: ConsoleStage) -> None:
    bury(stage, PLACED, PLACED)
    page = open_page(INTAKE)
    page.get_by_role("textbox", name="Reason (optional)").fill("the price is set")
    for act in ("redrive", "drop"):
        command = f"orderctl dlq {act} order/intake --all --reason 'the price is set'"
        expect(page.get_by_text(command, exact=True)).to_be_visible()
    page.get_by_role("button", name="Redrive all").click()
    expect(page.get_by_text("2 redriven")).to_be_visible()
    recorded = [("dlq redrive order/intake", ACTOR, "the price is set")]  # once the last message was redriven
    eventually(lambda: stage.trail.acts == recorded, PATIENCE_MS / 1000, "the redrive is in the trail")


def test_change_that_is_not_in_the_trail_is_named(open_page: Open, stage: ConsoleStage) -> None:
    bury(stage, PLACED)
    stage.trail.error = UserError("There is none.", "")
    page = open_page(INTAKE)
    page.get_by_role("button", name="Redrive all").click()
    expect(page.get_by_text("1 redriven")).to_be_visible()
    expect(page.get_by_text("The change is done, but it is not in the trail: UserError.")).to_be_visible()


def test_long_redrive_shows_its_progress_and_stops_on_request(open_page: Open, stage: ConsoleStage) -> None:
    ids = bury(stage, *({**PLACED, "id": str(number)} for number in range(40)))
    stage.queues.gate = Gate(ids[25])
    page = open_page(INTAKE)
    page.get_by_role("button", name="Redrive all").click()
    expect(page.get_by_text("25 redriven")).to_be_visible()
    expect(page.get_by_role("button", name="Redrive all")).to_be_disabled()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text("25 redriven; stopped, the others stay in the queue")).to_be_visible()
    stage.queues.gate.opened.set()
    eventually(lambda: not stage.queues.hidden("order/intake-dlq-url"), 60, "the other messages are put back")
    page.get_by_role("button", name="Read again").click()
    expect(page.get_by_role("region", name="Messages").locator("tbody tr")).to_have_count(14)
    assert len(stage.queues.bodies("order/intake-queue-url")) == 26


def test_all_of_many_messages_are_redriven_by_one_click(open_page: Open, stage: ConsoleStage) -> None:
    bury(stage, *({**PLACED, "id": str(number)} for number in range(MANY)))
    page = open_page(INTAKE)
    expect(page.get_by_text(f"The table has 100 of {MANY:,} messages.")).to_be_visible()
    page.get_by_role("button", name="Redrive all").click()
    expect(page.get_by_text(f"{MANY:,} redriven")).to_be_visible(timeout=6 * PATIENCE_MS)
    expect(page.get_by_text("This queue has no message.")).to_be_visible()


def test_one_message_is_redriven(open_page: Open, stage: ConsoleStage) -> None:
    _, second = bury(stage, PLACED, {**PLACED, "id": "2"})
    page = open_page(INTAKE)
    page.get_by_role("checkbox", name=f"Choose {second}").check()
    expect(page.get_by_text(f"orderctl dlq redrive order/intake --id {second}", exact=True)).to_be_visible()
    page.get_by_role("button", name="Redrive 1 chosen").click()
    expect(page.get_by_text("1 redriven")).to_be_visible()
    expect(page.get_by_role("region", name="Messages").locator("tbody tr")).to_have_count(1)
    assert stage.queues.bodies("order/intake-queue-url") == [json.dumps({**PLACED, "id": "2"})]


def test_message_that_is_still_invalid_is_kept_with_its_fault(open_page: Open, stage: ConsoleStage) -> None:
    bury(stage, {**PLACED, "detail": {}})
    page = open_page(INTAKE)
    page.get_by_role("button", name="Redrive all").click()
    expect(page.get_by_text("1 kept")).to_be_visible()
    assert len(messages(page)) == 1


def test_drop_asks_first_and_keeps_a_copy(open_page: Open, stage: ConsoleStage, tmp_path: Path) -> None:
    bury(stage, PLACED)
    page = open_page(INTAKE)
    page.get_by_role("button", name="Drop all …").click()
    page.get_by_role("button", name="Keep them").click()
    assert len(stage.queues.bodies("order/intake-dlq-url")) == 1
    page.get_by_role("button", name="Drop all …").click()
    page.get_by_role("button", name="Drop all").click()
    expect(page.get_by_text("1 dropped")).to_be_visible()
    [copy] = tmp_path.glob("dead-letters-order-intake-*.jsonl")
    assert json.loads(copy.read_text())["body"] == PLACED
    assert stage.queues.bodies("order/intake-dlq-url") == []


def test_queue_without_a_way_back_offers_no_redrive(open_page: Open, stage: ConsoleStage) -> None:
    bury(stage, {"requestContext": {"condition": "RetryAttemptsExhausted"}}, name="payment/relay")
    page = open_page("dead-letters/payment%2Frelay")
    expect(page.get_by_text("These messages have no queue to go back to")).to_be_visible()
    expect(page.get_by_role("button", name="Redrive all")).to_have_count(0)


def test_page_that_is_read_only_shows_messages_and_offers_no_action(open_page: Open, stage: ConsoleStage) -> None:
    bury(stage, PLACED)
    page = open_page(INTAKE, actions=False)
    assert len(messages(page)) == 1
    expect(page.get_by_text("Start it with --allow-actions to redrive or drop messages.")).to_be_visible()
    expect(page.get_by_role("button", name="Redrive all")).to_have_count(0)
