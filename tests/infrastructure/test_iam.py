"""The evaluator itself: AWS's documented outcomes, and its refusal of what it does not know."""

from typing import Any

import pytest

from tests.infrastructure.iam import Caller, Statement, UnknownPolicyError, allowed

ROLE = "arn:aws:iam::123456789012:role/shop"
BUS = "arn:aws:events:eu-west-1:123456789012:event-bus/orders"


def allow(action: Any = "events:PutEvents", resource: Any = "*", **more: Any) -> Statement:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(**more: Any) -> Statement:
    return {"Effect": "Deny", "Principal": "*", "Action": "events:PutEvents", "Resource": BUS, **more}


def may_put(caller: Caller, *resource_policy: Statement, **context: list[str]) -> bool:
    about = {name.replace("_", ":"): values for name, values in context.items()}
    return allowed(caller, "events:PutEvents", BUS, resource_policy, about)


def test_nothing_is_allowed_without_an_allow() -> None:
    assert not may_put(Caller("shop", ROLE))
    assert may_put(Caller("shop", ROLE, policies=[allow()]))


@pytest.mark.parametrize(
    ("action", "resource", "outcome"),
    [
        ("events:*", BUS, True),
        ("EVENTS:putevents", BUS, True),
        ("*", "*", True),
        (["events:PutRule", "events:Put?vents"], "arn:aws:events:*:*:event-bus/*", True),
        ("events:PutRule", BUS, False),
        ("events:PutEvents", f"{BUS}-archive", False),
        ("events:PutEvent", BUS, False),
        ("events:Put[E]vents", BUS, False),
    ],
)
def test_actions_and_resources_have_iams_wildcards_only(action: Any, resource: str, outcome: bool) -> None:
    assert may_put(Caller("shop", ROLE, policies=[allow(action, resource)])) is outcome


def test_an_explicit_deny_wins_wherever_it_is() -> None:
    wide = allow("*")
    assert not may_put(Caller("shop", ROLE, policies=[wide]), deny())
    assert not may_put(Caller("shop", ROLE, policies=[wide, {"Effect": "Deny", "Action": "events:*", "Resource": "*"}]))


def test_allow_of_the_resource_suffices_in_one_account() -> None:
    for principal in ("*", {"AWS": "*"}, {"AWS": [ROLE]}):
        assert may_put(Caller("shop", ROLE), {**allow(resource=BUS), "Principal": principal})
    service = {**allow(resource=BUS), "Principal": {"Service": "events.amazonaws.com"}}
    assert may_put(Caller("EventBridge", service="events.amazonaws.com"), service)
    assert not may_put(Caller("shop", ROLE), service)
    assert not may_put(Caller("EventBridge", service="sns.amazonaws.com"), service)


def test_across_accounts_both_sides_must_allow() -> None:
    foreign = "arn:aws:iam::210987654321:role/market"
    theirs, ours = allow(), {**allow(resource=BUS), "Principal": {"AWS": foreign}}
    assert may_put(Caller("market", foreign, policies=[theirs]), ours)
    assert not may_put(Caller("market", foreign), ours)
    assert not may_put(Caller("market", foreign, policies=[theirs]))


