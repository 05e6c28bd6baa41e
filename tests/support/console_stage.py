"""A stage in memory for the operator's page: rows and events that the services' own code wrote, and more on request."""

import io
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from queue import Empty, SimpleQueue
from types import SimpleNamespace
from typing import Any, Final, cast
from urllib.parse import parse_qs, urlsplit

from audit.tables import LEDGER, PARAMETERS
from journal.lines import line_of
from kernel import clock
from kernel.aggregate_store import marshal
from kernel.naming import SERVICES
from operations import faults
from operations.aws import signed_http
from operations.aws.target import Kind, Target
from operations.contracts import subscriptions
from operations.contracts.subscriptions import Consumer
from operations.event_pattern import Pattern
from operations.events.bus_rules import Rule
from operations.events.journal import BusEvent, Published
from operations.order_trace import Trace, replays, tree
from operations.orders.store import RelatedRow
from services.order.domain import identity
from services.order.domain.model import OrderRow
from services.order.storage.indexes import CUSTOMER_INDEX
from simulation.engine.api import Request, Response
from simulation.engine.dynamodb import DynamoDB
from simulation.engine.expressions import Item
from tests.support import audited_stage
from tests.support.archive_in_memory import Archive
from tests.support.audited_stage import STORIES, Client, Story
from tests.support.choreography import Bus
from tests.support.held_queues import HeldQueues
from tests.support.trail_in_memory import Trail

ENTRY: Final = {"Source": "source", "DetailType": "detail-type"}
NOW: Final = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
"""The time at which the page is looked at."""
IN_A_PAGE: Final = 1000
CONSUMERS: Final = (*subscriptions.consumers(), Consumer(*subscriptions.BY_LIVE_ORDERS_ONLY, subscriptions.NEVER))


class LockedClient(Client):
    """A client that takes turns with others and reads large pages. Its reads have the attributes of DynamoDB's.

    The simulated DynamoDB projects no BatchGetItem.
    """

    def __init__(self, tables: DynamoDB, lock: threading.RLock) -> None:
        super().__init__(tables)
        self.lock = lock

    def describe_table(self, *, TableName: str) -> dict[str, dict[str, datetime]]:  # noqa: N803
        """Return a table that is older than every event."""
        return {"Table": {"CreationDateTime": audited_stage.NOON - timedelta(days=1)}}

    def __getattr__(self, method: str) -> Callable[..., Any]:
        call = super().__getattr__(method)

        def locked(**request: Any) -> Response:
            with self.lock:
                answer: dict[str, Any] = dict(call(**request))
                if method == "batch_get_item":
                    return self._projected(request, answer)
                return answer

        return locked

    def get_paginator(self, method: str) -> SimpleNamespace:
        return SimpleNamespace(paginate=lambda **request: self._pages(method, {"Limit": IN_A_PAGE, **request}))

    @staticmethod
    def _projected(request: Request, answer: Response) -> Response:
        names = {table: wanted.get("ExpressionAttributeNames", {}) for table, wanted in request["RequestItems"].items()}
        found = {
            table: [{name: row[name] for name in row if name in names[table].values()} if names[table] else row for row in rows]
            for table, rows in answer["Responses"].items()
        }
        return {**answer, "Responses": found}


@dataclass
class DeliveringBus(Bus):
    """A bus that keeps what it accepts, `puts` times each, and delivers it to whatever watches."""

    now: Callable[[], datetime]
    puts: int = 1
    types: list[str] = field(default_factory=list)
    published: list[Published] = field(default_factory=list)
    watchers: list["SimpleQueue[BusEvent]"] = field(default_factory=list)

    def put_events(self, *, Entries: list[dict[str, str]]) -> dict[str, object]:  # noqa: N803
        """Accept the entries."""
        for entry in Entries * self.puts:
            about = {name: entry[key] for key, name in ENTRY.items()} | {"detail": json.loads(entry["Detail"])}
            event = cast(BusEvent, {"id": f"put-{len(self.published)}", **about})
            self.published.append(Published(event, clock.rfc3339(self.now())[:19] + "Z", len(entry["Detail"]), 1))
            for watcher in self.watchers:
                watcher.put(event)
        return super().put_events(Entries=Entries)


@dataclass
class JournalOfBus:
    """S3, as far as the journal goes: an object for each hour, with the events that the bus accepted in it."""

    bus: DeliveringBus

    def get_paginator(self, operation: str) -> SimpleNamespace:
        """Return the pages of ListObjectsV2: the object of the hour that the prefix names."""
        assert operation == "list_objects_v2"
        return SimpleNamespace(paginate=lambda **request: [{"Contents": [{"Key": request["Prefix"]}]}])

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, io.BytesIO]:  # noqa: N803
        """Return the lines of an hour."""
        hour = Key.removeprefix("events/").rstrip("/")
        puts = [put for put in list(self.bus.published) if put.put_at.startswith(hour)]
        lines = [line_of({**put.event, "time": put.put_at}, clock.from_rfc3339(put.put_at)).text for put in puts]
        return {"Body": io.BytesIO("".join(lines).encode())}


