"""DynamoDB Streams and its event source mapping: in order per row, retried from the first failure, bisected on error."""

from collections.abc import Callable
from typing import Final, TypedDict
from zlib import crc32

from simulation.engine.dynamodb import Change
from simulation.engine.expressions import Item
from simulation.engine.faults import Kind, Mode
from simulation.engine.functions import Answered, Functions
from simulation.engine.network import Network
from simulation.engine.scheduler import SECOND

SHARDS: Final = 2
"""A table of some size has several, each read by itself."""
BATCH: Final = 100
MAX_RETRIES: Final = 10
POLL: Final = 250_000


class StreamRecord(TypedDict):
    """The write that a record is about: the row's key, and the row after it."""

    Keys: Item
    NewImage: Item
    SequenceNumber: str
    StreamViewType: str


class Record(TypedDict):
    """A record of a stream of new images, as Lambda gives it to a function."""

    eventID: str
    eventName: str
    eventVersion: str
    eventSource: str
    awsRegion: str
    dynamodb: StreamRecord
    eventSourceARN: str


class Stream:
    """The stream of one table, which feeds a function. `wanted` is the filter of the mapping, by the row after the write.

    A batch that is not full waits `gather_seconds` for more records.
    """

    def __init__(
        self,
        table: str,
        wanted: Callable[[Item], bool],
        function: str,
        network: Network,
        functions: Functions,
        gather_seconds: int = 0,
    ) -> None:
        self.table = table
        self.wanted = wanted
        self.function = function
        self.network = network
        self.scheduler = network.scheduler
        self.functions = functions
        self.gather_seconds = gather_seconds
        self.dead: list[list[Record]] = []
        """Batches that were given up after MAX_RETRIES, as the on-failure queue receives them."""
        self.waiting: list[list[Record]] = [[] for _ in range(SHARDS)]
        self.busy = [False] * SHARDS
        self._sequence = 0

    @property
    def quiet(self) -> bool:
        """True if no record waits and none is being delivered."""
        return not any(self.busy)

    def append(self, change: Change) -> None:
        """Append a write to the stream, if the filter wants it. Deletions are not in the stream."""
        if change.new is None or not self.wanted(change.new):
            return
        self._sequence += 1
        sequence = f"{self._sequence:021d}"
        record: Record = {
            "eventID": f"{self.table}-{sequence}",
            "eventName": "INSERT" if change.old is None else "MODIFY",
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": "eu-west-1",
            "dynamodb": {
                "Keys": {"pk": {"S": change.key}},
                "NewImage": change.new,
                "SequenceNumber": sequence,
                "StreamViewType": "NEW_IMAGE",
            },
            "eventSourceARN": f"arn:aws:dynamodb:eu-west-1:123456789012:table/{self.table}/stream/1",
        }
        shard = crc32(change.key.encode()) // 7 % SHARDS
        self.waiting[shard].append(record)
        if not self.busy[shard]:
            self.busy[shard] = True
            self.scheduler.spawn(f"stream {self.table} {shard} {sequence}", lambda: self._feed(shard), after=POLL)

    def _feed(self, shard: int) -> None:
        """Deliver the records that wait, batch by batch."""
        try:
            while self.waiting[shard]:
                if len(self.waiting[shard]) < BATCH:
                    self.scheduler.sleep(self.gather_seconds * SECOND)
                batch = self.waiting[shard][:BATCH]
                del self.waiting[shard][:BATCH]
                self._deliver(batch, 0)
        finally:
            self.busy[shard] = False

    def _deliver(self, batch: list[Record], retries: int) -> None:
        """Deliver a batch until it is done or given up."""
        while batch:
            first = batch[0]["dynamodb"]
            image = first["NewImage"]
            version = image["version"]["N"] if "version" in image else "-"
            name = f"stream {self.table} [{first['Keys']['pk']['S']}#{version} +{len(batch) - 1}] {retries}"
            mode, latency = self.network.draw(name, Kind.STREAM)
            if mode is not None:
                self.network.history.add(self.scheduler.now, f"FAULT {mode}: {name}")
            if mode is Mode.DROPPED:  # the relay was down for longer than the stream keeps
                return
            if mode is Mode.DELAYED:
                latency += int(self.network.chance.between(f"delay {name}", 1.0, 400.0) * SECOND)
            self.scheduler.sleep(latency)
            failed_from: int | None = 0
            if mode is not Mode.THROTTLED:
                if mode is Mode.DOUBLED:
                    self.functions.start(self.function, {"Records": batch}, f"{name} (again)")
                result = self.functions.invoke(self.function, {"Records": batch}, name)
                if isinstance(result, Answered) and mode is not Mode.ANSWER_LOST:
                    failed_from = first_failure(batch, result.failed_items)
                    if failed_from is None:
                        return
                elif len(batch) > 1:
                    middle = len(batch) // 2
                    self._deliver(batch[:middle], retries + 1)
                    self._deliver(batch[middle:], retries + 1)
                    return
            batch = batch[failed_from:]
            retries += 1
            if retries > MAX_RETRIES:
                self.dead.append(batch)
                return
            self.scheduler.sleep(min(SECOND * 2 ** (retries - 1), 60 * SECOND))


def first_failure(batch: list[Record], failed: frozenset[str]) -> int | None:
    """Return the position from which on Lambda retries the batch: the earliest failed sequence number, or None."""
    positions = [at for at, record in enumerate(batch) if record["dynamodb"]["SequenceNumber"] in failed]
    if failed and not positions:
        return 0
    return min(positions) if positions else None
