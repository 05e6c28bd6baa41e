"""An alarm of the deployed templates reaches a subscriber of the alarm topic, and leads a newcomer to the order's story."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from kernel import clock
from laptop.emulator import process
from operations.orders.history import log_groups_begin
from operations.repository import REPOSITORY
from services.shipping.domain.breaker import FAILURES_TO_PAUSE
from services.shipping.storage import breaker
from tests.support.orderctl_run import orderctl
from tests.support.polling import eventually
from tests.support.runbook import commands
from tests.system.conftest import Laptop

CALLING_THE_CARRIER = ("OrderflowDev-Shipping-BookingFunction", "OrderflowDev-Shipping-SweeperFunction")
NO_SERVER = "http://127.0.0.1:9"


def test_test_of_an_alarm_reaches_a_subscriber(laptop: Laptop) -> None:
    sqs, topic = laptop.target.client("sqs"), laptop.target.parameter("platform/alarm-topic-arn")
    receiver = sqs.create_queue(QueueName="alarm-receiver")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=receiver, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    admits = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
    admits["Condition"] = {"ArnEquals": {"aws:SourceArn": topic}}
    sqs.set_queue_attributes(QueueUrl=receiver, Attributes={"Policy": json.dumps({"Statement": [admits]})})
    laptop.target.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    (sent,) = json.loads(orderctl(laptop.target, "alarms", "test", "-o", "json"))

    found = eventually(lambda: sqs.receive_message(QueueUrl=receiver, WaitTimeSeconds=1).get("Messages"), 60, "a notification")
    assert sent["name"] in found[0]["Body"]
    rings = json.loads(orderctl(laptop.target, "alarms", "list", "-o", "json"))
    assert sent["name"] in {alarm["name"] for alarm in rings}, "others may ring on a slow machine, such as AuditorSilent"
    laptop.target.client("cloudwatch").set_alarm_state(AlarmName=sent["name"], StateValue="OK", StateReason="the test ends")
    sqs.delete_queue(QueueUrl=receiver)


@pytest.mark.skipif(process.IAM_VARIABLE in os.environ, reason="no role of the stage dev may read the key of a carrier")
def test_newcomer_finds_alarm_runbook_and_story_of_a_carrier_that_is_down(laptop: Laptop) -> None:
    """Three commands: the alarm with its runbook, and the two that the runbook has for the order. An operator acted before."""
    began = clock.now()
    with carrier_down(laptop):
        order_id = laptop.place().json()["order_id"]
        eventually(lambda: laptop.row("shipping", f"SHIP#{order_id}"), 240, "the shipment is created")
        for _ in range(FAILURES_TO_PAUSE):
            laptop.invoke("shipping/sweeper-arn")
        refused = orderctl(laptop.target, "orders", "retry-refund", order_id, "--reason", "the parcel is late", fails=True)
        with ringing(laptop, int(began.timestamp() * 1000)):
            rings = json.loads(orderctl(laptop.target, "alarms", "list", "-o", "json"))
            (alarm,) = (alarm for alarm in rings if alarm["fault"] == "the carrier is down, and parcels wait")
            runbook = REPOSITORY / alarm["runbook"]
            assert "CarrierPaused" in runbook.read_text(encoding="utf-8")
            find, tell = (line.split()[1:] for line in commands(runbook.stem)[:2])

            orders = json.loads(orderctl(laptop.target, *find, "-o", "json"))
            assert ("NONE", order_id) in {(order["fulfilment"], order["order_id"]) for order in orders}

            def told() -> bool:
                # A function writes its log a moment after its act.
                story = json.loads(orderctl(laptop.target, tell[0], order_id, "-o", "json"))
                assert [entry["what"] for entry in story[:2]] == ["placed by api", "OrderPlaced"]
                assert {"OrderConfirmed", "payment: CAPTURED", "shipping: CREATED"} <= {entry["what"] for entry in story}
                return whys <= {entry["why"] for entry in story}

            whys = {"the parcel is late", "the carrier does not answer, so calls to it are paused"}
            eventually(told, 60, f"the story has {whys}; the act was refused: {refused}")
    laptop.invoke("shipping/sweeper-arn")

    def gone() -> bool:
        row = laptop.row("shipping", f"SHIP#{order_id}")
        return row is not None and row["status"] != "CREATED"

    eventually(gone, 240, "the parcel goes")
    # The queue keeps back the failed bookings, and later tests would wait for them.
    laptop.target.client("sqs").purge_queue(QueueUrl=laptop.target.parameter("shipping/bookings-queue-url"))
    laptop.quiet()


@contextmanager
def carrier_down(laptop: Laptop) -> Iterator[None]:
    """Let the functions call EasyPost at an address without a server, and in the end the sandbox again."""
    client = laptop.target.client("lambda")
    deployed = [each for page in client.get_paginator("list_functions").paginate() for each in page["Functions"]]
    variables = {
        each["FunctionName"]: each["Environment"]["Variables"]
        for each in deployed
        if each["FunctionName"].startswith(CALLING_THE_CARRIER)
    }
    down = {"CARRIER": "easypost", "EASYPOST_URL": NO_SERVER, "SHIP_FROM": "{}", "GRAMS_PER_ITEM": "250"}
    down["CARRIER_API_KEY_ARN"] = laptop.target.parameter("shipping/carrier-webhook-secret-arn")
    assert len(variables) == len(CALLING_THE_CARRIER)
    try:
        for name, own in variables.items():
            client.update_function_configuration(FunctionName=name, Environment={"Variables": {**own, **down}})
        yield
    finally:
        for name, own in variables.items():
            client.update_function_configuration(FunctionName=name, Environment={"Variables": own})
        table = laptop.target.parameter("shipping/table-name")
        laptop.target.client("dynamodb").delete_item(TableName=table, Key={"pk": {"S": breaker.KEY}})


@contextmanager
def ringing(laptop: Laptop, since: int) -> Iterator[None]:
    """Let each alarm ring that watches what shipping's functions have counted: CloudWatch's part, which the laptop lacks.

    `since` is in milliseconds since 1970.
    """
    client, counted = laptop.target.client("cloudwatch"), counts_of_shipping(laptop, since)
    pages = client.get_paginator("describe_alarms").paginate(AlarmNamePrefix="OrderflowDev-Shipping-")
    alarms = [alarm for page in pages for alarm in page["MetricAlarms"]]
    names = [alarm["AlarmName"] for alarm in alarms if alarm.get("MetricName") in counted]
    try:
        for name in names:
            client.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="shipping has counted it")
        yield
    finally:
        for name in names:
            client.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="the test ends")


def counts_of_shipping(laptop: Laptop, since: int) -> set[str]:
    """Return the metrics that shipping's functions have logged since then, in the embedded metric format."""
    client = laptop.target.client("logs")
    groups = client.get_paginator("describe_log_groups").paginate(
        logGroupNamePrefix=log_groups_begin(laptop.target, "shipping")
    )
    counted = set()
    for group in (group["logGroupName"] for page in groups for group in page["logGroups"]):
        found = client.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since)
        for line in (event["message"] for page in found for event in page["events"]):
            if line.startswith('{"_aws"'):
                (emf,) = json.loads(line)["_aws"]["CloudWatchMetrics"]
                counted |= {metric["Name"] for metric in emf["Metrics"]}
    return counted