@dataclass
class Rules(Archive):
    """The rules of the bus: each consumer's rule takes the events that it declares. And the archive, and the bus itself."""

    bus: DeliveringBus | None = None

    def put_events(self, *, Entries: list[dict[str, str]]) -> dict[str, object]:  # noqa: N803
        """Accept the entries."""
        assert self.bus is not None
        return self.bus.put_events(Entries=Entries)

    def get_paginator(self, operation: str) -> SimpleNamespace:
        """Return the pages of ListRules."""
        assert operation == "list_rules"
        patterns: dict[str, dict[str, list[object]]] = {}
        for consumer in CONSUMERS:
            pattern = patterns.setdefault(consumer.name, {"source": [], "detail-type": []})
            wildcard = consumer.source.endswith("*")
            pattern["source"].append({"prefix": consumer.source[:-1]} if wildcard else consumer.source)
            pattern["detail-type"].append(consumer.detail_type)
        rules = [{"Arn": f"arn:{n}", "Name": n, "EventPattern": json.dumps(p), "State": "ENABLED"} for n, p in patterns.items()]
        return SimpleNamespace(paginate=lambda **request: [{"Rules": rules}])


@dataclass
class Parameters:
    """The parameters that the stacks leave: the ARN of each consumer's rule, the tables, and the URL of each queue."""

    urls: Mapping[str, str]

    def get_paginator(self, operation: str) -> SimpleNamespace:
        """Return the pages of GetParametersByPath."""
        assert operation == "get_parameters_by_path"
        names = {consumer.name for consumer in CONSUMERS}
        tables = {f"{service}/table-name": service for service in SERVICES}
        values = {**{f"{name}-rule-arn": f"arn:{name}" for name in names}, **tables, **self.urls}
        found = [{"Name": f"/orderflow/dev/{name}", "Value": value} for name, value in values.items()]
        return SimpleNamespace(paginate=lambda **request: [{"Parameters": found}])


@dataclass
class Alarms:
    """CloudWatch, as far as it shows alarms: their states by name."""

    states: Mapping[str, str]

    def get_paginator(self, operation: str) -> SimpleNamespace:
        """Return the pages of DescribeAlarms."""
        assert operation == "describe_alarms"
        alarms = [{"AlarmName": name, "StateValue": state} for name, state in self.states.items()]
        return SimpleNamespace(paginate=lambda **request: [{"MetricAlarms": alarms}])


@dataclass
class Saga:
    """Step Functions, as far as it starts sagas: it notes the orders."""

    started: list[str]

    def start_execution(self, **request: str) -> dict[str, str]:
        """Return the ARN of an execution."""
        self.started.append(json.loads(request["input"])["order_id"])
        return {"executionArn": "arn:execution"}


