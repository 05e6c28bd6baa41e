"""The contract between stacks: the messages that each sends and accepts, with their versions. Does not import the CDK.

A message is named by its owner: a command or query by the service that answers it (`payment.capture`, `order.facts`), an event
by its publisher (`order.OrderConfirmed`). A service names its calls and answers in its `contract.py`. Its events follow from
its schemas and subscriptions.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field

CONTRACT = "contract"
"""The parameter at which a stack publishes its contract, as JSON."""
Versions = Mapping[str, Sequence[int]]
"""The versions of each message, by its name."""


@dataclass(frozen=True)
class Contract:
    """The messages of one stack: what it calls and answers, publishes and consumes."""

    calls: Versions = field(default_factory=dict)
    answers: Versions = field(default_factory=dict)
    publishes: Versions = field(default_factory=dict)
    consumes: Versions = field(default_factory=dict)


@dataclass(frozen=True)
class Misfit:
    """A message that one service sends, and that another does not accept in any version that is sent.

    `sent` is empty if the sender has ceased to send it.
    """

    message: str
    sender: str
    receiver: str
    sent: tuple[int, ...]
    accepted: tuple[int, ...]

    def __str__(self) -> str:
        if not self.sent:
            return f"{self.sender} no longer publishes {self.message}, and {self.receiver} consumes {_listed(self.accepted)}"
        accepts = f"{self.receiver} accepts {_listed(self.accepted)}" if self.accepted else f"{self.receiver} does not know it"
        return f"{self.sender} sends {self.message} in {_listed(self.sent)}, and {accepts}"


class ContractError(ValueError):
    """Stacks of one composition that do not fit."""


def check_fit(contracts: Mapping[str, Contract]) -> None:
    """Check that the services of one composition fit. Raises ContractError with the first message that does not."""
    for misfit in misfits(contracts):
        raise ContractError(f"{misfit}: correct contract.py of {misfit.sender} or {misfit.receiver}")


def misfits(contracts: Mapping[str, Contract]) -> Iterator[Misfit]:
    """Yield each message between these services that does not fit. `contracts` has the contract of each, by service.

    A call to a service that is not among them is no misfit. Neither is an event that its publisher does not publish: a consumer
    is deployed before it. See `dropped`.
    """
    yield from uncallable(contracts, contracts)
    for service, contract in contracts.items():
        for message, accepted in contract.consumes.items():
            publisher = owner_of(message)
            sent = contracts[publisher].publishes.get(message) if publisher in contracts else None
            if sent is not None and not set(sent) & set(accepted):
                yield Misfit(message, publisher, service, tuple(sent), tuple(accepted))


def uncallable(callers: Mapping[str, Contract], owners: Mapping[str, Contract]) -> Iterator[Misfit]:
    """Yield each call of a caller that its owner, one of `owners`, does not answer."""
    for service, contract in callers.items():
        for message, sent in contract.calls.items():
            owner = owner_of(message)
            if owner not in owners:
                continue
            accepted = owners[owner].answers.get(message, ())
            if not set(sent) & set(accepted):
                yield Misfit(message, service, owner, tuple(sent), tuple(accepted))


def dropped(before: Mapping[str, Contract], after: Mapping[str, Contract]) -> Iterator[Misfit]:
    """Yield each event that its publisher publishes in `before` and not in `after`, where a service still consumes it.

    The services of `before` are among those of `after`.
    """
    for service, contract in after.items():
        for message, accepted in contract.consumes.items():
            publisher = owner_of(message)
            if publisher in before and message in before[publisher].publishes.keys() - after[publisher].publishes.keys():
                yield Misfit(message, publisher, service, (), tuple(accepted))


def owner_of(message: str) -> str:
    """Return the service in the name of a message."""
    return message.partition(".")[0]


def as_json(contract: Contract) -> str:
    """Return the contract as its parameter has it."""
    return json.dumps(asdict(contract), sort_keys=True)


def from_json(text: str) -> Contract:
    """Return the contract of a parameter's text."""
    return Contract(**json.loads(text))


def _listed(versions: Sequence[int]) -> str:
    return f"version{'s' if len(versions) > 1 else ''} {', '.join(map(str, versions))}"
