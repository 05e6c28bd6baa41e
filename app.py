"""Orderflow's stacks for one stage: `cdk synth -c stage=dev` reads `stages/dev.yaml`."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

from aws_cdk import App

import stages
from audit.infrastructure import AuditStack
from cdk import alarm_inventory, stack_order
from cdk.constructs.alarm import notify
from cdk.constructs.burn_alarm import watch_objectives
from cdk.constructs.encryption import encrypt
from cdk.constructs.traffic import shift_traffic
from cdk.platform_stack import PlatformStack
from cdk.service_stack import ServiceStack, put_in_order
from cdk.stack_contract import ContractError
from cdk.stack_order import DependencyCycleError, MissingProviderError
from journal.infrastructure import JournalStack
from services.inventory.infrastructure import InventoryStack
from services.notification.infrastructure import NotificationStack
from services.order.infrastructure import OrderStack
from services.payment.infrastructure import PaymentStack
from services.shipping.infrastructure import ShippingStack
from stages import Stage, StageError

SETTING_NAME = re.compile(r"[a-z]+(_[a-z]+)*")
"""A context key of ours; the CDK's own have `@`, `:` or `-`."""
STACKS = (
    PlatformStack,
    PaymentStack,
    InventoryStack,
    OrderStack,
    ShippingStack,
    NotificationStack,
    AuditStack,
    JournalStack,
)


def compose(app: App, stage: Stage) -> list[ServiceStack]:
    """Return the app's stacks, each depending on those that publish what it requires; their order is left in the assembly."""
    composed: list[ServiceStack] = [kind(app, stage) for kind in STACKS]
    for stack in composed:
        alarm_inventory.watch(stack)
        watch_objectives(stack)
        notify(stack)
        shift_traffic(stack)
        encrypt(stack)
    stack_order.write(put_in_order(composed), Path(app.outdir))
    return composed


def stage_of(app: App) -> Stage:
    """Return the settings of the stage that the context `stage` names; a stage without a file may be `like` an ephemeral one.

    Raises stages.StageError if the context names no stage that can be used, or contradicts the stage's file.
    """
    context: dict[str, object] = app.node.get_all_context()
    if "stage" not in context:
        raise StageError("No stage is named.", f"Name one with -c stage=NAME: {stages.listed()}.")
    like = context.get("like")
    stage = stages.load(str(context["stage"]), like=None if like is None else str(like))
    for name in context.keys() - {"stage", "like"}:
        if SETTING_NAME.fullmatch(name):
            stages.override(stage, name, stages.as_text(context[name]))
    return stage


def synthesize() -> None:
    """Write the templates of the stage. Raises StageError, and what `compose` raises for stacks that do not fit."""
    app = App()
    compose(app, stage_of(app))
    app.synth()


def main(run: Callable[[], None] = synthesize) -> str | None:
    """Run the synthesis; return the text of an error that its user can correct, or None."""
    try:
        run()
    except StageError as error:
        return f"{error.message}\n{error.hint}"
    except (ContractError, MissingProviderError, DependencyCycleError) as error:
        return f"The stacks do not fit: {error}"
    return None


if __name__ == "__main__":
    sys.exit(main())
