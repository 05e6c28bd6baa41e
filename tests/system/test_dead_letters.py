"""A dead letter is given another try: its consumer processes it once, however often it is redriven."""

import json
import uuid

from services.order.domain import identity
from tests.support.orderctl_run import orderctl
from tests.system.conftest import MUG, Laptop

CHANNEL = "letters"


def test_a_redriven_event_becomes_one_order(laptop: Laptop) -> None:
    key = uuid.uuid4().hex
    data = {
        "idempotency_key": key,
        "customer_id": "alice",
        "currency": "USD",
        "lines": [{"sku": MUG[0], "quantity": 1}],
        "payment_token": "pm_card_visa",
    }
    metadata = {"event_id": key, "event_version": 1, "occurred_at": "2026-11-23T08:00:00Z"}
    body = {
        "source": f"orderflow.channel.{CHANNEL}",
        "detail-type": "OrderPlaced",
        "detail": {"metadata": metadata, "data": data},
    }
    url = laptop.target.parameter("order/intake-dlq-url")
    client = laptop.target.client("sqs")
    client.purge_queue(QueueUrl=url)
    order_id = identity.order_id(identity.channel_scope(CHANNEL), key)
    for _ in range(2):  # the second is a letter of the same event, as a crash amid a redrive leaves it
        client.send_message(QueueUrl=url, MessageBody=json.dumps(body))
        [result] = json.loads(orderctl(laptop.target, "dlq", "redrive", "order/intake", "--all", "-o", "json"))
        assert result["outcome"] == "redriven"
        settled = laptop.settled(order_id)
        laptop.quiet()
    assert laptop.settled(order_id)["version"] == settled["version"]
    assert [row["pk"] for row in laptop.rows("order/table-name") if row["pk"] == f"ORDER#{order_id}"] == [f"ORDER#{order_id}"]
    assert json.loads(orderctl(laptop.target, "dlq", "redrive", "order/intake", "--all", "-o", "json")) == []
