"""The payment service's stack."""

from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from cdk.constructs.alarm import Tier, alarm_on_count
from cdk.constructs.encryption import acknowledge_key_of_aws
from cdk.constructs.facts import ask_facts, state_facts
from cdk.constructs.function import ServiceFunction
from cdk.constructs.http_api import HttpApi
from cdk.constructs.outbox import Outbox
from cdk.constructs.receipts import give_key
from cdk.constructs.registry import register_schemas
from cdk.constructs.secret import ServiceSecret
from cdk.constructs.subscription import Subscription
from cdk.constructs.table import CHECK_OF_KEY, ServiceTable, table_defaults, text
from cdk.service_stack import ServiceStack
from kernel.naming import DUE_INDEX
from kernel.timeouts import DYNAMODB, FUNCTIONS
from services.payment.gateways.timeouts import OPERATION_SECONDS
from services.payment.subscriptions import FILTERS, SUBSCRIPTIONS
from stages import Stage

PAYMENTS, DISPUTES, OUTSIDE_REFUNDS = "PAY#", "DISPUTE#", "REFUND#"
COMMANDS_SECONDS = 10
SUBSCRIBER_SECONDS = 60
BATCH = 2
"""So few that even if every one waits for another service's facts, the function is not cut in the middle."""
REFUND_SECONDS = OPERATION_SECONDS["refund"] + 4 * DYNAMODB.once
"""The longest that a refund takes: the gateway, the payment's row three times, the ledger."""
WEBHOOKS = ("POST /webhooks/stripe",)
MISCONFIGURED = {
    "GatewayMisconfigured": ("the gateway refuses our account, and every order waits", 0),
    "PaymentUntried": ("payments are declined without a card check; check that gateway and shop use one account", 9),
}
"""Counts of what an operator must mend, each with how many in five minutes are normal."""
STRIPE_REVIEW = "stripe-event-needs-review"
"""The runbook for what Stripe's webhook counts."""
TOLD_LATER = {
    "PaymentDisputed": "a customer contests a payment; answer the bank in time",
    "AuthorizationExpired": "an authorisation expired before its capture; check the saga of the order",
    "RefundFailedLate": "a refund failed late, and the customer does not have the money",
    "RefundedOutside": "money was refunded at Stripe without a cancellation here",
    "CapturedOutside": "money was captured at Stripe without a capture here",
    "PaymentFailedLate": "a payment that counts as ours failed",
}
"""Stripe's webhook counts these, each with its alarm."""


SWEEPER_SECONDS = 70
"""Over the minute between two sweeps: they run side by side if need be."""
REFUNDS_AT_ONCE = 64
"""The refunds that a sweep repeats at once. Two sweeps at a gateway that responds in 1.5 s make 85 a second, and Stripe takes
100 (https://docs.stripe.com/rate-limits)."""
ORPHAN_SECONDS = FUNCTIONS.seconds + OPERATION_SECONDS["void"] + 4 * DYNAMODB.once
"""The longest that the sweeper takes to void a payment that no order needs."""
ORPHANS = {
    "OrphanReleased": ("a payment of no order was voided", Tier.FULL),
    "OrphansNotReleased": ("a payment of no order cannot be voided", Tier.ESSENTIAL),
}
"""The sweeper\'s metrics about what no order needs: the fault, and the alarm\'s tier."""


