"""The simulation's DynamoDB against dynalite, request by request."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.judges.dynalite import KNOWN_GAPS, Dynalite, Exchange, Gap, leaves_out_the_refused_row, serving
from tests.support.dynamodb_answers import answer, ours
from tests.support.random_requests import TABLES, Requests

REPOSITORY = Path(__file__).parents[2]
NODE = REPOSITORY / ".venv" / "lib" / "node" / "bin" / "node"
INSTALLED = REPOSITORY / "node_modules" / "dynalite"
REQUESTS = 4_000
WRITES = ("PutItem", "UpdateItem", "DeleteItem")
Judged = tuple[Exchange, Gap | None]
"""An exchange, and the known gap that explains how its answers differ."""

pytestmark = pytest.mark.skipif(not INSTALLED.exists(), reason="npm's dynalite is not installed: make setup")


@pytest.fixture(scope="module")
def judged() -> list[Judged]:
    """Both answers to the same random requests. Those of transactions are left out: dynalite has none."""
    with serving(NODE) as dynalite:
        for table in TABLES:
            dynalite.create(table)
        return list(judge(dynalite))


def judge(dynalite: Dynalite) -> Iterator[Judged]:
    """Send each request to both. After a known gap dynalite's row is made ours, so that one gap is not seen twice."""
    requests, store = Requests(seed=20_261_128), ours()
    rows = store.tables["rows"].rows
    for operation, request in (requests.next() for _ in range(REQUESTS)):
        if operation == "TransactWriteItems":
            continue
        key = request.get("Key") or {"pk": request.get("Item", {}).get("pk", {"S": "?"})}
        before = rows.get(key["pk"]["S"])
        exchange = Exchange(
            operation, request, before, answer(store, operation, request), dynalite.ask(operation, request), store
        )
        gap = next((gap for gap in KNOWN_GAPS if exchange.differs and gap(exchange)), None)
        if gap is not None and operation in WRITES:
            dynalite.overwrite(key, rows.get(key["pk"]["S"]))
        yield exchange, gap


def test_answers_as_dynalite_does(judged: list[Judged], record_property: Callable[[str, object], None]) -> None:
    unknown = [exchange for exchange, gap in judged if exchange.differs and gap is None]
    record_property("requests", len(judged))
    record_property("in known gaps", sum(gap is not None for _, gap in judged))
    record_property("other differences", len(unknown))
    assert not unknown, f"{len(unknown)} differences; the first: {unknown[0]}"


def test_every_kind_of_answer_occurs(judged: list[Judged]) -> None:
    outcomes = Counter((exchange.operation, exchange.ours["body"].get("__type", "done")) for exchange, _ in judged)
    for operation in ("UpdateItem", "PutItem", "DeleteItem", "GetItem", "Query", "BatchGetItem", "Scan"):
        assert outcomes[operation, "done"] >= 20, operation
    assert outcomes["UpdateItem", "ConditionalCheckFailedException"] > 200
    assert outcomes["UpdateItem", "ValidationException"] > 20


@pytest.mark.parametrize("gap", KNOWN_GAPS, ids=lambda gap: gap.__name__)
def test_each_known_gap_is_still_there(judged: list[Judged], gap: Gap) -> None:
    """A gap that dynalite has closed is no longer a reason to look away."""
    assert any(found is gap for _, found in judged)


def test_few_answers_are_lost_to_the_gaps(judged: list[Judged]) -> None:
    """Beside the row of a failed condition, which is left out of every refusal."""
    others = [gap for _, gap in judged if gap not in (None, leaves_out_the_refused_row)]
    assert len(others) < len(judged) / 20


def test_a_condition_that_is_not_checked_is_found() -> None:
    """The judge finds a store that writes whatever the condition says."""
    store = ours()
    unconditional = {"TableName": "rows", "Item": {"pk": {"S": "ORDER#a"}}}
    request = {**unconditional, "ConditionExpression": "attribute_exists(pk)"}
    with serving(NODE) as dynalite:
        for table in TABLES:
            dynalite.create(table)
        theirs = dynalite.ask("PutItem", request)
    exchange = Exchange("PutItem", request, None, answer(store, "PutItem", unconditional), theirs, store)
    assert exchange.differs
    assert not any(gap(exchange) for gap in KNOWN_GAPS)
