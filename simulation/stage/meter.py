"""A meter on a world: each unit that AWS bills, by the function, the place and the promise that it is spent for."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Final

from simulation.engine import capacity
from simulation.engine.api import Execute, Request, Response
from simulation.engine.bus import Envelope, Rule, version_of
from simulation.engine.capacity import Index
from simulation.engine.dynamodb import RefusalError
from simulation.engine.expressions import Item
from simulation.stage import deployment
from simulation.stage.world import World

KEY: Final = ("pk",)
PENDING: Final = frozenset({"pending", "pending_since", "pending_shard"})
"""The attributes of a row that hold its outbox."""
JOURNAL: Final = "journal-function"
KILOBYTE: Final = 1024
INGESTED: Final = 5 * KILOBYTE
"""Firehose bills a record in units of so many bytes."""
BESIDE_A_LINE: Final = 26
"""The bytes that CloudWatch Logs bills beside each line
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutLogEvents.html)."""
JOURNAL_BATCH: Final = 1024 * KILOBYTE
"""The most bytes that share an invocation of the journal's function."""
MINUTES_OF_A_MONTH: Final = 30 * 24 * 60
ORDERS_OF_A_MONTH: Final = 1_000_000
"""Each delivery stream writes an object a minute, however many orders share it. This many orders are taken to share a month."""
SECRET_AGE: Final = "SecretAgeDays"
READS: Final = frozenset({"GetItem", "BatchGetItem", "Query", "Scan"})
PROMISES: Final = {
    "api": "answer",
    "webhook": "consumption",
    "commands": "decision",
    "intake": "consumption",
    "subscriber": "consumption",
    "booking": "consumption",
    "cancellation": "consumption",
    "contact": "privacy",
    "facts": "evidence",
    "relay": "outbox",
    "sweeper": "recovery",
    "function": "journal",
}
"""The promise that an invocation of a function, and each of its calls, is spent for; by the function's module."""
INDEX_PROMISES: Final = {"pending": "outbox", "due": "recovery", deployment.CUSTOMER_INDEX: "listing"}


@dataclass(frozen=True, order=True)
class Line:
    """A line of the bill: the function that spends, the unit, the table, queue or event, and the promise."""

    by: str
    unit: str
    where: str
    promise: str


