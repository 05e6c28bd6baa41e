"""The order in which stacks may be deployed and destroyed, and the parameters that each requires."""

from collections.abc import Container, Iterable, Sequence

from botocore.exceptions import ClientError

from cdk import stack_order
from cdk.stack_order import StackWiring
from operations.aws.target import LAPTOP_ACCOUNT, Target
from operations.errors import UserError, WrongUsageError
from operations.repository import REPOSITORY
from stages import Stage

BOOTSTRAPPED = "/cdk-bootstrap/hnb659fds/version"
"""The parameter of the CDK's bootstrap stack, for its default qualifier."""
KEPT_AND_LOST = {
    True: ("Deleted: everything, including tables and the archive, because the stage is ephemeral.",),
    False: (
        "Kept: tables, the archive, secrets and log groups. `orderctl deploy` takes a kept table up again.",
        "Deleted: functions, queues with their messages, rules, alarms, and the addresses of HTTP APIs and webhooks.",
        "A kept secret is not taken up: put its value into the secret that the next deployment creates.",
        "A kept archive replays only to the bus that it was created for.",
        "The bucket of the journal is kept, and the next deployment creates a new one.",
    ),
}
"""The warnings before a stack is destroyed, of an ephemeral stage and of every other."""


def service_of(stack: StackWiring) -> str:
    """Return the service of a stack: `payment` for `OrderflowDev-Payment`."""
    return stack.name.rsplit("-", 1)[1].lower()


def named(service: str) -> str:
    """Return the service of a typed name: `payment` for `payment`, `Payment` and `OrderflowDev-Payment`."""
    return service.lower().rsplit("-", 1)[-1]


def known() -> list[str]:
    """Return the services that have a stack, by the repository's folders, without a synthesis."""
    found = sorted(file.parent.name for file in REPOSITORY.glob("*/infrastructure.py"))
    return ["platform", *sorted(file.parent.name for file in REPOSITORY.glob("services/*/infrastructure.py")), *found]


def check_named(services: Iterable[str], there_are: Sequence[str], *, everything: bool) -> list[str]:
    """Return the names of these services. Raises WrongUsageError for no name, or an unknown one."""
    wanted = [named(service) for service in services]
    if everything == bool(wanted):
        raise WrongUsageError("Name the services, or --all.", f"Choose from: {', '.join(there_are)}.")
    for name in wanted:
        if name not in there_are:
            raise WrongUsageError(f"There is no service {name!r}.", f"Choose from: {', '.join(there_are)}.")
    return wanted


def chosen(stacks: Sequence[StackWiring], services: Iterable[str], *, everything: bool) -> list[StackWiring]:
    """Return the stacks of these services, in the order of deployment. Raises WrongUsageError for none or an unknown one."""
    wanted = check_named(services, [service_of(stack) for stack in stacks], everything=everything)
    return [stack for stack in stacks if everything or service_of(stack) in wanted]


def check_required(wanted: Sequence[StackWiring], stacks: Sequence[StackWiring], deployed: Container[str]) -> None:
    """Check that each requirement of a stack is deployed, or deployed before it. Raises UserError that names a missing one."""
    providers = stack_order.providers(stacks)
    coming: set[str] = set()
    for stack in wanted:
        for name in stack_order.missing(stack, deployed):
            if name not in coming:
                by = next(other for other in stacks if other.name == providers[name])
                first, both = service_of(by), f"{service_of(by)} {service_of(stack)}"
                raise UserError(
                    f"{stack.name} needs {name}, and {by.name}, which provides it, is not deployed.",
                    f"Deploy it first: `orderctl deploy {first}`, or both: `orderctl deploy {both}`.",
                )
        coming |= set(stack.provides)


def check_unneeded(going: Sequence[StackWiring], stacks: Sequence[StackWiring], there: Container[str]) -> None:
    """Check that no remaining stack requires a parameter of one in `going`. Raises UserError that names both stacks."""
    names = {stack.name for stack in going}
    for stays in stacks:
        if stays.name in names or stays.name not in there:
            continue
        for goes in going:
            needed = sorted(set(stays.requires) & set(goes.provides))
            if needed:
                raise UserError(
                    f"{goes.name} cannot be destroyed: {stays.name} needs its {needed[0]}.",
                    f"Destroy {service_of(stays)} first, or both: `orderctl destroy {service_of(stays)} {service_of(goes)}`.",
                )


def check_account(target: Target, settings: Stage) -> str:
    """Return the account that the target's credentials are for. Raises UserError if the stage is in another."""
    account = LAPTOP_ACCOUNT if target.is_laptop else str(target.client("sts").get_caller_identity()["Account"])
    if settings.account in (None, account):
        return account
    says = f"Stage {settings.name!r} belongs to account {settings.account}, by its file"
    if target.is_laptop:
        raise UserError(f"{says}, and not to this laptop.", "Add --target aws, or choose an ephemeral stage.")
    raise UserError(f"{says}; these credentials are for {account}.", "Choose a --profile of the stage's account.")


def check_bootstrapped(target: Target) -> None:
    """Check that the CDK can deploy to the account and region: the parameter of its bootstrap stack exists.

    Raises UserError. The laptop's account is bootstrapped by `orderctl up`.
    """
    if target.is_laptop:
        return
    client = target.client("ssm")
    try:
        client.get_parameter(Name=BOOTSTRAPPED)
    except client.exceptions.ParameterNotFound as error:
        raise UserError(
            f"The CDK is not bootstrapped in this account and region {target.region}.",
            f"Bootstrap it once: `orderctl --target aws --stage {target.stage} bootstrap`.",
        ) from error


def protected(target: Target, stacks: Iterable[str]) -> list[str]:
    """Return the stacks that have termination protection."""
    client = target.client("cloudformation")
    return [
        stack
        for stack in stacks
        if client.describe_stacks(StackName=stack)["Stacks"][0].get("EnableTerminationProtection", False)
    ]


def lift_protection(target: Target, stacks: Iterable[str]) -> None:
    """Let the stacks be destroyed."""
    for stack in stacks:
        target.client("cloudformation").update_termination_protection(StackName=stack, EnableTerminationProtection=False)


def parameters_there(target: Target) -> dict[str, str]:
    """Return the stage's deployed parameters, by name."""
    pages = (
        target.client("ssm")
        .get_paginator("get_parameters_by_path")
        .paginate(Path=f"/orderflow/{target.stage}/", Recursive=True)
    )
    return {parameter["Name"]: parameter["Value"] for page in pages for parameter in page["Parameters"]}


def stacks_there(target: Target, stacks: Sequence[StackWiring]) -> set[str]:
    """Return the names of those of the stacks that are deployed."""
    client, found = target.client("cloudformation"), set()
    for stack in stacks:
        try:
            status = client.describe_stacks(StackName=stack.name)["Stacks"][0]["StackStatus"]
        except ClientError as error:
            # Without the permission to look, do not report that nothing is deployed.
            if "does not exist" not in str(error):
                raise
            continue
        if status != "REVIEW_IN_PROGRESS":  # a change set was made and never executed: the stack has nothing yet
            found.add(stack.name)
    return found
