"""The shipping service's stack."""

import json

from constructs import Construct

from cdk.constructs.alarm import Tier, alarm_on_count
from cdk.constructs.facts import ask_facts, state_facts
from cdk.constructs.function import ServiceFunction
from cdk.constructs.http_api import HttpApi
from cdk.constructs.outbox import Outbox
from cdk.constructs.registry import register_schemas
from cdk.constructs.secret import ServiceSecret
from cdk.constructs.subscription import Subscription
from cdk.constructs.table import ServiceTable
from cdk.service_stack import ServiceStack
from kernel.naming import DUE_INDEX
from kernel.timeouts import DYNAMODB, FUNCTIONS
from services.shipping.carriers.timeouts import SHIPMENT_SECONDS
from services.shipping.subscriptions import SUBSCRIPTIONS
from stages import Stage

SHIPMENTS = "SHIP#"
BREAKER = "BREAKER#"
PARCEL_REVIEW = "parcel-needs-review"
"""The runbook for what the carrier says of a parcel later."""
WEBHOOKS = ("POST /webhooks/carrier",)
SWEEPER_SECONDS = 80
"""A shipment's step may wait for a contact and three times for EasyPost; sweeps may overlap."""
PARCELS_AT_ONCE = 64
"""The parcels that a sweep queries at once."""
BOOKING_SECONDS = 45
BOOKING_BATCH = 1
"""Each instance books one parcel at a time: the carrier's seconds are waited for side by side."""
SUBSCRIBER_SECONDS = 60
BATCH = 5
"""So few that the function ends in time even if each message waits for another service's facts."""
STEP_SECONDS = FUNCTIONS.seconds + SHIPMENT_SECONDS + 8 * DYNAMODB.once
"""The longest that a shipment's step takes: its contact, the carrier, the row four times, the breaker four times."""
MESSAGE_SECONDS = FUNCTIONS.seconds + 2 * DYNAMODB.once
"""The longest that a message takes: the other service's facts, the row twice."""


class ShippingStack(ServiceStack):
    """Shipments of confirmed orders."""

    def __init__(self, scope: Construct, stage: Stage) -> None:
        super().__init__(scope, stage, "shipping")
        register_schemas(self)
        table = ServiceTable(self, due_index=True)
        subscriber = ServiceFunction(
            self, "subscriber", timeout_seconds=SUBSCRIBER_SECONDS, environment={"TABLE_NAME": table.table_name}
        )
        table.allow(subscriber, "GetItem", "UpdateItem", rows=(SHIPMENTS,))
        Subscription(
            self, "orders", SUBSCRIPTIONS["orders"], subscriber, batch_size=BATCH, batch_seconds=BATCH * MESSAGE_SECONDS
        )
        state_facts(self, table, SHIPMENTS)
        ask_facts(self, subscriber, "order")
        cancellation = ServiceFunction(
            self, "cancellation", timeout_seconds=SUBSCRIBER_SECONDS, environment={"TABLE_NAME": table.table_name}
        )
        table.allow(cancellation, "GetItem", "UpdateItem", rows=(SHIPMENTS,))
        Subscription(
            self,
            "cancellations",
            SUBSCRIPTIONS["cancellations"],
            cancellation,
            batch_size=BATCH,
            batch_seconds=BATCH * MESSAGE_SECONDS,
        )
        ask_facts(self, cancellation, "order")
        contact = self.require("order", "contact-arn")
        carrier = self._carrier()
        parcels = {"CONTACT_FUNCTION_ARN": contact, "TRANSIT_SECONDS": str(self.settings.transit_seconds), **carrier}
        outbox = Outbox(
            self,
            table,
            rows=(SHIPMENTS,),
            row_seconds=STEP_SECONDS,
            sweeper_seconds=SWEEPER_SECONDS,
            sweeper_environment=parcels,
            sweepers=self.settings.sweepers,
            at_once=PARCELS_AT_ONCE,
        )
        table.allow_query(outbox.sweeper, DUE_INDEX)
        table.allow(outbox.sweeper, "GetItem", "UpdateItem", rows=(BREAKER,))
        booking = self._booking(table, parcels)
        for function in (outbox.sweeper, booking):
            function.allow("lambda:InvokeFunction", on=contact)
        webhook = self._webhook(table, carrier)
        if carrier["CARRIER"] != "sandbox":
            key = ServiceSecret(self, "carrier-api-key", "the key of our account at the carrier")
            key.grant_read_to("CARRIER_API_KEY_ARN", outbox.sweeper, booking, webhook)
        alarm_on_count(self, "ShipmentsNotMoved", "paid orders are not sent", "rows-not-moved")
        alarm_on_count(self, "CarrierPaused", "the carrier is down, and parcels wait", "rows-not-moved")
        unused = "the carrier refuses to refund an unused label"
        alarm_on_count(self, "LabelRefundRefused", unused, PARCEL_REVIEW, tier=Tier.FULL)
        alarm_on_count(self, "ParcelReturned", "a parcel was returned or lost", PARCEL_REVIEW)

    def _carrier(self) -> dict[str, str]:
        """Return the variables about the carrier for the functions that call it."""
        carrier = self.settings.carrier
        self.publish("carrier", carrier)
        if carrier == "sandbox":
            return {"CARRIER": carrier}
        return {
            "CARRIER": carrier,
            "EASYPOST_URL": self.settings.easypost_url,
            "SHIP_FROM": json.dumps(self.settings.ship_from, sort_keys=True),
            "GRAMS_PER_ITEM": str(self.settings.grams_per_item),
        }

    def _booking(self, table: ServiceTable, parcels: dict[str, str]) -> ServiceFunction:
        """Create the function that books parcels, and its queue, which delays each message for late cancellations."""
        booking = ServiceFunction(
            self, "booking", timeout_seconds=BOOKING_SECONDS, environment={"TABLE_NAME": table.table_name, **parcels}
        )
        table.allow(booking, "GetItem", "UpdateItem", rows=(SHIPMENTS, BREAKER))
        Subscription(
            self,
            "bookings",
            SUBSCRIPTIONS["bookings"],
            booking,
            batch_size=BOOKING_BATCH,
            batch_seconds=BOOKING_BATCH * STEP_SECONDS,
            delay_seconds=self.settings.booking_delay_seconds,
            max_concurrency=self.settings.booking_concurrency,
        )
        return booking

    def _webhook(self, table: ServiceTable, carrier: dict[str, str]) -> ServiceFunction:
        """Create the webhook for the carrier. The shared secret authenticates it."""
        secret = ServiceSecret(self, "carrier-webhook-secret", "the secret by which the carrier signs its webhook")
        environment = {"TABLE_NAME": table.table_name, **carrier}
        webhook = ServiceFunction(
            self, "webhook", timeout_seconds=15, environment=environment, at_most=self.settings.webhook_concurrency
        )
        table.allow(webhook, "GetItem", "UpdateItem", rows=(SHIPMENTS,))
        secret.grant_read_to("CARRIER_WEBHOOK_SECRET_ARN", webhook)
        HttpApi(self, webhooks=dict.fromkeys(WEBHOOKS, webhook))
        return webhook
