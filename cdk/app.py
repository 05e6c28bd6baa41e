"""Orderflow's stacks for one stage: `cdk synth -c stage=dev`."""

from pathlib import Path

from aws_cdk import App

from audit.infrastructure import AuditStack
from cdk import deploy_order
from cdk.platform_stack import PlatformStack
from cdk.service_stack import ServiceStack, put_in_order
from journal.infrastructure import JournalStack
from services.inventory.infrastructure import InventoryStack
from services.notification.infrastructure import NotificationStack
from services.order.infrastructure import OrderStack
from services.payment.infrastructure import PaymentStack
from services.shipping.infrastructure import ShippingStack

STACKS = (PlatformStack, PaymentStack, InventoryStack, OrderStack, ShippingStack, NotificationStack, AuditStack, JournalStack)


def compose(app: App) -> list[ServiceStack]:
    """The app's stacks, each depending on those that publish what it requires; their order is left in the assembly."""
    stage = app.node.try_get_context("stage") or "dev"
    stacks = [kind(app, stage) for kind in STACKS]
    deploy_order.write(put_in_order(stacks), Path(app.outdir))
    return stacks


if __name__ == "__main__":
    app = App()
    compose(app)
    app.synth()
