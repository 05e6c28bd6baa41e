"""An alarm of the deployed templates reaches a subscriber of the alarm topic."""

import json

from tests.support.orderctl_run import orderctl
from tests.support.polling import eventually
from tests.system.conftest import Laptop


def test_test_of_an_alarm_reaches_a_subscriber(laptop: Laptop) -> None:
    sqs, topic = laptop.target.client("sqs"), laptop.target.parameter("platform/alarm-topic-arn")
    receiver = sqs.create_queue(QueueName="alarm-receiver")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=receiver, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    laptop.target.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    (sent,) = json.loads(orderctl(laptop.target, "alarms", "test", "-o", "json"))

    found = eventually(lambda: sqs.receive_message(QueueUrl=receiver, WaitTimeSeconds=1).get("Messages"), 60, "a notification")
    assert sent["name"] in found[0]["Body"]
    rings = json.loads(orderctl(laptop.target, "alarms", "list", "-o", "json"))
    assert [alarm["name"] for alarm in rings] == [sent["name"]]
    laptop.target.client("cloudwatch").set_alarm_state(AlarmName=sent["name"], StateValue="OK", StateReason="the test ends")
    sqs.delete_queue(QueueUrl=receiver)
