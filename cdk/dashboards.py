"""The two dashboards as data: the graphs of the business, and those of resources and faults, with the metrics of the alarms.

`docs/reference/dashboards.md` shows them, drawn from a simulated run by `make dashboards`.
"""

from dataclasses import dataclass
from typing import Final

PERIOD_SECONDS: Final = 300
"""The period of each point."""


@dataclass(frozen=True)
class Line:
    """A metric of a graph, or one line for each of its values.

    A metric of our own is in the stage's namespace, has the dimension `service`, and `by` is one more. A metric of AWS has a
    `namespace`, and a line for each resource of the stage with the dimensions `of`; without them, one line for the account.
    """

    metric: str
    statistic: str = "Sum"
    namespace: str = ""
    service: str = ""
    by: str = ""
    of: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The name in the legend."""
        return self.metric if self.statistic in ("Sum", "Maximum") else f"{self.metric} {self.statistic}"


@dataclass(frozen=True)
class Graph:
    """A graph: its title, which says what a reader learns, and its lines."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Dashboard:
    """A dashboard of graphs, three in a row."""

    name: str
    purpose: str
    graphs: tuple[Graph, ...]


def _times(service: str, metric: str) -> tuple[Line, ...]:
    return tuple(Line(metric, statistic, service=service) for statistic in ("p50", "p99"))


SERVICES: Final = ("order", "payment", "inventory", "shipping", "notification")
BUSINESS: Final = Dashboard(
    "Business",
    "Orders, money, parcels and mails, as customers notice them.",
    (
        Graph(
            "Orders by outcome",
            (Line("OrdersConfirmed", service="order"), Line("OrdersCancelled", service="order", by="reason")),
        ),
        Graph("Time to the answer, in milliseconds", (*_times("order", "TimeToAnswer"), *_times("order", "TimeToYes"))),
        Graph(
            "Money, in minor units",
            tuple(
                Line(metric, service="payment", by="currency")
                for metric in ("MoneyCaptured", "MoneyRefunded", "MoneyRefundedByHand")
            ),
        ),
        Graph("Time to ship, in seconds", _times("shipping", "TimeToShip")),
        Graph(
            "Mails",
            (Line("MailsSent", service="notification", by="kind"), Line("MailsFailed", service="notification", by="kind")),
        ),
        Graph("Time to mail, in seconds", _times("notification", "TimeToMail")),
        Graph("Stock", (Line("StockOuts", service="inventory"), Line("BackOrdersWaiting", "Maximum", service="audit"))),
        Graph(
            "Waiting too long",
            (
                Line("OrdersNotEnded", service="audit"),
                Line("OrdersNotShipped", service="audit"),
                Line("NewsOverdue", service="audit"),
                Line("OldestUnfinishedOrder", "Maximum", service="audit"),
            ),
        ),
        Graph(
            "Events: replayed, and late in an outbox",
            tuple(
                Line(metric, statistic, service=service)
                for metric, statistic in (("EventsReplayed", "Sum"), ("OutboxLag", "Maximum"))
                for service in SERVICES
            ),
        ),
    ),
)


def _each(namespace: str, of: tuple[str, ...], **metrics: str) -> tuple[Line, ...]:
    """Return lines of AWS's metrics, each with its statistic, for each resource with these dimensions."""
    return tuple(Line(metric, statistic, namespace, of=of) for metric, statistic in metrics.items())


def _counted(service: str, *metrics: str) -> tuple[Line, ...]:
    """Return lines of the faults that a service counts."""
    return tuple(Line(metric, service=service) for metric in metrics)


