"""The log of a function: the keys of each line, and the lines of the level DEBUG that only an error brings out."""

import json
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from kernel import logs
from kernel.commands import command_handler
from kernel.handler import observed
from kernel.logs import logger
from tests.support.logged import Lines, lines_of_log

CONTEXT = SimpleNamespace(aws_request_id="request-1")


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    """Return the lines that are logged, as a function logs them."""
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-67c4622d-000000000000000000000001")
    with lines_of_log() as found:
        yield found


def test_lines_of_a_block_have_its_keys_and_those_of_the_block_around(lines: Lines) -> None:
    with logs.about(order_id="ord-1"):
        with logs.about(event_id="e-1", replay_name=None):
            logs.add(causation_id="c-1")
            logger.info("inner")
        logger.info("outer")
    logger.info("after")
    inner, outer, after = lines()
    assert [inner[name] for name in ("order_id", "event_id", "causation_id")] == ["ord-1", "e-1", "c-1"]
    assert outer["order_id"] == "ord-1"
    assert not {"event_id", "causation_id", "replay_name"} & outer.keys()
    assert "order_id" not in after


def test_debug_lines_are_written_only_before_an_error(lines: Lines) -> None:
    with logs.about(order_id="ord-1"):
        logs.debug("harmless")
    with logs.about(order_id="ord-2"):
        logs.debug("first")
        logger.error("second")
    assert [(line["message"], line["level"], line["order_id"]) for line in lines()] == [
        ("first", "DEBUG", "ord-2"),
        ("second", "ERROR", "ord-2"),
    ]


def test_line_without_a_fault_lacks_what_only_a_fault_needs(lines: Lines) -> None:
    with logs.about(order_id="ord-1", message_id="m-1"):
        logger.info("first")
        logger.warning("second")
    first, second = lines()
    assert first.keys() == {"level", "message", "timestamp", "order_id"}
    assert second.keys() == first.keys() | {"location", "message_id", "service", "xray_trace_id"}


def test_exception_ends_in_a_line_with_all_keys_and_without_its_text(lines: Lines) -> None:
    def handle(event: object, context: object) -> None:
        logs.add(correlation_id="corr-1")
        raise ValueError("ada@example.com")

    with pytest.raises(ValueError, match="ada"):
        observed(handle)({"order_id": "ord-1"}, CONTEXT)
    [line] = lines()
    assert [line[name] for name in ("function_request_id", "order_id", "correlation_id", "error")] == [
        "request-1",
        "ord-1",
        "corr-1",
        "ValueError",
    ]
    assert "ada@" not in json.dumps(line)


def test_command_is_logged_with_its_ids_as_far_as_they_are_fit_for_a_log(lines: Lines) -> None:
    handle = observed(command_handler({"void": lambda command: {"outcome": "VOIDED"}}))
    handle(
        {"command": "void", "order_id": "ord-1", "correlation_id": "4111 1111 1111 1111", "causation_id": "ada@example.com"},
        CONTEXT,
    )
    [line] = lines()
    assert [line[name] for name in ("message", "command", "outcome", "order_id")] == [
        "command answered",
        "void",
        "VOIDED",
        "ord-1",
    ]
    assert line["correlation_id"] == line["causation_id"] == "(not shown)"


@pytest.mark.parametrize(("given", "attempt"), [({"retries": 0}, 1), ({"retries": 1}, 2), ({}, None), ({"retries": "1"}, None)])
def test_command_of_the_saga_is_logged_with_its_attempt(lines: Lines, given: dict[str, object], attempt: int | None) -> None:
    observed(command_handler({"void": lambda command: {"outcome": "VOIDED"}}))({"command": "void", **given}, CONTEXT)
    [line] = lines()
    assert line.get("attempt") == attempt
