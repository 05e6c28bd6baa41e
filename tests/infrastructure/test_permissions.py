"""The permissions to publish: every caller, source and detail-type, and every caller and queue, by the synthesized policies.

Only the diagonal is allowed. The callers are all roles of the stage, and people and programs with policies far too wide.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import pytest

import stages
from kernel.naming import CHANNEL_EVENT, CHANNEL_PREFIX, SERVICES, source_of
from kernel.schemas import SERVICES_FOLDER
from stages import Stage
from tests.infrastructure.conftest import LASTING
from tests.infrastructure.iam import Caller, Statement, allowed
from tests.infrastructure.resolved import ACCOUNT, Resolved
from tests.infrastructure.templates import referred

EVERYTHING: list[Statement] = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
TWO_ACTIONS: list[Statement] = [{"Effect": "Allow", "Action": ["events:PutEvents", "sqs:SendMessage"], "Resource": "*"}]
NO_SOURCES = ["evil", "orderflow.", "orderflow.order2", "orderflow.channel.", "orderflow.channel.nobody", "orderflow.audit"]
OPERATOR = "the operator"


def someone(name: str, policies: list[Statement] = EVERYTHING, **tags: str) -> Caller:
    """Return a caller of the same account with a policy that is far too wide."""
    arn = f"arn:aws:iam::{ACCOUNT}:role/{name.replace(' ', '-')}"
    return Caller(name, arn, tags={f"orderflow:{key}": value for key, value in tags.items()}, policies=policies)


Cell = tuple[str, str, str]


def own_events(service: str) -> set[str]:
    schemas = [json.loads(path.read_text()) for path in (SERVICES_FOLDER / service / "schemas").glob("*.json")]
    return {schema["x-detail-type"] for schema in schemas if schema["x-source"] == source_of(service)}


PUBLISHERS = [service for service in SERVICES if own_events(service)]
DETAIL_TYPES = sorted({detail_type for service in SERVICES for detail_type in own_events(service)} | {"Anything"})


@dataclass(frozen=True)
class Deployed(Resolved):
    """A stage as deployed, and the callers that might try to act in it."""

    settings: Stage

    @property
    def channels(self) -> dict[str, set[str]]:
        """The principals of each channel's source."""
        return {f"{CHANNEL_PREFIX}{channel.name}": set(channel.principals) for channel in self.settings.channels}

    @property
    def sources(self) -> list[str]:
        """Every source that there is, and some that there are not."""
        return [*map(source_of, PUBLISHERS), *self.channels, *NO_SOURCES]

    @property
    def publishers(self) -> list[Caller]:
        """The channels' principals, with policies that restrict nothing."""
        principals = sorted(set().union(*self.channels.values()))
        arns = {name: name if name.startswith("arn:") else f"arn:aws:iam::{ACCOUNT}:{name}" for name in principals}
        return [Caller(name, arn, policies=EVERYTHING) for name, arn in arns.items()]

    @property
    def foreign(self) -> set[str]:
        """The principals of channels that are of another account."""
        return {p for principals in self.channels.values() for p in principals if p.startswith("arn:") and ACCOUNT not in p}

    @property
    def outsiders(self) -> list[Caller]:
        """People and programs of the account, and the same services and operators of another stage."""
        return [
            someone("a stranger", TWO_ACTIONS),
            someone("a developer"),
            someone(OPERATOR, operator=self.settings.name),
            Caller("another account's developer", "arn:aws:iam::210987654321:user/eve", policies=EVERYTHING),
            someone("another stage's operator", operator="elsewhere"),
            *(someone(f"{service} of another stage", service=service, stage="elsewhere") for service in SERVICES),
        ]

    @property
    def wide(self) -> list[Caller]:
        """A role of each service that was given everything."""
        return [someone(f"{service} gone wide", service=service, stage=self.settings.name) for service in PUBLISHERS]


@pytest.fixture(scope="module", params=["dev", "prod"])
def stage(request: pytest.FixtureRequest) -> Deployed:
    if request.param == "dev":
        return Deployed(request.getfixturevalue("assembly"), stages.load("dev"))
    return Deployed(request.getfixturevalue("lasting"), LASTING)


def may_put(caller: Caller, bus: str, policy: Sequence[Statement], sources: Iterable[str], types: Iterable[str]) -> bool:
    return allowed(caller, "events:PutEvents", bus, policy, {"events:source": sources, "events:detail-type": types})


def published(
    stage: Deployed,
    callers: Iterable[Caller],
    policy: Sequence[Statement] | None = None,
    types: Sequence[str] = DETAIL_TYPES,
) -> set[Cell]:
    """Compute the matrix of callers and the events they may put on the bus, by their own policy or another."""
    bus, own_policy = stage.bus()
    policy = own_policy if policy is None else policy
    return {
        (caller.name, source, detail_type)
        for caller in callers
        for source in stage.sources
        for detail_type in types
        if may_put(caller, bus, policy, [source], [detail_type])
    }


