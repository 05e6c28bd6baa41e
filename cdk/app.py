"""Orderflow's stacks for one stage: `cdk synth -c stage=dev`."""

import os
from pathlib import Path

from aws_cdk import App

from cdk import deploy_order
from cdk.deploy_order import Stacked
from cdk.platform_stack import PlatformStack
from cdk.service_stack import ServiceStack
from services.inventory.infrastructure import InventoryStack
from services.notification.infrastructure import NotificationStack
from services.order.infrastructure import OrderStack
from services.payment.infrastructure import PaymentStack
from services.shipping.infrastructure import ShippingStack

STACKS = (PlatformStack, PaymentStack, InventoryStack, OrderStack, ShippingStack, NotificationStack)


def compose(app: App) -> list[ServiceStack]:
    """The app's stacks, each depending on those that publish what it requires. Raises deploy_order.Unprovided."""
    stage = app.node.try_get_context("stage") or "dev"
    stacks = {made.stack_name: made for made in (kind(app, stage) for kind in STACKS)}
    listed = [Stacked(name, tuple(sorted(s.provides)), tuple(sorted(s.requires))) for name, s in stacks.items()]
    for name, needed in deploy_order.dependencies(listed).items():
        for other in sorted(needed):
            stacks[name].add_dependency(stacks[other], "it publishes what this one requires, by SSM name")
    deploy_order.write(listed, Path(app.outdir))
    return list(stacks.values())


if __name__ == "__main__":
    app = App(outdir=os.environ.get("CDK_OUTDIR"))
    compose(app)
    app.synth()
