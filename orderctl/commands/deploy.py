"""`orderctl deploy` and `orderctl destroy`: the CDK's own, with what a stack requires checked first."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

import stages
from cdk import deploy_order
from cdk.deploy_order import Stacked
from orderctl import cdk_cli, laptop, output
from orderctl.cdk_cli import Cdk
from orderctl.embedded import process
from orderctl.errors import UserError
from orderctl.target import Target
from stages import Stage, StageError

Services = Annotated[list[str] | None, typer.Argument(help="platform, order, payment, inventory, shipping, notification ...")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--context", "-c", help="A setting, name=value, that must be what the stage's file says; may be repeated."),
]


def register(root: typer.Typer) -> None:
    """Add both to the command line."""
    root.command()(deploy)
    root.command()(destroy)


def deploy(
    ctx: typer.Context,
    services: Services = None,
    everything: Annotated[bool, typer.Option("--all", help="Every stack of the stage.")] = False,
    context: Settings = None,
) -> None:
    """Deploy some services' stacks, or all, in an order in which each finds what it requires.

    The account must be bootstrapped once (`cdk bootstrap`); the laptop's is, by `orderctl up`.

    Examples:

    - `orderctl deploy payment` deploys one alone, to the laptop

    - `orderctl --target aws --profile me --region eu-central-1 deploy --all`

    The settings are in `stages/<stage>.yaml`.
    """
    from orderctl import deploying

    settings = ctx.obj.settings()
    check_overrides(settings, context or [])
    cdk, assembly, stacks = _synthesized(ctx)
    wanted = deploying.chosen(stacks, services or [], everything=everything)
    deploying.check_required(wanted, stacks, deploying.parameters_there(ctx.obj))
    names = [stack.name for stack in wanted]
    _forget(ctx.obj, names)
    with output.Progress().step(f"Deploy {', '.join(names)}"):
        cdk.deploy(assembly, names)


def destroy(
    ctx: typer.Context,
    services: Services = None,
    everything: Annotated[bool, typer.Option("--all", help="Every stack of the stage.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Destroy some services' stacks, or all. Outside the stage dev, tables and the archive stay.

    Examples:

    - `orderctl destroy notification`

    - `orderctl destroy --all --yes`
    """
    from orderctl import deploying

    cdk, assembly, stacks = _synthesized(ctx)
    there = deploying.stacks_there(ctx.obj, stacks)
    wanted = [stack for stack in deploying.chosen(stacks, services or [], everything=everything) if stack.name in there]
    if not wanted:
        output.err.print("Nothing of this is deployed.")
        return
    deploying.check_unneeded(wanted, stacks, there)
    names = [stack.name for stack in reversed(wanted)]
    if not yes:
        typer.confirm(f"Destroy {', '.join(names)} and what they keep?", abort=True, err=True)
    _forget(ctx.obj, names)
    for name in names:
        with output.Progress().step(f"Destroy {name}"):
            cdk.destroy(assembly, name)


def _forget(target: Target, names: list[str]) -> None:
    if target.is_laptop:
        laptop.forget(target, names)


def check_overrides(settings: Stage, given: Sequence[str]) -> None:
    """See that each `name=value` repeats what the stage's file says. Raises UserError."""
    for override in given:
        name, _, value = override.partition("=")
        try:
            stages.override(settings, name, value)
        except StageError as error:
            raise UserError(error.message, error.hint) from error


def _synthesized(ctx: typer.Context) -> tuple[Cdk, Path, list[Stacked]]:
    """The stacks of the stage; synthesized only if what they are made of has changed since the last time."""
    folder = process.home()
    assembly, made_of = folder / "cdk.out.deploy", folder / "cdk.out.deploy.sources"
    sources = cdk_cli.fingerprint(ctx.obj.settings())
    cdk = Cdk(ctx.obj, folder / "logs" / "deploy.log")
    if not (made_of.exists() and made_of.read_text() == sources and assembly.exists()):
        made_of.unlink(missing_ok=True)
        with output.Progress().step("Synthesize the stacks"):
            cdk.finish(cdk.synthesizing(assembly), "synth")
        made_of.write_text(sources)
    return cdk, assembly, deploy_order.read(assembly)
