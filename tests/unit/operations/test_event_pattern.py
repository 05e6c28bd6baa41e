"""Event patterns: taken and refused as AWS's user guide says, with the reason why."""

import json
import re
from typing import Any

import pytest

from operations.event_pattern import InvalidPatternError, Pattern
from tests.support.engine_matcher import opinions
from tests.unit.operations.documented_patterns import DOCUMENTED, EC2, REFUSED, Documented, ec2


@pytest.mark.parametrize("documented", DOCUMENTED, ids=str)
def test_pattern_matches_the_events_of_the_aws_guide(documented: Documented) -> None:
    pattern = Pattern(json.dumps(documented.pattern))
    assert [event for event in documented.taken if not pattern.matches(event)] == []
    assert [event for event in documented.refused if pattern.matches(event)] == []


@pytest.mark.parametrize(
    ("pattern", "why"), REFUSED, ids=lambda value: None if isinstance(value, str) else json.dumps(value)[:60]
)
def test_pattern_that_aws_refuses_is_refused_with_place_and_reason(pattern: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidPatternError, match=why):
        Pattern(pattern)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ('{"a": [NaN]}', "NaN is not JSON"),
        ('["a"]', "must be a JSON object"),
        (json.dumps({"source": ["x" * 4096]}), "at most 4096"),
    ],
)
def test_text_that_is_no_pattern_is_refused(text: str, why: str) -> None:
    with pytest.raises(InvalidPatternError, match=f"the pattern .*{why}"):
        Pattern(text)


def test_engine_matches_alike() -> None:
    """Of every documented pattern on every documented event, and of every refused pattern."""
    events = [event for documented in DOCUMENTED for event in (*documented.taken, *documented.refused)]
    patterns = [documented.pattern for documented in DOCUMENTED]
    for pattern, theirs in zip(patterns, opinions(patterns, events), strict=True):
        ours = [Pattern(pattern).matches(event) for event in events]
        assert [event for event, our, their in zip(events, ours, theirs, strict=True) if our != their] == [], pattern
    refused = [pattern for pattern, _ in REFUSED]
    accepted = [
        pattern for pattern, (their,) in zip(refused, opinions(refused, [EC2]), strict=True) if not isinstance(their, str)
    ]
    assert accepted == []


@pytest.mark.parametrize(
    ("pattern", "event", "why"),
    [
        ({"source": ["aws.ecs"]}, EC2, 'source: expected "aws.ecs", found "aws.ec2"'),
        ({"detail": {"state": ["running"]}, "source": ["a", "b"]}, EC2, 'source: expected "a" or "b", found "aws.ec2"'),
        ({"detail": {"code": [7]}}, EC2, "detail.code: expected 7, found nothing"),
        ({"detail": {"state": {"code": [7]}}}, EC2, "detail.state.code: expected 7, found nothing"),
        ({"detail": {"state": [{"exists": False}]}}, EC2, 'detail.state: expected not to be there, found "terminated"'),
        ({"source": [{"prefix": "my."}, {"exists": False}]}, EC2, 'expected to start with "my." or not to be there, found'),
        ({"detail": {"n": [{"numeric": [">", 0, "<=", 5]}]}}, ec2(n=6), "detail.n: expected > 0 and <= 5, found 6"),
        ({"detail": {"s": [{"anything-but": ["a", "b"]}]}}, ec2(s="a"), 'expected anything but "a" nor "b", found "a"'),
        ({"detail": {"s": [{"wildcard": "a*"}]}}, ec2(s="x" * 200), 'expected to be like "a*", found "xxx'),
        ({"detail": {"s": [{"cidr": "10.0.0.0/8"}]}}, ec2(s="11.0.0.1"), "expected to be an address in 10.0.0.0/8"),
        ({"detail": {"l": {"sku": ["A"]}}}, ec2(l=[{"sku": "B"}, {"sku": "C"}]), 'detail.l.sku: expected "A", found "B"'),
    ],
)
def test_mismatch_names_the_first_field(pattern: dict[str, Any], event: dict[str, Any], why: str) -> None:
    (mismatch,) = Pattern(pattern).mismatches(event)
    assert re.search(re.escape(why), str(mismatch)), str(mismatch)
    assert len(mismatch.found) <= 80


def test_mismatch_names_each_branch_of_an_or() -> None:
    pattern = Pattern({"source": ["aws.ec2"], "detail": {"$or": [{"state": ["running"]}, {"code": [{"numeric": ["<", 3]}]}]}})
    assert [str(mismatch) for mismatch in pattern.mismatches(EC2)] == [
        'detail.state: expected "running", found "terminated"',
        "detail.code: expected < 3, found nothing",
    ]
    assert [mismatch.field for mismatch in pattern.mismatches({**EC2, "source": "aws.s3"})] == ["source"]


@pytest.mark.parametrize(
    ("wanted", "accepted"),
    [
        ([{"wildcard": "*:*:*:*:*:event-bus/*"}], False),
        ([{"anything-but": {"wildcard": "*:*:*:*:*:event-bus/*"}}], False),
        ([{"anything-but": {"wildcard": ["*:*:*:*:*:event-bus/*"]}}], False),
        ([{"wildcard": f"*:stack/{name}/*"} for name in ("a", "b", "c", "d")], False),
        ([{"wildcard": f"*:stack/{name}/*"} for name in ("a", "b", "c")], True),
        ([{"wildcard": "arn:aws:events:*:*:event-bus/*"}], True),
        ([{"wildcard": "*/users/*/orders"}], True),
        ([{"wildcard": f"dir-{name}/*"} for name in "abcdefghij"], True),
        ([{"wildcard": "\\*" * 9}], True),
    ],
    ids=json.dumps,
)
def test_too_many_wildcards_at_once_are_refused(wanted: list[Any], accepted: bool) -> None:
    """The first was refused by AWS as too complex; the stacks' four were, and three were not."""
    if accepted:
        Pattern({"source": wanted})
        return
    with pytest.raises(InvalidPatternError, match="source has wildcards that are too complex"):
        Pattern({"source": wanted})


@pytest.mark.parametrize(
    ("pattern", "detail", "taken"),
    [
        ({"state": {"status": ["running"]}}, {"state.status": "running"}, True),
        ({"state.status": ["running"]}, {"state": {"status": "running"}}, True),
        ({"state.status": ["running"]}, {"state.status": "running"}, True),
        ({"state.status": ["running"]}, {"state.status": "stopped", "state": {"status": "running"}}, True),
        ({"state": {"status": ["running"], "code": [1]}}, {"state.status": "running", "state": {"code": 1}}, True),
        ({"state": {"status": ["running"]}}, {"state.status.code": "running"}, False),
        ({"state": {"status": [{"exists": False}]}}, {"state.status": "running"}, False),
        ({"list": {"a.b": [1]}}, {"list": [{"a": {"b": 1}}]}, True),
    ],
    ids=json.dumps,
)
def test_dot_in_a_name_is_a_path_in_pattern_and_event(pattern: dict[str, Any], detail: dict[str, Any], taken: bool) -> None:
    assert Pattern({"detail": pattern}).matches({"detail": detail}) is taken
