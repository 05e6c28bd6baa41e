"""`orderctl bootstrap`, `diff`, `deploy`, `destroy` and `cdk`: the CDK's commands, after checks of settings and contracts."""

import subprocess
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import stages
from cdk import stack_order
from cdk.stack_order import StackWiring
from laptop import bring_up
from laptop.emulator import process
from operations.aws.target import Target
from operations.deploy import cdk_cli
from operations.errors import UserError, WrongUsageError
from operations.plural import counted
from operations.repository import REPOSITORY
from orderctl.terminal import output
from orderctl.terminal.output import Format, OutputOption
from stages import Stage, StageError

if TYPE_CHECKING:
    from operations.deploy.cdk_cli import Cdk
    from operations.deploy.deployed_settings import Change

ASKED = ("any-change", "broadening")
"""The values of the CDK's option `--require-approval` by which it asks."""
UNASKED = ("-y", "--yes", "watch", "--watch")
"""The words of the CDK's command line that answer its questions."""
Services = Annotated[
    list[str] | None, typer.Argument(help="The services: platform, order, payment, inventory, shipping, notification ...")
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--context", "-c", help="A setting, name=value, which must equal the stage's file. Can be repeated."),
]
Allowed = Annotated[
    list[str] | None,
    typer.Option("--allow-change", metavar="NAME", help="Allow this protected setting to change. Can be repeated."),
]
TakeUp = Annotated[
    list[str] | None,
    typer.Option(metavar="TABLE", help="The table to take up, if a destroyed stack has left several. Can be repeated."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
CHANGES = {"service": "Service", "setting": "Setting", "deployed": "Deployed", "wanted": "Stage file"}


def register(root: typer.Typer) -> None:
    """Add the commands to the command line."""
    root.command()(bootstrap)
    root.command()(diff)
    root.command()(changed)
    root.command()(deploy)
    root.command()(destroy)
    root.command(name="cdk")(run_cdk)


def bootstrap(ctx: typer.Context, yes: Yes = False) -> None:
    """Prepare an account and region for the CDK: create its bucket and roles. Needed once.

    Example: `orderctl --target aws --profile me --stage prod bootstrap`
    """
    from operations.deploy import requirements

    target: Target = ctx.obj
    settings = target.settings()
    account = requirements.check_account(target, settings)
    show_place(target, settings, account, "Bootstrap the CDK")
    ask(target, settings, "Bootstrap?", yes=yes)
    cdk = target.cdk(process.home() / "logs" / "bootstrap.log")
    with output.Progress().step("Bootstrap the account"):
        cdk.finish(cdk.bootstrapping(), "bootstrap")


def diff(ctx: typer.Context, services: Services = None) -> None:
    """Show what a deployment of some services would change: settings and resources. By default, of every service.

    Nothing changes. On AWS, CloudFormation also says which resources would be replaced.

    Examples:

    - `orderctl diff payment` compares with the laptop's stack

    - `orderctl --target aws --profile me --stage prod diff`
    """
    from operations.deploy import contracts, deployed_settings, requirements

    target: Target = ctx.obj
    settings = target.settings()
    everything = not services
    named = requirements.check_named(services or [], requirements.known(), everything=everything)
    account = requirements.check_account(target, settings)
    there = requirements.parameters_there(target)
    known = deployed_settings.deployed(target.stage, there)
    found = [change for change in deployed_settings.changes(settings, known) if everything or change.service in named]
    show_place(target, settings, account, f"Compare {', '.join(named) or 'every stack'}")
    show_changes(found, known)
    cdk, assembly, stacks = _synthesized(ctx)
    wanted = requirements.chosen(stacks, services or [], everything=everything)
    typer.echo(cdk.differences(assembly, [stack.name for stack in wanted]))
    contracts.check(wanted, stacks, contracts.deployed(there))


def changed(
    ctx: typer.Context,
    commit: Annotated[str, typer.Argument(help="A commit, such as that of the last deployment.")],
    output_format: OutputOption = Format.TABLE,
) -> None:
    """List the services whose code or stacks differ between a commit and the current one, in the order of their deployment.

    Nothing is deployed, and AWS is not called. A pipeline deploys these services.

    Example: `orderctl changed v1.2.0 -o json`
    """
    from operations.deploy import changed_services, requirements

    paths = changed_services.since(commit)
    _, _, stacks = _synthesized(ctx)
    found = changed_services.of(paths, [requirements.service_of(stack) for stack in stacks])
    if output_format is Format.JSON:
        output.show_json(found)
        return
    output.show([{"service": service} for service in found], {"service": "Service"}, output_format, empty="No service changed.")


def deploy(
    ctx: typer.Context,
    services: Services = None,
    everything: Annotated[bool, typer.Option("--all", help="Every stack of the stage.")] = False,
    yes: Yes = False,
    allow_change: Allowed = None,
    take_up: TakeUp = None,
    new_tables: Annotated[
        bool, typer.Option("--new-tables", help="Start with empty tables, even if a destroyed stack has left some.")
    ] = False,
    context: Overrides = None,
) -> None:
    """Deploy the stacks of some services, or all stacks, in the order of their dependencies.

    The settings come from `stages/<stage>.yaml`. The command prints the account, each setting and each resource that would
    change, and asks for confirmation. On an ephemeral stage of the laptop, it does not ask and prints no resources. You must
    allow another gateway or carrier, or a shorter retention, by name.

    It refuses services that do not fit with the deployed ones. On a stage that is not ephemeral, a stack takes up the tables
    that it left when it was destroyed. With the setting `watch_minutes`, AWS rolls a service back if one of its alarms rings.

    Run `orderctl bootstrap` once for each account. `orderctl up` does it for the laptop.

    Examples:

    - `orderctl deploy payment` deploys one service to the laptop

    - `orderctl --target aws --profile me --stage prod deploy --all`

    - `orderctl --target aws --stage prod deploy payment --allow-change gateway`
    """
    from operations.deploy import contracts, deployed_settings, requirements

    target: Target = ctx.obj
    settings = target.settings()
    named = requirements.check_named(services or [], requirements.known(), everything=everything)
    check_overrides(settings, context or [])
    deployed_settings.check_protected(allow_change or [])
    account = requirements.check_account(target, settings)
    requirements.check_bootstrapped(target)
    there = requirements.parameters_there(target)
    known = deployed_settings.deployed(target.stage, there)
    found = [change for change in deployed_settings.changes(settings, known) if everything or change.service in named]
    show_place(target, settings, account, f"Deploy {', '.join(named) or 'every stack'}")
    show_changes(found, known)
    deployed_settings.check_allowed(settings, found, allow_change or [])
    cdk, assembly, stacks = _synthesized(ctx)
    wanted = requirements.chosen(stacks, services or [], everything=everything)
    requirements.check_required(wanted, stacks, there)
    contracts.check(wanted, stacks, contracts.deployed(there))
    names = [stack.name for stack in wanted]
    if not (target.is_laptop and (yes or settings.ephemeral)):
        typer.echo(cdk.differences(assembly, names), err=True)
    ask(target, settings, "Deploy?", yes=yes)
    if not settings.ephemeral and not new_tables:
        take_up_tables(cdk, assembly, wanted, take_up or [])
    given = deployed_settings.template_parameters(settings, found)
    _forget(target, names)
    parameters = {stack.name: given.get(requirements.service_of(stack), []) for stack in wanted}
    if target.is_laptop:
        with output.Progress().step(f"Deploy {', '.join(names)}"):
            cdk.deploy(assembly, names, parameters)
        return
    deployed = requirements.stacks_there(target, wanted)
    for stack in wanted:
        deploy_watched(cdk, assembly, stack, parameters, minutes=settings.watch_minutes if stack.name in deployed else 0)


def destroy(
    ctx: typer.Context,
    services: Services = None,
    everything: Annotated[bool, typer.Option("--all", help="Every stack of the stage.")] = False,
    yes: Yes = False,
    lift_protection: Annotated[
        bool, typer.Option("--lift-protection", help="Also destroy stacks that are protected from termination.")
    ] = False,
) -> None:
    """Destroy the stacks of some services, or all stacks.

    An ephemeral stage loses everything. On every other stage the stacks are protected from termination, and tables, archive,
    secrets and logs remain after their stack is destroyed.

    Examples:

    - `orderctl destroy notification`

    - `orderctl destroy --all --yes`

    - `orderctl --target aws --stage prod destroy notification --lift-protection`
    """
    from operations.deploy import requirements

    target: Target = ctx.obj
    settings = target.settings()
    requirements.check_named(services or [], requirements.known(), everything=everything)
    account = requirements.check_account(target, settings)
    cdk, assembly, stacks = _synthesized(ctx)
    there = requirements.stacks_there(target, stacks)
    wanted = [stack for stack in requirements.chosen(stacks, services or [], everything=everything) if stack.name in there]
    if not wanted:
        output.err.print("None of these stacks is deployed.")
        return
    requirements.check_unneeded(wanted, stacks, there)
    names = [stack.name for stack in reversed(wanted)]
    services_of = {stack.name: requirements.service_of(stack) for stack in wanted}
    show_place(target, settings, account, f"Destroy {', '.join(names)}")
    for line in requirements.KEPT_AND_LOST[settings.ephemeral]:
        output.err.print(line)
    protected = requirements.protected(target, names)
    if protected and not lift_protection:
        raise UserError(f"{', '.join(protected)} is protected from termination.", "To destroy it, add --lift-protection.")
    if not yes:
        typer.confirm(f"Destroy {', '.join(names)}?", abort=True, err=True)
    requirements.lift_protection(target, protected)
    _forget(target, names)
    for name in names:
        with output.Progress().step(f"Destroy {name}"):
            if settings.ephemeral and services_of[name] == "journal":
                destroy_journal(cdk, assembly, name)
            else:
                cdk.destroy(assembly, name)


def run_cdk(
    ctx: typer.Context, arguments: Annotated[list[str], typer.Argument(metavar="ARGUMENTS", help="After `--`.")]
) -> None:
    """Run the CDK's own command line for this stage, with the CDK and the Node of the repository.

    It compares no contracts and takes up no tables. On a stage that is not ephemeral, it refuses the options that skip the
    CDK's question. The exit code is the CDK's.

    Examples:

    - `orderctl cdk -- synth --quiet`

    - `orderctl --target aws --profile me --stage prod cdk -- deploy OrderflowProd-Payment --exclusively`
    """
    unseen = [] if ctx.obj.settings().ephemeral else _unseen_approvals(arguments)
    if unseen:
        fault = f"`{' '.join(unseen)}` would broaden permissions of stage {ctx.obj.stage} unseen."
        raise UserError(fault, "Leave it out: the CDK then asks.")
    cdk = ctx.obj.cdk(process.home() / "logs" / "cdk.log")
    done = subprocess.run(cdk.command(arguments), cwd=REPOSITORY, env=cdk.environment(), check=False)
    raise typer.Exit(done.returncode)


def _unseen_approvals(arguments: Sequence[str]) -> list[str]:
    """Return the arguments by which the CDK broadens permissions without a question. It knows options in camel case, too."""
    found = [word for word in arguments if word in UNASKED]
    for word, following in zip(arguments, [*arguments[1:], ""], strict=True):
        option, equals, value = word.partition("=")
        if option.replace("-", "").lower() == "requireapproval" and (value if equals else following) not in ASKED:
            found.append(word if equals else f"{word} {following}")
    return found


def destroy_journal(cdk: "Cdk", assembly: Path, stack: str) -> None:
    """Destroy the journal of an ephemeral stage with its objects.

    CloudFormation deletes no bucket with objects, and a delivery stream may still write one until it is deleted itself.
    """
    from operations.events import journal

    bucket = cdk.target.parameter(journal.BUCKET)
    journal.empty(cdk.target, bucket)
    try:
        cdk.destroy(assembly, stack)
    except UserError:
        journal.empty(cdk.target, bucket)
        cdk.destroy(assembly, stack)


def deploy_watched(
    cdk: "Cdk", assembly: Path, stack: StackWiring, parameters: Mapping[str, Sequence[str]], *, minutes: int
) -> None:
    """Deploy one stack on AWS. CloudFormation watches its alarms meanwhile, and for `minutes` more; with 0, it watches none."""
    from operations.deploy import watched_alarms
    from operations.deploy.watched_alarms import Watch

    watch = watched_alarms.of_stack(cdk.target, stack, minutes) if minutes else Watch()
    watched = f", watched for {counted(minutes, 'minute')} by {counted(len(watch.alarms), 'alarm')}" if watch.alarms else ""
    with output.Progress().step(f"Deploy {stack.name}{watched}"):
        cdk.deploy(assembly, [stack.name], {stack.name: parameters[stack.name]}, watch.options())


def take_up_tables(cdk: "Cdk", assembly: Path, wanted: Sequence[StackWiring], named: Collection[str]) -> None:
    """Create each missing stack from the tables that it left when it was destroyed."""
    from operations.deploy import requirements, retained_tables

    there = requirements.stacks_there(cdk.target, wanted)
    for stack in wanted:
        if stack.name in there:
            continue
        left = retained_tables.find(cdk.target, stack.name, retained_tables.logical_ids(assembly, stack.name))
        chosen = retained_tables.choose(left, named)
        if chosen:
            with output.Progress().step(f"Take up {', '.join(map(str, chosen.values()))}"):
                cdk.take_up(assembly, stack.name, retained_tables.resource_mapping(chosen))


def show_place(target: Target, settings: Stage, account: str, doing: str) -> None:
    """Print the account, region and stage before anything changes."""
    kind = "ephemeral" if settings.ephemeral else "not ephemeral"
    where = "the laptop's account" if target.is_laptop else "account"
    output.err.print(f"{doing}: {where} {account}, region {target.region}, stage {target.stage} ({kind}).", soft_wrap=True)
    output.err.print(f"Settings: {stages.file_of(target.stage)}.", soft_wrap=True)


def show_changes(found: Sequence["Change"], known: Collection[str]) -> None:
    """Print the differences between the deployed settings and the stage's file."""
    rows = [{name: stages.as_text(getattr(change, name)) for name in CHANGES} for change in found]
    empty = "No setting changes." if known else "This is the first deployment: no setting changes."
    output.show(rows, CHANGES, Format.TABLE, title="Settings that change", empty=empty)


def ask(target: Target, settings: Stage, question: str, *, yes: bool) -> None:
    """Ask for confirmation, except on an ephemeral stage of the laptop. Aborts if the answer is no."""
    if not yes and not (target.is_laptop and settings.ephemeral):
        typer.confirm(question, abort=True, err=True)


def check_overrides(settings: Stage, given: Sequence[str]) -> None:
    """Raise WrongUsageError if a `name=value` differs from the stage's file."""
    for override in given:
        name, _, value = override.partition("=")
        try:
            stages.override(settings, name, value)
        except StageError as error:
            raise WrongUsageError(error.message, error.hint) from error


def _forget(target: Target, names: list[str]) -> None:
    if target.is_laptop:
        bring_up.invalidate(target, names)


def _synthesized(ctx: typer.Context) -> tuple["Cdk", Path, list[StackWiring]]:
    """Return the stage's stacks, synthesized again only if their sources have changed."""
    folder = process.home()
    assembly, made_of = folder / "cdk.out.deploy", folder / "cdk.out.deploy.sources"
    sources = cdk_cli.fingerprint(ctx.obj.settings())
    cdk: Cdk = ctx.obj.cdk(folder / "logs" / "deploy.log")
    if not (made_of.exists() and made_of.read_text() == sources and assembly.exists()):
        made_of.unlink(missing_ok=True)
        with output.Progress().step("Synthesize the stacks"):
            cdk.finish(cdk.synthesizing(assembly), "synth")
        made_of.write_text(sources)
    return cdk, assembly, stack_order.read(assembly)