def owners(stage: Deployed) -> set[Cell]:
    """Return the diagonal of the matrix by ownership: a service's relay and sweeper its events, a channel's principals its
    orders.
    """
    services = {
        (stage.role_of(service, module), source_of(service), detail_type)
        for service in SERVICES
        for module in ("relay", "sweeper")
        for detail_type in own_events(service)
    }
    return services | {(p, source, CHANNEL_EVENT) for source, principals in stage.channels.items() for p in principals}


def test_only_the_owner_of_a_fact_states_it(stage: Deployed) -> None:
    assert published(stage, [*stage.callers(), *stage.outsiders, *stage.publishers]) == owners(stage)


FORGED = [
    ("orderflow.order", "OrderConfirmed"),
    ("orderflow.shipping", "ShipmentFailed"),
    ("orderflow.order", "OrderCancelled"),
    ("orderflow.order", "OrderPlaced"),
    ("orderflow.payment", "PaymentRefunded"),
    ("orderflow.inventory", "StockReleased"),
]
"""Each moved goods or money, or closed an order, when the bus asked for a known source only."""


@pytest.mark.parametrize("event", FORGED, ids=lambda event: event[1])
def test_forged_event_is_refused_from_any_caller(stage: Deployed, event: tuple[str, str]) -> None:
    bus, policy = stage.bus()
    for caller in (*stage.outsiders, *stage.publishers):
        assert not may_put(caller, bus, policy, [event[0]], [event[1]]), caller.name


def test_the_detail_types_of_a_relays_own_policy_are_needed(stage: Deployed) -> None:
    for service in PUBLISHERS:
        relay = next(caller for caller in stage.callers() if caller.name == stage.role_of(service, "relay"))
        loose = replace(relay, policies=[{**statement, "Condition": {}} for statement in relay.policies])
        assert published(stage, [loose]) > published(stage, [relay])


def test_a_call_with_one_foreign_event_is_refused_whole(stage: Deployed) -> None:
    bus, policy = stage.bus()
    relay = next(caller for caller in stage.callers() if caller.name == stage.role_of("order", "relay"))
    assert may_put(relay, bus, policy, ["orderflow.order"], ["OrderPlaced", "OrderConfirmed"])
    assert not may_put(relay, bus, policy, ["orderflow.order", "orderflow.payment"], ["OrderPlaced"])
    assert not may_put(relay, bus, policy, ["orderflow.order"], ["OrderPlaced", "PaymentCaptured"])
    for principal in stage.publishers:
        assert not may_put(principal, bus, policy, [*stage.channels, "orderflow.order"], [CHANNEL_EVENT])
        assert not may_put(principal, bus, policy, stage.channels, [CHANNEL_EVENT, "OrderConfirmed"])


def test_service_role_with_all_permissions_publishes_for_no_other_service(stage: Deployed) -> None:
    """The bus refuses it by itself, whatever the role's own policy allows."""
    found = {(name, source) for name, source, _ in published(stage, stage.wide)}
    assert found == {(f"{service} gone wide", source_of(service)) for service in PUBLISHERS}


def test_the_archives_replay_is_refused_by_no_statement(stage: Deployed) -> None:
    bus, policy = stage.bus()
    replay = Caller("EventBridge", service="events.amazonaws.com", policies=EVERYTHING)
    for source in (*map(source_of, PUBLISHERS), *stage.channels):
        assert may_put(replay, bus, policy, [source], [CHANNEL_EVENT])
    assert not may_put(Caller("EventBridge", service="events.amazonaws.com"), bus, policy, ["orderflow.order"], ["OrderPlaced"])


def test_each_statement_of_the_bus_is_needed(stage: Deployed) -> None:
    _, policy = stage.bus()
    outside = [*stage.outsiders, *stage.publishers, *stage.wide]
    few = (CHANNEL_EVENT, "PaymentCaptured")
    whole = published(stage, outside, types=few)
    assert len(policy) == 3 + len(PUBLISHERS) + len(stage.channels) + bool(stage.foreign)
    for statement in policy:
        without = [other for other in policy if other is not statement]
        found = published(stage, outside, without, few)
        assert found > whole if statement["Effect"] == "Deny" else found < whole, f"{statement['Sid']} changes nothing"


def deliveries(stage: Deployed) -> list[tuple[Caller, set[str]]]:
    """Return the queues that each rule delivers to and its dead-letter queue, by its targets."""
    found = []
    for rule in stage.assembly.resources("Events::Rule"):
        targets = stage.value(rule.service, rule.properties["Targets"])
        arns = {arn for target in targets for arn in (target["Arn"], target.get("DeadLetterConfig", {}).get("Arn"))}
        caller = Caller(f"rule {rule}", stage.arn(rule), service="events.amazonaws.com")
        found.append((caller, arns))
    return found


LOOKS_AGAIN = "audit"
"""The service whose function sends itself messages: a check that came too early is made again."""