@pytest.mark.parametrize(
    ("operator", "wanted", "found", "outcome"),
    [
        ("StringEquals", "a", ["a"], True),
        ("StringEquals", ["a", "b"], ["b"], True),
        ("StringEquals", "a", ["A"], False),
        ("StringEquals", "a", None, False),
        ("StringEqualsIfExists", "a", None, True),
        ("StringNotEquals", ["a", "b"], ["b"], False),
        ("StringNotEquals", ["a", "b"], ["c"], True),
        ("StringNotEquals", "a", None, True),
        ("StringLike", "a*", ["abc"], True),
        ("StringNotLike", "a*", ["abc"], False),
        ("ForAllValues:StringEquals", ["a", "b"], ["a", "b"], True),
        ("ForAllValues:StringEquals", ["a", "b"], ["a", "c"], False),
        ("ForAllValues:StringEquals", "a", None, True),
        ("ForAnyValue:StringEquals", ["a", "b"], ["c", "b"], True),
        ("ForAnyValue:StringEquals", ["a", "b"], ["c"], False),
        ("ForAnyValue:StringEquals", "a", None, False),
        ("ForAnyValue:StringNotEquals", ["a", "b"], ["a", "c"], True),
        ("ForAnyValue:StringNotEquals", ["a", "b"], ["a", "b"], False),
        ("ForAllValues:StringNotEquals", ["a", "b"], ["c", "d"], True),
        ("Null", "true", None, True),
        ("Null", "false", None, False),
        ("Null", "false", ["a"], True),
        ("Bool", "false", ["False"], True),
        ("Bool", "false", None, False),
        ("BoolIfExists", "false", None, True),
        ("ArnEquals", "arn:aws:iam::123456789012:role/*", [ROLE], True),
        ("ArnLike", "arn:aws:iam::*:role/shop", [ROLE], True),
        ("ArnLike", "arn:aws:*role/shop", [ROLE], False),
        ("ArnNotEquals", ROLE, [ROLE], False),
        ("ArnNotEquals", ROLE, None, True),
    ],
)
def test_condition_is_evaluated_as_by_iam(operator: str, wanted: Any, found: list[str] | None, outcome: bool) -> None:
    statement = allow(Condition={operator: {"Events:Source": wanted}})
    context = {} if found is None else {"events_source": found}
    assert may_put(Caller("shop", ROLE, policies=[statement]), **context) is outcome


def test_all_lines_of_a_condition_must_hold() -> None:
    conditions = {"StringEquals": {"events:source": "a", "events:detail-type": "b"}}
    caller = Caller("shop", ROLE, policies=[allow(Condition=conditions)])
    assert allowed(caller, "events:PutEvents", BUS, context={"events:source": ["a"], "events:detail-type": ["b"]})
    assert not allowed(caller, "events:PutEvents", BUS, context={"events:source": ["a"], "events:detail-type": ["c"]})


def test_role_has_its_tags_and_arn_and_service_its_name() -> None:
    tagged = allow(Condition={"StringEquals": {"aws:PrincipalTag/orderflow:service": "order"}})
    assert may_put(Caller("relay", ROLE, tags={"orderflow:service": "order"}, policies=[tagged]))
    assert not may_put(Caller("relay", ROLE, tags={"orderflow:service": "payment"}, policies=[tagged]))
    named = allow(Condition={"ArnEquals": {"aws:PrincipalArn": ROLE}})
    assert may_put(Caller("shop", ROLE, policies=[named]))
    assert not may_put(Caller("shop", service="events.amazonaws.com", policies=[named]))


@pytest.mark.parametrize(
    "statement",
    [
        allow(Condition={"DateLessThan": {"aws:CurrentTime": "2026-01-01"}}),
        allow(Condition={"ForSomeValues:StringEquals": {"events:source": "a"}}),
        allow(Condition={"ForAllValues:Null": {"events:source": "true"}}),
        allow(Condition={"StringEquals": {"events:source": "${aws:username}"}}),
        allow(Condition={"StringEquals": {"events:source": {"Ref": "Bus"}}}),
        {"Effect": "Allow", "NotAction": "events:PutRule", "Resource": "*"},
        {"Effect": "Allow", "Action": "events:*", "NotResource": BUS},
        {"Effect": "Maybe", "Action": "*", "Resource": "*"},
    ],
)
def test_unknown_element_of_a_policy_is_refused(statement: Statement) -> None:
    with pytest.raises(UnknownPolicyError):
        may_put(Caller("shop", ROLE, policies=[statement]), events_source=["a"])


@pytest.mark.parametrize("principal", [{"AWS": "123456789012"}, {"AWS": "arn:aws:iam::123456789012:root"}, {"Federated": "x"}])
def test_unknown_principal_is_refused(principal: Any) -> None:
    with pytest.raises(UnknownPolicyError):
        may_put(Caller("shop", ROLE), {**allow(resource=BUS), "Principal": principal})


def test_several_values_for_a_single_one_are_refused() -> None:
    statement = allow(Condition={"StringEquals": {"events:source": "a"}})
    with pytest.raises(UnknownPolicyError, match="has 2 values"):
        may_put(Caller("shop", ROLE, policies=[statement]), events_source=["a", "b"])
