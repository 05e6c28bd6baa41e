"""The time of a subscriber's batch and of a sweep if all their calls are slow: the synthesis fails above the limit."""

from importlib import import_module

import pytest
from aws_cdk import App

import stages
from app import compose
from kernel.timeouts import OverBudgetError

TOO_SLOW = [
    ("payment", "BATCH", 3, "payment's subscription cancellations takes up to 72 s, but its function's time-out is 60 s"),
    ("payment", "REFUND_SECONDS", 22, "payment's subscription cancellations takes up to 62 s"),
    ("inventory", "BATCH", 10, "inventory's subscription cancellations takes up to 120 s"),
    ("order", "BATCH", 10, "order's subscription fulfilment takes up to 120 s"),
    ("notification", "BATCH", 4, "notification's subscription notices takes up to 120 s"),
    ("shipping", "SWEEPER_SECONDS", 70, "a sweep of shipping that begins its last row in time takes up to 74 s"),
    ("order", "START_SECONDS", 20, "a sweep of order that begins its last row in time takes up to 62 s"),
]


@pytest.mark.parametrize(("service", "name", "value", "rung"), TOO_SLOW, ids=[f"{case[0]} {case[1]}" for case in TOO_SLOW])
def test_work_too_slow_for_its_function_fails_the_synthesis(
    service: str, name: str, value: float, rung: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_module(f"services.{service}.infrastructure"), name, value)
    with pytest.raises(OverBudgetError, match=rung):
        compose(App(analytics_reporting=False), stages.load("dev"))