def own_queues(stage: Deployed) -> dict[str, set[str]]:
    """Return the queues that each function's role sends to, by its mappings and destinations.

    They are its dead-letter queues, and the queue to which it sends a message for a later look.
    """
    found: dict[str, set[str]] = {}
    redrives = {
        stage.arn(queue): stage.value(queue.service, queue.properties.get("RedrivePolicy", {})).get("deadLetterTargetArn")
        for queue in stage.assembly.resources("SQS::Queue")
    }
    delayed = {
        stage.arn(queue)
        for queue in stage.assembly.resources("SQS::Queue", service=LOOKS_AGAIN)
        if "DelaySeconds" in queue.properties
    }
    for kind in ("Lambda::EventSourceMapping", "Lambda::EventInvokeConfig"):
        for wired in stage.assembly.resources(kind):
            properties = stage.value(wired.service, wired.properties)
            letters = properties.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
            letters = letters or redrives.get(properties.get("EventSourceArn"))
            function = next(
                f
                for f in stage.assembly.resources("Lambda::Function", service=wired.service)
                if f.id == referred(wired.properties["FunctionName"])
            )
            own = {letters} if letters else set()
            own |= {properties.get("EventSourceArn")} & delayed
            if own:
                found.setdefault(f"{wired.service}/{referred(function.properties['Role'])}", set()).update(own)
    return found


def redriven(stage: Deployed) -> set[str]:
    """Return the queues that the operator sends messages to: those of consumers, the paced-replay queue and the quarantine."""
    return {
        stage.arn(queue)
        for queue in stage.assembly.resources("SQS::Queue")
        if "RedrivePolicy" in queue.properties or queue.id.startswith("Quarantine")
    }


def senders(stage: Deployed) -> list[Caller]:
    """Return every possible sender of a message: roles, people, programs, our rules and a foreign one."""
    rules = [rule for rule, _ in deliveries(stage)]
    foreign = Caller("a foreign rule", f"arn:aws:events:eu-west-1:{ACCOUNT}:rule/theirs", service="events.amazonaws.com")
    return [*stage.callers(), *stage.outsiders, *stage.publishers, *rules, foreign]


def sent(callers: Iterable[Caller], queues: dict[str, list[Statement]], *, tls: str = "true") -> set[tuple[str, str]]:
    """Compute the matrix of callers and the queues they may send to."""

    def may_send(caller: Caller, queue: str) -> bool:
        context = {"aws:SecureTransport": [tls], **({"aws:SourceArn": [caller.arn]} if caller.service else {})}
        return allowed(caller, "sqs:SendMessage", queue, queues[queue], context)

    return {(caller.name, queue) for caller in callers for queue in queues if may_send(caller, queue)}


def expected_senders(stage: Deployed) -> set[tuple[str, str]]:
    queues = stage.queues()
    rules = {(rule.name, arn) for rule, arns in deliveries(stage) for arn in arns if arn in queues}
    functions = {(role, arn) for role, arns in own_queues(stage).items() for arn in arns}
    return rules | functions | {(OPERATOR, queue) for queue in redriven(stage)}


def test_a_queue_takes_messages_only_from_its_rule_its_function_and_the_operator(stage: Deployed) -> None:
    found = sent(senders(stage), stage.queues())
    assert found == expected_senders(stage)
    assert {queue for _, queue in found} == set(stage.queues()), "a queue that nothing may send to is a mistake"


def test_queue_refuses_a_message_without_tls(stage: Deployed) -> None:
    assert sent(senders(stage), stage.queues(), tls="false") == set()


def test_each_refusal_of_a_queue_is_needed(stage: Deployed) -> None:
    callers = senders(stage)
    for queue, policy in stage.queues().items():
        denials = [statement for statement in policy if statement["Effect"] == "Deny"]
        assert len(denials) == 2, queue
        for statement in denials:
            without = {queue: [other for other in policy if other is not statement]}
            tls = "false" if "aws:SecureTransport" in str(statement) else "true"
            assert sent(callers, without, tls=tls) > sent(callers, {queue: policy}, tls=tls), (
                f"{queue}: {statement} refuses nothing"
            )


def test_every_role_carries_its_stage_and_service(stage: Deployed) -> None:
    """The bus knows a role by these tags, so a role without them states nothing and a wrong one states another's."""
    for caller in stage.callers():
        service = caller.name.partition("/")[0]
        assert caller.tags == {"orderflow:stage": stage.settings.name, "orderflow:service": service}, caller.name


@pytest.mark.parametrize("module", ["operator", "commands"])
def test_the_sagas_role_invokes_commands_and_nothing_invokes_the_operators_functions(stage: Deployed, module: str) -> None:
    invoked: Callable[[Caller, str], bool] = lambda caller, arn: allowed(caller, "lambda:InvokeFunction", arn)  # noqa: E731
    for service in ("order", "payment", "inventory"):
        arn = stage.arn(stage.assembly.function(service, module))
        found = {caller.name for caller in stage.callers() if invoked(caller, arn)}
        saga = {f"order/{stage.assembly.one('IAM::Role', 'order', 'SagaRole').id}"}
        assert found == (saga if module == "commands" else set())