class Meter:
    """The meter of one world. It counts while `runs`, and leaves out the sweeps that find nothing."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.runs = False
        self.stops_at_sweep = False
        self.spent: Counter[Line] = Counter()
        self.requests: dict[str, list[int]] = {}
        """DynamoDB's requests of each function: its reads and its writes."""
        self.writes: Counter[str] = Counter()
        """The write units of each row, by its table and key: the heat of a key."""
        self.events: list[Envelope] = []
        """The events that the bus accepted, with the time of each."""
        self._functions: dict[str, str] = {}
        self._indexes = indexes()
        self._attach()

    def log(self, text: str) -> None:
        """Count what a function logs, which may be several lines. The end of a line, written by itself, is none.

        A function that starts emits the ages of its secrets, and not with each order.
        """
        for line in filter(None, text.splitlines()):
            if f'"{SECRET_AGE}":' in line:
                continue
            self._spend(self._caller(), "logs.kb", "", (len(line.encode()) + BESIDE_A_LINE) / KILOBYTE, "diagnosis")

    def journal(self) -> None:
        """Count the work of the journal on the events. It is no part of the world, so its own code makes the lines."""
        lines, kernel_clock = import_module("journal.lines"), import_module("kernel.clock")
        minutes = deployment.journal_streams() * MINUTES_OF_A_MONTH / ORDERS_OF_A_MONTH
        self._spend(JOURNAL, "s3.object", "journal", minutes, "journal")
        self._spend(JOURNAL, "lambda.invocation", "", minutes, "journal")
        for event in self.events:
            size = len(lines.line_of(event, kernel_clock.from_rfc3339(event["time"])).text.encode())
            kilobytes = round(size / KILOBYTE, 1)
            self._spend(JOURNAL, "firehose.5_kb", "journal", -(-size // INGESTED), "journal")
            self._spend(JOURNAL, "firehose.partitioned_kb", "journal", kilobytes, "journal")
            self._spend(JOURNAL, "s3.kb_month", "journal", kilobytes, "journal")
            self._spend(JOURNAL, "lambda.invocation", "", size / JOURNAL_BATCH, "journal")

    def _attach(self) -> None:
        world, services = self.world, dict(self.world.sdk.services)
        services["dynamodb"] = self._database(services["dynamodb"])
        for name, count in {"sqs": self._send, "sesv2": self._mail, "stepfunctions": self._run}.items():
            services[name] = self._before(count, services[name])
        world.sdk.services = services
        world.bus.rules = [self._counted(rule) for rule in world.bus.rules]
        accepted, start_up = world.bus.on_accepted, world.functions.start_up

        def accept(event: Envelope) -> None:
            self._event(event)
            accepted(event)

        def start(invocation: str) -> int:
            self._invoked(invocation)
            return start_up(invocation)

        world.bus.on_accepted, world.functions.start_up = accept, start

    @staticmethod
    def _before(count: Callable[[str, Request], None], execute: Execute) -> Execute:
        """Return the service with a count before each call."""

        def call(operation: str, request: Request, boundary: str) -> Response:
            count(operation, request)
            return execute(operation, request, boundary)

        return call

    def _counted(self, rule: Rule) -> Rule:
        def deliver(event: Envelope, about: str) -> None:
            if rule.name in self.world.queues:
                function = self.world.queues[rule.name].function
                self._spend(function, "sqs.message", rule.name, 1, "consumption")
            else:
                self._spend("order-saga", "states.run", "", 1, "decision")
            rule.target(event, about)

        return replace(rule, target=deliver)

    def _spend(self, by: str, unit: str, where: str, quantity: float, promise: str) -> None:
        if self.runs and quantity:
            self.spent[Line(by, unit, where, promise)] += quantity  # type: ignore[assignment]

    def _invoked(self, invocation: str) -> None:
        name = invocation.rpartition(" > ")[2].split(" ")[0]
        self._functions[invocation] = name
        module = name.partition("-")[2]
        if module == "sweeper":
            self.runs = self.runs and not self.stops_at_sweep
        if module in ("sweeper", "operator"):
            return
        self._spend(name, "lambda.invocation", "", 1, PROMISES[module])
        if module in ("api", "webhook"):
            self._spend(name, "api.request", "", 1, PROMISES[module])
        if invocation.startswith("queue ") and invocation.count(" > ") == 1:
            self._spend(name, "sqs.batch", invocation.split(" ")[1], 1, "consumption")

    def _event(self, event: Envelope) -> None:
        if not self.runs:
            return
        self.events.append(event)
        detail_type, version = event["detail-type"], version_of(event)
        older = version < import_module("kernel.schemas").newest_version(event["source"], detail_type)
        promise = "versions" if older else "choreography"
        by = event["source"].removeprefix("orderflow.")
        self._spend(by, "eventbridge.event", f"{detail_type} v{version}", 1, promise)
        kilobytes = round(len(json.dumps(event, separators=(",", ":"))) / KILOBYTE, 1)
        self._spend(by, "eventbridge.archived_kb", f"{detail_type} v{version}", kilobytes, promise)

    def _caller(self) -> str:
        task = self.world.scheduler.current
        return self._functions.get(task.name, "") if task else ""

    def _send(self, operation: str, request: Request) -> None:
        self._spend(self._caller(), "sqs.message", str(request["QueueUrl"]).rpartition("/")[2], 1, "consumption")

    def _mail(self, operation: str, request: Request) -> None:
        self._spend(self._caller(), "ses.mail", "", 1, "mails")

    def _run(self, operation: str, request: Request) -> None:
        self._spend("order-saga", "states.run", "", 1, "decision")
        if operation == "StartSyncExecution":
            self._spend(self._caller(), "lambda.wait", "", 1, "answer")

    def _database(self, execute: Execute) -> Execute:
        def call(operation: str, request: Request, boundary: str) -> Response:
            if not self._bills(operation, request):
                return execute(operation, request, boundary)
            if operation in READS:
                answer = execute(operation, request, boundary)
                self._read(operation, request, answer)
                return answer
            with self._writing(operation, request):
                return execute(operation, request, boundary)

        return call

    def _bills(self, operation: str, request: Request) -> bool:
        """Whether a request belongs to the order: not the operator's, no look of a sweep, no row of the sandbox gateway."""
        module = self._caller().partition("-")[2]
        idle = module == "operator" or (module == "sweeper" and operation in ("Query", "Scan"))
        return self.runs and not idle and deployment.LEDGER not in json.dumps(request)

    def _read(self, operation: str, request: Request, answer: Response) -> None:
        by = self._caller()
        tables = request["RequestItems"] if operation == "BatchGetItem" else (request["TableName"],)
        units = capacity.read_units(operation, request, answer)
        self.requests.setdefault(by, [0, 0])[0] += 1
        self._spend(by, "dynamodb.read", "+".join(tables), units, PROMISES[by.partition("-")[2]])

    @contextmanager
    def _writing(self, operation: str, request: Request) -> Iterator[None]:
        """Count what the block writes; a refused write costs by the rows that are there."""
        by, tables = self._caller(), self.world.dynamodb.tables
        written = [
            (tables[name], tables[name].key_of(item), factor) for name, item, factor in capacity.written(operation, request)
        ]
        before = [table.rows.get(key) for table, key, _ in written]
        self.requests.setdefault(by, [0, 0])[1] += 1
        try:
            yield
        except RefusalError:
            for (table, key, factor), old in zip(written, before, strict=True):
                self._write(by, table.name, key, factor, old, old)
            raise
        for (table, key, factor), old in zip(written, before, strict=True):
            self._write(by, table.name, key, factor, old, table.rows.get(key))

    def _write(self, by: str, table: str, key: str, factor: int, old: Item | None, new: Item | None) -> None:
        units = factor * capacity.write_units(old, new)
        self.writes[f"{table} {key}"] += units
        if by.endswith("-relay"):
            self._spend(by, "dynamodb.write", table, units, "outbox")
        else:
            lean = factor * capacity.write_units(_without_outbox(old), _without_outbox(new))
            self._spend(by, "dynamodb.write", table, lean, "record")
            self._spend(by, "dynamodb.write", table, units - lean, "outbox")
        for name, index in self._indexes[table].items():
            spent = capacity.index_units(index, KEY, old, new)
            self._spend(by, "dynamodb.write", f"{table}/{name}", spent, INDEX_PROMISES[name])


def indexes() -> Mapping[str, Mapping[str, Index]]:
    """Return the indexes of each service's table, by name."""
    keys = {"pending": Index("pending_shard", "pending_since"), "due": Index("due_shard", "next_due")}
    found = {service: dict(keys) for service in deployment.SWEEPERS}
    found["order"][deployment.CUSTOMER_INDEX] = Index("customer_id", "created_at")
    return found


def _without_outbox(row: Item | None) -> Item | None:
    return row and {name: value for name, value in row.items() if name not in PENDING}
