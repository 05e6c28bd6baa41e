"""The check that a deployment leaves every message between the services of a stage with a version that both sides know."""

from collections.abc import Iterator, Mapping, Sequence

from cdk import stack_contract
from cdk.stack_contract import CONTRACT, Contract, Misfit
from cdk.stack_order import StackWiring
from kernel.naming import SERVICES
from operations.deploy.requirements import service_of
from operations.errors import UserError

Contracts = Mapping[str, Contract]
"""Contracts by service."""


def deployed(parameters: Mapping[str, str]) -> dict[str, Contract]:
    """Return the contract of each deployed service, from the values of the stage's parameters by their names.

    A service that was deployed before contracts existed has an empty one: it is not known to answer any call.
    """
    found: dict[str, Contract] = {}
    for name, value in parameters.items():
        service, thing = name.split("/")[-2:]
        if service in SERVICES:
            found.setdefault(service, Contract())
            if thing == CONTRACT:
                found[service] = stack_contract.from_json(value)
    return found


def check(wanted: Sequence[StackWiring], stacks: Sequence[StackWiring], known: Contracts) -> None:
    """Check that the stacks in `wanted` fit with the deployed services. Raises UserError with the command that mends it.

    `stacks` are all of this version, `known` the deployed contracts. An event may wait in its queue until its consumer is
    deployed, so only the end counts. A call must also have an answer while one of its two sides is deployed and the
    other is not yet. The stacks are deployed in the order of `wanted`.
    """
    new = _contracts(wanted)
    for misfit in _broken(new, known):
        alone = misfit.receiver if misfit.sender in new else misfit.sender
        raise UserError(
            f"This version of {', '.join(new)} does not fit with the deployed {alone}: {misfit}.",
            f"Nothing was changed. {_mend(misfit, alone, new, stacks, known)}",
        )
    for misfit in _unanswered_meanwhile(new, known):
        raise UserError(
            f"The deployed {misfit.sender} would get no answer until it is deployed too: {misfit}.",
            f"Nothing was changed. {_accept_deployed(misfit)}",
        )
    for misfit in _asked_too_early(new, known):
        raise UserError(
            f"The new {misfit.sender} would get no answer until {misfit.receiver} is deployed too: {misfit}.",
            f"Nothing was changed. {_first(misfit.receiver, new, known)}",
        )


def _broken(new: Contracts, known: Contracts) -> list[Misfit]:
    """Return the misfits of the services in `new` after their deployment."""
    after = {**known, **new}
    found = [*stack_contract.misfits(after), *stack_contract.dropped(known, after)]
    return [misfit for misfit in found if {misfit.sender, misfit.receiver} & set(new)]


def _unanswered_meanwhile(new: Contracts, known: Contracts) -> list[Misfit]:
    callers = {service: contract for service, contract in known.items() if service in new}
    return list(stack_contract.uncallable(callers, new))


def _asked_too_early(new: Contracts, known: Contracts) -> Iterator[Misfit]:
    """Yield each call of a new service that its owner, which is deployed after it, does not answer before."""
    services = list(new)
    for number, service in enumerate(services):
        later = {owner: known[owner] for owner in services[number + 1 :] if owner in known and known[owner].answers}
        yield from stack_contract.uncallable({service: new[service]}, later)


def _first(owner: str, new: Contracts, known: Contracts) -> str:
    """Say what to do before a caller asks its owner: deploy the owner alone, if that fits, else accept both versions in it."""
    if _broken({owner: new[owner]}, known):
        return f"Accept the deployed version in services/{owner}/contract.py as well, and deploy that first."
    return f"Deploy with `orderctl deploy {owner}` first, then `orderctl deploy {' '.join(s for s in new if s != owner)}`."


def _mend(misfit: Misfit, other: str, new: Contracts, stacks: Sequence[StackWiring], known: Contracts) -> str:
    """Say what to deploy instead: the other service first if it fits by itself, else both together, else everything.

    If a deployed caller would get no answer meanwhile, no deployment mends it: its version must be accepted too.
    """
    every = _contracts(stacks)
    if misfit.message in every[misfit.receiver].consumes.keys() - every[misfit.sender].publishes.keys():
        return f"Publish {misfit.message} again, or end its subscription in {misfit.receiver}."
    first = {other: every[other]}
    if not _broken(first, known):
        return f"Deploy with `orderctl deploy {other}` first, then `orderctl deploy {' '.join(new)}`."
    together = {**first, **new}
    is_enough = not _broken(together, known)
    for unanswered in _unanswered_meanwhile(together if is_enough else every, known):
        return _accept_deployed(unanswered)
    return f"Deploy with `orderctl deploy {' '.join(together) if is_enough else '--all'}`."


def _accept_deployed(misfit: Misfit) -> str:
    return f"Accept the deployed version in services/{misfit.receiver}/contract.py as well."


def _contracts(stacks: Sequence[StackWiring]) -> dict[str, Contract]:
    return {service_of(stack): stack.contract for stack in stacks if service_of(stack) in SERVICES}