_FUNCTION, _QUEUE, _TABLE = ("FunctionName",), ("QueueName",), ("TableName",)
_ON_BUS, _ON_SCHEDULE = ("EventBusName", "RuleName"), ("RuleName",)
TECHNICAL: Final = Dashboard(
    "Technical",
    "Each kind of resource and each counted fault, by the metrics that alarms watch.",
    (
        Graph(
            "Not moved by a sweeper",
            (
                *_counted("order", "OrdersNotMoved", "OrderStuck", "CancellationStuck", "CompensationFailed"),
                *_counted("payment", "RefundsNotAskedFor", "OrphansNotReleased", "OrphanReleased"),
                *_counted("inventory", "StockNotLookedAt", "OrphansNotReleased", "OrphanReleased"),
                *_counted("shipping", "ShipmentsNotMoved", "CarrierPaused"),
                *_counted("notification", "ClaimsNotGivenUp"),
            ),
        ),
        Graph(
            "Money that needs an operator",
            _counted(
                "payment",
                *("RefundRefused", "PaymentFailedLate", "RefundFailedLate", "AuthorizationExpired", "PaymentUntried"),
                *("CapturedOutside", "RefundedOutside", "PaymentDisputed", "WebhookEventsUnknown", "GatewayMisconfigured"),
            ),
        ),
        Graph(
            "Goods, parcels and mails that need an operator",
            (
                *_counted("inventory", "StockRunningLow"),
                *_counted("shipping", "ParcelReturned", "LabelRefundRefused"),
                *_counted("notification", "AddressesSuppressed", "SendingUnknown"),
            ),
        ),
        Graph(
            "Events: not published, published late, or not in the journal",
            (
                *(line for each in SERVICES for line in _counted(each, "EventsNotPublished", "EventsRepublished")),
                *_counted("journal", "EventsNotJournaled"),
            ),
        ),
        Graph(
            "Events and receipts: refused",
            (
                *(line for each in (*SERVICES, "audit") for line in _counted(each, "ReplayedEventsRefused")),
                *(line for each in ("order", "payment", "inventory") for line in _counted(each, "ReceiptRefused")),
            ),
        ),
        Graph("Audit: broken invariants", _counted("audit", "AuditFindings", "OrderFindings")),
        Graph("Functions: errors and throttles", _each("AWS/Lambda", _FUNCTION, Errors="Sum", Throttles="Sum")),
        Graph("Functions: duration, in milliseconds", _each("AWS/Lambda", _FUNCTION, Duration="Maximum")),
        Graph("Functions: invocations", _each("AWS/Lambda", _FUNCTION, Invocations="Sum")),
        Graph("Queues and dead letters: messages", _each("AWS/SQS", _QUEUE, ApproximateNumberOfMessagesVisible="Maximum")),
        Graph(
            "Queues: age of the oldest message, in seconds", _each("AWS/SQS", _QUEUE, ApproximateAgeOfOldestMessage="Maximum")
        ),
        Graph("Streams: how far the relays are behind, in milliseconds", _each("AWS/Lambda", _FUNCTION, IteratorAge="Maximum")),
        Graph(
            "Rules and archive: not delivered",
            (
                *_each(
                    "AWS/Events", _ON_BUS, FailedInvocations="Sum", InvocationsFailedToBeSentToDlq="Sum", ThrottledRules="Sum"
                ),
                *_each("AWS/Events", _ON_SCHEDULE, FailedInvocations="Sum", ThrottledRules="Sum"),
            ),
        ),
        Graph("Tables: throttled", _each("AWS/DynamoDB", _TABLE, ReadThrottleEvents="Sum", WriteThrottleEvents="Sum")),
        Graph("Tables: errors of AWS", _each("AWS/DynamoDB", ("TableName", "Operation"), SystemErrors="Sum")),
        Graph(
            "APIs of the account: requests and errors", _each("AWS/ApiGateway", ("ApiId",), **{"Count": "Sum", "5xx": "Sum"})
        ),
        Graph("APIs of the account: latency, in milliseconds", _each("AWS/ApiGateway", ("ApiId",), Latency="p99")),
        Graph(
            "Sagas of the account: runs that fail",
            _each(
                "AWS/States", ("StateMachineArn",), ExecutionsFailed="Sum", ExecutionsTimedOut="Sum", ExecutionThrottled="Sum"
            ),
        ),
        Graph(
            "Journal: delivery streams",
            _each(
                "AWS/Firehose", ("DeliveryStreamName",), **{"ThrottledRecords": "Sum", "DeliveryToS3.DataFreshness": "Maximum"}
            ),
        ),
        Graph("Alarm topic: not notified", _each("AWS/SNS", ("TopicName",), NumberOfNotificationsFailed="Sum")),
        Graph(
            "SES of the account: rates",
            _each("AWS/SES", (), **{"Reputation.BounceRate": "Maximum", "Reputation.ComplaintRate": "Maximum"}),
        ),
    ),
)
DASHBOARDS: Final = (BUSINESS, TECHNICAL)
OF_THE_ACCOUNT: Final = frozenset({"AWS/ApiGateway", "AWS/SES", "AWS/States"})
"""The namespaces with no dimension that names the stage: the graph shows the account's region.

CloudFormation begins the names of most resources with that of their stack, but not the name of a state machine.
"""
