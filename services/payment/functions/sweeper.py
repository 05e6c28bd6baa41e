"""The sweeper: every minute it repeats each refund with an unknown outcome, and never gives up.

The saga recovers all steps up to the capture. The sweeper voids payments that the saga left and that no order needs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from kernel import clock, logs
from kernel.aggregate_store import Causation
from kernel.clients import Clients
from kernel.entrypoints import bootstrap_republish, move_each, release_if_orphan, sweep
from kernel.facts import OwnerFacts
from kernel.handler import Handler, lambda_handler
from kernel.index_shards import share_in
from kernel.metrics import count
from kernel.orphans import LANE, OrphanCapturedError, unsettled
from kernel.settings import from_environment
from kernel.workers import SweepSettings
from services.payment.domain import states
from services.payment.domain.model import PaymentRow
from services.payment.gateways.factory import GatewayFactory, gateway_of
from services.payment.storage.table import Payments
from services.payment.use_cases.processor import PaymentProcessor

PER_SHARD: Final = 1000
"""How many refunds of a shard one sweep repeats; the rest come first in the next."""
PATIENCE: Final = 100
"""So many refunds in a row without an outcome mean that the gateway is down: the sweep repeats no more of them."""


UNSETTLED: Final = states.TRANSITIONS.statuses - states.TRANSITIONS.terminal - {states.REFUNDING}
"""Statuses in which money is set aside, or may be."""


@dataclass(frozen=True)
class Sweeper:
    """Moves the payments that are due."""

    processor: PaymentProcessor
    facts: OwnerFacts

    def repeat_refund(self, order_id: str) -> bool:
        """Repeat the refund; return whether its outcome is known now."""
        payments = self.processor.payments
        row = payments.get(order_id)
        if row is not None:
            logs.follow(row["correlation_id"])
        if row is not None and self.processor.refund(row)["status"] == states.REFUNDING:
            payments.postpone(order_id, clock.now())  # behind the others that are due
            return False
        return True

    def release_orphan(self, order_id: str) -> bool:
        """Void the payment if its order does not need it; return whether it was voided.

        Raises OrphanCapturedError, GatewayFaultError, and what `OwnerFacts.of` raises.
        """
        return release_if_orphan(self.processor.payments, order_id, UNSETTLED, self._void, self.facts)

    def _void(self, row: PaymentRow) -> None:
        order_id = row["order_id"]
        if row["status"] == states.CAPTURING:
            raise OrphanCapturedError(f"the payment of {order_id} is being captured, and there is no order that needs it")
        causation = Causation(row["correlation_id"], f"{row['pk']}#{row['version']}")
        if self.processor.void(order_id, causation)["outcome"] == "CAPTURED":
            raise OrphanCapturedError(f"the payment of {order_id} is captured, and there is no order that needs it")
        count("OrphanReleased", 1)


def bootstrap(clients: Clients, environ: Mapping[str, str], make_gateway: GatewayFactory = gateway_of) -> Handler:
    """Return the handler of a sweep, which returns how much it did. Sweeps may overlap."""
    table_name = environ["TABLE_NAME"]
    payments = Payments(clients.dynamodb, table_name)
    republish = bootstrap_republish(clients, environ, unsettled(states.TRANSITIONS.aggregate, UNSETTLED))
    facts = OwnerFacts(lambda: clients.functions, environ)
    sweeper = Sweeper(PaymentProcessor(payments, make_gateway(clients, environ)), facts)
    at_once = from_environment(SweepSettings, environ).sweep_at_once

    def handle(event: Mapping[str, object], context: object) -> dict[str, int]:
        begun, share = clock.now(), share_in(event)
        due = payments.due(begun, PER_SHARD, share=share)
        unsettled = payments.due(begun, PER_SHARD, LANE, share)
        return sweep(
            lambda: move_each(
                payments,
                due,
                sweeper.repeat_refund,
                "RefundsNotAskedFor",
                moved="known",
                begun=begun,
                at_once=at_once,
                patience=PATIENCE,
            ),
            lambda: move_each(
                payments,
                unsettled,
                sweeper.release_orphan,
                "OrphansNotReleased",
                moved="released",
                failed="not_released",
                begun=begun,
                at_once=at_once,
            ),
            lambda: republish(share),
        )

    return handle


handler = lambda_handler(bootstrap)