@dataclass(frozen=True)
class ConsoleStage(Target):
    """A target with an AWS in memory. `place` lets an order live; `fill` adds many rows. `lost` are clients that fail."""

    kind: Kind = Kind.LAPTOP
    stage_in_memory: audited_stage.Stage = field(default_factory=audited_stage.Stage, compare=False)
    lock: threading.RLock = field(default_factory=threading.RLock, compare=False)
    lost: dict[str, Exception] = field(default_factory=dict, compare=False)
    cancelled: list[str] = field(default_factory=list, compare=False)
    reasons: list[object] = field(default_factory=list, compare=False)
    """The reason of each cancellation."""
    placed: list[dict[str, object]] = field(default_factory=list, compare=False)
    alarms: dict[str, str] = field(default_factory=dict, compare=False)
    resumed: list[str] = field(default_factory=list, compare=False)
    faults: list[dict[str, object]] = field(default_factory=list, compare=False)
    numbers: Iterator[int] = field(default_factory=count, compare=False)
    events: Rules = field(default_factory=Rules, compare=False)
    queues: HeldQueues = field(default_factory=lambda: HeldQueues(NOW), compare=False)
    trail: Trail = field(default_factory=Trail, compare=False)

    def __post_init__(self) -> None:
        stage = self.stage_in_memory
        table = stage.tables.tables["order"]
        table.indexes = {**table.indexes, CUSTOMER_INDEX: ("customer_id", "created_at")}
        stage.bus = self.events.bus = DeliveringBus(now=stage.now)
        with clock.use_source(stage.now):
            stage.open()
            stage.relay()

    @property
    def bus(self) -> DeliveringBus:
        """The bus."""
        return cast(DeliveringBus, self.stage_in_memory.bus)

    def traced(
        self, target: Target, order: OrderRow, related: Mapping[str, Sequence[RelatedRow]], rules: Sequence[Rule]
    ) -> Trace:
        """Return an order's trace, as `order_trace.journaled` does, from what the bus has accepted."""
        with self.lock:
            puts = [put for put in self.bus.published if put.metadata.get("order_id") == order["order_id"]]
        times = Counter(put.identity for put in puts)
        first = {put.identity: put for put in reversed(puts)}
        events = [replace(put, times_put=times[key]) for key, put in first.items()]
        patterns = {rule.name: Pattern(rule.pattern) for rule in rules}
        return Trace(tree(events, patterns, replays(target, patterns)), ())

    @contextmanager
    def watch(self, target: Target) -> Iterator[Callable[[float], Iterator[BusEvent]]]:
        """Deliver the events of the bus, as `live_tail.watching` does."""
        arrived: SimpleQueue[BusEvent] = SimpleQueue()
        self.bus.watchers.append(arrived)

        def receive(seconds: float) -> Iterator[BusEvent]:
            with suppress(Empty):
                yield arrived.get(timeout=seconds)

        yield receive
        self.bus.watchers.remove(arrived)

    def client(self, service: str, **config: object) -> Any:
        """Return the client in memory."""
        if service in self.lost:
            raise self.lost[service]
        known = {
            "events": self.events,
            "s3": JournalOfBus(self.bus),
            "ssm": Parameters(self.queues.urls),
            "stepfunctions": Saga(self.resumed),
            "sqs": self.queues,
            "cloudwatch": Alarms(self.alarms),
            "lambda": self.trail,
            "sts": self.trail,
        }
        return known[service] if service in known else LockedClient(self.stage_in_memory.tables, self.lock)

    def reachable(self) -> str:
        """Return the address of the emulator."""
        return "http://emulator.example"

    def parameter(self, name: str) -> str:
        """Return the name of the service for its table, or an address of the service."""
        if name == PARAMETERS[LEDGER]:
            return LEDGER
        return name.partition("/")[0] if name.endswith("/table-name") else f"https://{name.partition('/')[0]}.example"

    def call(self, method: str, url: str, body: object = None, headers: Mapping[str, str] | None = None) -> signed_http.Answer:
        """Accept a cancellation or an order, and note it. An order needs a currency code. Keep the active faults."""
        if faults.PATH in url:
            query = parse_qs(urlsplit(url).query)
            if method == "PUT":
                self.faults[:] = json.loads(query["faults"][0])
            return signed_http.Answer(200, {}, json.dumps({"faults": self.faults}))
        if url.endswith("/orders"):
            asked = cast(dict[str, object], body)
            if not str(asked["currency"]).isupper():
                return signed_http.Answer(400, {}, json.dumps({"field": "currency", "detail": "must match ^[A-Z]{3}$"}))
            self.placed.append(asked)
            return signed_http.Answer(202, {}, json.dumps({"order_id": "ord-placed", "status": "PENDING", "detail": ""}))
        order_id = url.split("/")[-2]
        if order_id in self.cancelled:
            return signed_http.Answer(409, {}, json.dumps({"detail": "the order is being cancelled"}))
        self.cancelled.append(order_id)
        self.reasons.append(cast(dict[str, object], body)["reason"])
        return signed_http.Answer(200, {}, json.dumps({"order_id": order_id, "status": "CANCELLED"}))

    def place(self, story: Story, steps: int | None = None, *, puts: int = 1) -> str:
        """Let an order live up to so many steps, or to its end, and return its id. Each event is put so many times."""
        stage = self.stage_in_memory
        self.bus.puts = puts
        with self.lock, clock.use_source(stage.now):
            before = set(stage.tables.tables["order"].rows)
            life = stage.live(story, next(self.numbers))
            for number, _ in enumerate(life, start=1):
                stage.relay()
                if number == steps:
                    break
            stage.relay()
            (key,) = [key for key in set(stage.tables.tables["order"].rows) - before if key.startswith("ORDER#")]
        return key.removeprefix("ORDER#")

    def place_all(self, stories: Sequence[Story] = STORIES) -> list[str]:
        """Let the orders live, one after the other."""
        return [self.place(story) for story in stories]

    def change(self, order_id: str, **attributes: object) -> None:
        """Set attributes of an order's row."""
        with self.lock:
            table = self.stage_in_memory.tables.tables["order"]
            key = f"ORDER#{order_id}"
            table.store(key, {**table.rows[key], **cast(Item, marshal(attributes))})

    def fill(self, orders: int) -> None:
        """Add copies of the orders that are there, each a second older than the one before, up to this number."""
        with self.lock:
            table = self.stage_in_memory.tables.tables["order"]
            models = [row for key, row in table.rows.items() if key.startswith("ORDER#")]
            begin = clock.from_rfc3339("2026-11-23T11:00:00.000Z")
            for number in range(orders - len(models)):
                order_id = identity.order_id_of(f"{number:064x}"[::-1])
                at = clock.rfc3339(begin - timedelta(seconds=number))
                about = {"pk": f"ORDER#{order_id}", "order_id": order_id, "created_at": at, "updated_at": at}
                row: Item = {**models[number % len(models)], **cast(Item, marshal(about))}
                table.store(f"ORDER#{order_id}", row)
