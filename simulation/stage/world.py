"""One world: a stage with its stores, bus, queues, functions and workflow, some customers, and everything that goes wrong."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from simulation.engine import sdk
from simulation.engine.api import JsonValue, Request, Response
from simulation.engine.bus import Bus, Envelope, Rule, event_id_of, subscribes
from simulation.engine.dynamodb import Change, DynamoDB, RefusalError
from simulation.engine.faults import Kind, Mode, Plan
from simulation.engine.functions import Answered, Failed, Function, Functions
from simulation.engine.history import History
from simulation.engine.mail import Mailboxes
from simulation.engine.network import Network, UnansweredError
from simulation.engine.process import ERROR_RECEIVER
from simulation.engine.queues import Queue, Sqs
from simulation.engine.randomness import Chance
from simulation.engine.scheduler import SECOND, Scheduler, Task
from simulation.engine.streams import Stream
from simulation.engine.workflow import Ended, StateError, Succeeded, Workflow
from simulation.stage import accounts, deployed_handlers, deployment, process
from simulation.stage.conditions import FROM_A_NEWER_VERSION, Conditions
from simulation.stage.gateway import RemoteCarrier, RemoteGateway
from simulation.stage.invariants.invariants import Invariants

EPOCH: Final = datetime(2026, 11, 23, 4, 5, 6, tzinfo=UTC)
MINUTE: Final = 60 * SECOND
RARE: Final = frozenset({"PaymentRefunded", "PaymentRefundFailed", "StockReleased"})
"""Events that are rare in a world: the answers to an order that waits for its money or its goods."""
TOO_LONG: Final = 24 * 60
"""Minutes after which a world that is not at rest is stuck: four times the longest interval at which an order asks again."""


class World:
    """A stage standing up. `rate` and what else goes wrong is in the plan; a kept history can be read as a trace."""

    def __init__(
        self,
        chance: Chance,
        plan: Plan,
        *,
        keep_history: bool = False,
        only: frozenset[str] | None = None,
        adapters: bool = False,
        older_versions: tuple[str, ...] | None = None,
    ) -> None:
        self.chance = chance
        self.adapters = adapters
        """Whether Stripe and EasyPost are spoken to, and not the sandboxes."""
        self.older_versions = deployment.older_versions() if older_versions is None else older_versions
        """The older versions of events that the stage publishes."""
        self.plan = plan
        self.history = History(kept=keep_history)
        self.scheduler = Scheduler(process.make_ready())
        self.network = Network(self.scheduler, chance, plan, self.history)
        self.functions = Functions(self.scheduler, self.history)
        self.dynamodb = DynamoDB(lambda: self.scheduler.now)
        self.dynamodb.committed = self._committed
        self.bus = Bus(deployment.BUS, self.network, self.time_of)
        self.bus.rare = RARE
        self.mail = Mailboxes()
        self.only = only
        """The subscriptions and rules that are on; all when None."""
        self.conditions = Conditions(self)
        self.network.hangs = self.conditions.hangs
        self.bus.refuses = self.conditions.refuses
        self.functions.start_up = self.conditions.start_up
        self._create_tables()
        self._deploy()
        self.invariants = Invariants(self)
        self.bus.on_accepted = self.invariants.accepted
        self.network.met = self.invariants.met
        self.mail.on_sent = self.invariants.statements.mailed
        RemoteCarrier.statements = self.invariants.statements
        self.functions.raised = self.invariants.failed
        self.accounts: accounts.Accounts | None = None
        if adapters:
            fail = self.invariants.record.fail
            self.accounts = accounts.stand_up(self.network, self.invariants.statements, int(EPOCH.timestamp()), fail)
            self.invariants.money.stripe = self.accounts.stripe
        self.reserving: Callable[[str, str], None] = lambda order_id, boundary: None
        """Receives the order of each reserve command, before the saga sends it at the boundary."""
        self.minutes = 0
        self._executions: dict[str, int] = {}

    # time

    def time_of(self, now: int) -> str:
        """Return a simulated time as text."""
        return (EPOCH + timedelta(microseconds=now)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"

    def since_1970(self, now: int) -> int:
        """Return a simulated time in seconds since 1970."""
        return int(EPOCH.timestamp()) + now // SECOND

    def since_epoch(self, text: str) -> int:
        """Parse a text to a simulated time."""
        return int((datetime.fromisoformat(text) - EPOCH).total_seconds() * SECOND)

    def clock(self) -> datetime:
        """Return the time of the running execution for `kernel.clock`. Its clock may be off."""
        task = self.scheduler.current
        return EPOCH + timedelta(microseconds=self.scheduler.now + (task.skew if task else 0))

    # the stage

    def _create_tables(self) -> None:
        pending = ("pending_shard", "pending_since")
        for service in deployment.SWEEPERS:
            due = {"due": ("due_shard", "next_due")} if service in deployment.WITH_DUE_INDEX else {}
            of_customer = {deployment.CUSTOMER_INDEX: ("customer_id", "created_at")} if service == "order" else {}
            self.dynamodb.create(service, indexes={"pending": pending, **due, **of_customer})
        self.dynamodb.create(deployment.LEDGER, range_key="sk")

    def _deploy(self) -> None:
        for deployed in deployment.functions(adapters=self.adapters, declared=self.older_versions):
            handler = deployed_handlers.handler_of(deployed)
            self.functions.deploy(Function(deployed.name, handler, deployed.timeout_seconds, deployed.environ))
        RemoteGateway.network = RemoteCarrier.network = self.network
        RemoteCarrier.has, RemoteCarrier.refuses = set(), set()
        self.workflow = Workflow(
            deployment.definition(),
            deployment.workflow_functions(),
            self.scheduler,
            self._invoke_step,
            self.chance.unit,
        )
        self.streams = {
            service: Stream(
                service,
                lambda image: "pending_since" in image,
                f"{service}-relay",
                self.network,
                self.functions,
                deployment.constructs("outbox")["GATHER_SECONDS"],
            )
            for service in deployment.SWEEPERS
        }
        self.queues: dict[str, Queue] = {}
        for subscribed in deployment.SUBSCRIPTIONS:
            if self.only is None or subscribed.queue in self.only:
                function = self.functions.deployed[f"{subscribed.service}-{subscribed.module}"]
                settings = deployment.constructs("subscription")
                queue = Queue(
                    subscribed.queue,
                    function.name,
                    subscribed.batch,
                    settings["MAX_RECEIVES"],
                    settings["VISIBILITY_IN_TIMEOUTS"] * function.timeout_seconds,
                    self.network,
                    self.functions,
                    subscribed.delay_seconds,
                )
                self.queues[subscribed.queue] = queue
                self.bus.rules.append(
                    Rule(subscribed.queue, subscribes(subscribed.consumed, subscribed.detail), self._to(queue))
                )
        self.bus.rules.append(Rule("order-start", _starts_workflow, self._start_by_event))
        self.sdk = sdk.Sdk(
            self.network,
            {
                "dynamodb": self._dynamodb,
                "events": self.bus.call,
                "sqs": Sqs(self.queues),
                "lambda": self._invoke,
                "sesv2": self.mail.call,
                "stepfunctions": self._states,
            },
            {
                f"dynamodb {Mode.STALE}": self._stale,
                f"dynamodb {Mode.PARTIAL}": self._unprocessed,
                f"dynamodb {Mode.PARTIAL_ONCE}": self._unprocessed,
                f"dynamodb {Mode.CONFLICT}": self._conflict,
                f"events {Mode.PARTIAL}": self.bus.call_partial,
                f"events {Mode.PARTIAL_ONCE}": self.bus.call_partial,
            },
        )

    def _committed(self, changes: list[Change]) -> None:
        for change in changes:
            stream = self.streams.get(change.table)
            if stream is not None:
                stream.append(change)
            if change.old is None:
                self.conditions.created(change)
        self.invariants.committed([change for change in changes if change.key != FROM_A_NEWER_VERSION])

    # AWS's answers

    def _dynamodb(self, operation: str, request: Request, boundary: str) -> Response:
        if self.conditions.failing:
            self.conditions.refuse(operation, request)
        return self.dynamodb.call(operation, request)

    def _stale(self, operation: str, request: Request, boundary: str) -> Response:
        longest = 180.0 if "IndexName" in request and self.chance.below(f"long lag {boundary}", 4) == 0 else 5.0
        lag = int(self.chance.between(f"lag {boundary}", 0.05, longest) * SECOND)
        return self.dynamodb.call_stale(operation, request, lag)

    def _unprocessed(self, operation: str, request: Request, boundary: str) -> Response:
        """BatchGetItem under throttling: some keys are handed back unread."""
        answered, left = {}, {}
        for table, wanted in request["RequestItems"].items():
            keys = wanted["Keys"]
            read = self.chance.below(f"unprocessed {boundary}", len(keys))
            if read:
                answered[table] = {**wanted, "Keys": keys[:read]}
            left[table] = {**wanted, "Keys": keys[read:]}
        answer = self.dynamodb.call(operation, {"RequestItems": answered}) if answered else {"Responses": {}}
        return {**answer, "UnprocessedKeys": left}

    def _conflict(self, operation: str, request: Request, boundary: str) -> Response:
        if operation != "TransactWriteItems":
            raise RefusalError("TransactionConflictException", "transaction is ongoing for the item")
        struck = self.chance.below(f"conflict {boundary}", len(request["TransactItems"]))
        codes = ["TransactionConflict" if at == struck else "None" for at in range(len(request["TransactItems"]))]
        message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{', '.join(codes)}]"
        raise RefusalError("TransactionCanceledException", message, {"CancellationReasons": [{"Code": code} for code in codes]})

    def _invoke(self, operation: str, request: Request, boundary: str) -> Response:
        """Lambda's Invoke, as consumers and sweepers use it for the queries `contact` and `facts`."""
        name = str(request["FunctionName"]).rpartition(":")[2]
        name = deployment.facts_functions().get(name, name)
        result = self.functions.invoke(name, json.loads(request["Payload"]), boundary, 60 * SECOND)
        if isinstance(result, Answered):
            return {"StatusCode": 200, "Payload": result.payload.encode()}
        if result is None:
            raise UnansweredError
        failure = json.dumps({"errorType": result.error, "errorMessage": result.cause}).encode()
        return {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": failure}

    def _states(self, operation: str, request: Request, boundary: str) -> Response:
        """StartSyncExecution and StartExecution of the one workflow."""
        assert request["stateMachineArn"] == deployment.WORKFLOW
        self.invariants.privacy.no_personal_data_leaks("workflow input", request["input"], token_allowed=True)
        self.invariants.asked_for(json.loads(request["input"]))
        outcome = self.workflow.start(self._execution_name(boundary), json.loads(request["input"]))
        if operation == "StartExecution":
            return {"executionArn": "arn", "startDate": 0}
        self.scheduler.wait(outcome, (deployment.workflow_seconds() + 10) * SECOND)
        match outcome.value:
            case Succeeded(output):
                return {"status": "SUCCEEDED", "output": json.dumps(output)}
            case Ended(error, cause, timed_out):
                return {"status": "TIMED_OUT" if timed_out else "FAILED", "error": error, "cause": cause}
        raise UnansweredError

    def _execution_name(self, boundary: str) -> str:
        count = self._executions.get(boundary, 0)
        self._executions[boundary] = count + 1
        return f"{boundary} > saga {count}" if count else f"{boundary} > saga"

    def _start_by_event(self, event: Envelope, about: str) -> None:
        given = deployment.started_by(event)
        self.workflow.start(self._execution_name(about), given)

    def _invoke_step(self, state: str, function: str, payload: JsonValue, timeout_seconds: float, task: Task) -> JsonValue:
        """Call a function for a Task state, as Step Functions does."""
        assert isinstance(payload, dict)
        boundary = task.numbered(state)
        if payload["command"] in ("authorize", "reserve"):
            self.invariants.deadlines.tries(str(payload["order_id"]))
        if payload["command"] == "reserve":
            self.reserving(str(payload["order_id"]), boundary)
        patience = int(timeout_seconds * SECOND)

        def execute() -> Answered | Failed:
            result = self.functions.invoke(function, payload, boundary, patience)
            if result is None:
                raise UnansweredError
            return result

        try:
            kind = Kind.WAITING_STEP if state == "WaitForStock" else Kind.STEP
            result = self.network.exchange(boundary, kind, execute, timeout_seconds)
        except UnansweredError:
            raise StateError("States.Timeout", f"{state} timed out") from None
        except RefusalError as refusal:
            names = {"ThrottlingException": "Lambda.TooManyRequestsException", "InternalServerError": "Lambda.ServiceException"}
            raise StateError(names[refusal.code], refusal.message) from None
        if isinstance(result, Failed):
            raise StateError("Lambda.Unknown" if "." in result.error else result.error, result.cause)
        response: JsonValue = result.value
        if payload["command"] == "load":
            self.invariants.asked_for(result.value)
        return response

    def _to(self, queue: Queue) -> Callable[[Envelope, str], None]:
        def send(event: Envelope, about: str) -> None:
            text = json.dumps(event)
            from_channel = event["source"].startswith("orderflow.channel.")
            self.invariants.privacy.no_personal_data_leaks("queue", text, token_allowed=from_channel)
            queue.send(text, event_id_of(event))

        return send

    # running

    def run(self, begin: Callable[["World"], None], *, minutes: int = TOO_LONG) -> None:
        """Let `begin` spawn the customers, then go on, sweeping every minute, until everything is at rest."""
        from kernel import clock

        sdk.stand_behind(self.sdk)
        ERROR_RECEIVER[0] = self._logged
        with clock.use_source(self.clock):
            begin(self)
            self.settle(minutes)

    def _logged(self, error: BaseException) -> None:
        task = self.scheduler.current
        self.invariants.failed(task.name if task else "?", error)

    def settle_more(self) -> None:
        """Settle again, after something was set going from outside."""
        from kernel import clock

        with clock.use_source(self.clock):
            self.settle()

    def deliver(self) -> None:
        """Deliver everything that is under way, and run no sweep."""
        from kernel import clock

        with clock.use_source(self.clock):
            self.scheduler.run()

    def abandon(self) -> None:
        """Release every task that still waits, so that no greenlet outlives its world."""
        self.scheduler.abandon()
        sdk.stand_behind(None)

    def settle(self, minutes: int = TOO_LONG) -> None:
        """Sweep every minute until nothing is left to do. Raises Violated if the world never comes to rest."""
        give_up = self.minutes + minutes
        rested = 0

        def tick() -> None:
            nonlocal rested
            rested = rested + 1 if self.invariants.rest.unrest() is None else 0
            if rested >= 2:
                return
            self.minutes += 1
            if self.minutes >= give_up:
                self.invariants.rest.never_comes()
                return
            self._sweep()
            self.scheduler.at(self.scheduler.now // MINUTE * MINUTE + MINUTE, tick)

        self.scheduler.at(self.scheduler.now // MINUTE * MINUTE + MINUTE, tick)
        self.scheduler.run()

    def _sweep(self) -> None:
        if self.conditions.hangs():
            self.plan.struck[f"minute {self.minutes}: the gateway hangs"] = Mode.LASTING
        for service in deployment.SWEEPERS:
            name = f"minute {self.minutes} {service}-sweeper"
            mode, latency = self.network.draw(name, Kind.SCHEDULE)
            if mode is not None:
                self.history.add(self.scheduler.now, f"FAULT {mode}: {name}")
            if mode is Mode.DROPPED:
                continue
            if mode is Mode.DELAYED:
                latency += int(self.chance.between(f"delay {name}", 1.0, 60.0) * SECOND)
            self.invariants.sweeping(service)
            for again in range(2 if mode is Mode.DOUBLED else 1):
                at = self.scheduler.now + latency + again * 50_000
                self.scheduler.at(at, lambda name=name, service=service: self._start_sweep(name, service))  # type: ignore[misc]

    def _start_sweep(self, name: str, service: str) -> None:
        self.functions.start(f"{service}-sweeper", {"source": "aws.events"}, name)

    def spawn(self, name: str, run: Callable[[], object], after: int = 0) -> Task:
        """Start a task of a customer, or of any other outsider."""
        self.invariants.rest.outside += 1

        def body() -> None:
            try:
                run()
            finally:
                self.invariants.rest.outside -= 1

        return self.scheduler.spawn(name, body, after=after)


def _starts_workflow(event: Envelope) -> bool:
    return (
        event["source"] == "orderflow.order"
        and event["detail-type"] == "OrderPlaced"
        and event["detail"]["metadata"]["event_version"] == deployment.newest_order_placed()
        and event["detail"]["data"].get("respond") == "async"
        and "if_short" in event["detail"]["data"]
        and "replay-name" not in event
    )