class PaymentStack(ServiceStack):
    """Payments, the gateway's ledger, and what Stripe needs where it is the gateway."""

    def __init__(self, scope: Construct, stage: Stage) -> None:
        super().__init__(scope, stage, "payment")
        register_schemas(self)
        table = ServiceTable(self, due_index=True)
        # The ledger of both gateways. A new id would replace the table.
        ledger = dynamodb.Table(self, "SandboxLedger", partition_key=text("pk"), sort_key=text("sk"), **table_defaults(self))
        acknowledge_key_of_aws(self, ledger, CHECK_OF_KEY)
        self.publish("ledger-table-name", ledger.table_name)
        gateway = {"LEDGER_TABLE_NAME": ledger.table_name, **self._gateway()}
        environment = {"TABLE_NAME": table.table_name, **gateway}
        commands = ServiceFunction(
            self, "commands", timeout_seconds=COMMANDS_SECONDS, environment=environment, primed_row=PAYMENTS
        )
        table.allow(commands, "GetItem", "UpdateItem", rows=(PAYMENTS,))
        give_key(self, commands)
        self.publish("commands-arn", commands.entry.function_arn)
        operator = ServiceFunction(self, "operator", timeout_seconds=COMMANDS_SECONDS, environment=environment)
        table.allow(operator, "GetItem", "UpdateItem", rows=(PAYMENTS,))
        self.publish("operator-arn", operator.entry.function_arn)
        subscriber = ServiceFunction(self, "subscriber", timeout_seconds=SUBSCRIBER_SECONDS, environment=environment)
        table.allow(subscriber, "GetItem", "UpdateItem", rows=(PAYMENTS,))
        Subscription(
            self,
            "cancellations",
            SUBSCRIPTIONS["cancellations"],
            subscriber,
            only=FILTERS["cancellations"],
            batch_size=BATCH,
            batch_seconds=BATCH * (FUNCTIONS.seconds + REFUND_SECONDS),
        )
        state_facts(self, table, PAYMENTS, OUTSIDE_REFUNDS)
        ask_facts(self, subscriber, "order")
        outbox = Outbox(
            self,
            table,
            rows=(PAYMENTS, DISPUTES, OUTSIDE_REFUNDS),
            row_seconds=max(REFUND_SECONDS, ORPHAN_SECONDS),
            sweeper_seconds=SWEEPER_SECONDS,
            sweeper_environment=gateway,
            sweepers=self.settings.sweepers,
            at_once=REFUNDS_AT_ONCE,
            leaves_open_rows=True,
        )
        table.allow_query(outbox.sweeper, DUE_INDEX)
        ask_facts(self, outbox.sweeper, "order")
        for name, (fault, tier) in ORPHANS.items():
            alarm_on_count(self, name, fault, "orphan-money-or-goods", tier=tier)
        callers = (commands, operator, subscriber, outbox.sweeper)
        for function in callers:
            function.allow("dynamodb:PutItem", "dynamodb:ConditionCheckItem", on=ledger.table_arn)
        for name, (description, above) in MISCONFIGURED.items():
            alarm_on_count(self, name, description, "gateway-misconfigured", above=above)
        alarm_on_count(self, "RefundsNotAskedFor", "the sweeper cannot repeat refunds", "rows-not-moved")
        alarm_on_count(self, "RefundRefused", "the gateway refused a refund", "refund-refused")
        if gateway["GATEWAY"] == "stripe":
            self._stripe(table, ledger, callers, gateway["STRIPE_URL"])

    def _gateway(self) -> dict[str, str]:
        """Return the variables about the gateway for the functions that move money."""
        gateway = self.settings.gateway
        self.publish("gateway", gateway)
        url = {"STRIPE_URL": self.settings.stripe_url} if gateway == "stripe" else {}
        return {"GATEWAY": gateway, **url}

    def _stripe(self, table: ServiceTable, ledger: dynamodb.Table, callers: tuple[ServiceFunction, ...], url: str) -> None:
        """Create the secret of the account's key for the functions that move money, and the webhook that Stripe calls."""
        key = ServiceSecret(self, "stripe-api-key", "the key of our account at Stripe: it may charge and refund")
        webhook_key = ServiceSecret(self, "stripe-webhook-key", "a restricted key of our account at Stripe: it may read")
        secret = ServiceSecret(self, "stripe-webhook-secret", "the secret by which Stripe signs its webhook")
        webhook = ServiceFunction(
            self,
            "webhook",
            timeout_seconds=15,
            environment={
                "TABLE_NAME": table.table_name,
                "LEDGER_TABLE_NAME": ledger.table_name,
                "STRIPE_URL": url,
            },
            at_most=self.settings.webhook_concurrency,
        )
        table.allow(webhook, "GetItem", rows=(PAYMENTS, DISPUTES, OUTSIDE_REFUNDS))
        table.allow(webhook, "UpdateItem", rows=(DISPUTES, OUTSIDE_REFUNDS))
        secret.grant_read_to("STRIPE_WEBHOOK_SECRET_ARN", webhook)
        for function in (*callers, webhook):
            function.allow("dynamodb:GetItem", on=ledger.table_arn)
        key.grant_read_to("STRIPE_API_KEY_ARN", *callers)
        webhook_key.grant_read_to("STRIPE_API_KEY_ARN", webhook)
        HttpApi(self, webhooks=dict.fromkeys(WEBHOOKS, webhook))
        for name, description in TOLD_LATER.items():
            alarm_on_count(self, name, description, STRIPE_REVIEW)
        unknown = "Stripe's endpoint sends unknown types of events"
        alarm_on_count(self, "WebhookEventsUnknown", unknown, STRIPE_REVIEW, above=99, tier=Tier.FULL)
