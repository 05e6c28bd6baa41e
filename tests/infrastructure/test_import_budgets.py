"""The imports of each function: a cold start pays for every module, so each heavy one is allowed only where it is needed."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from cdk import bundling
from kernel.naming import SERVICES

HTTP = {
    "services.order.functions.api",
    "services.inventory.functions.api",
    "services.payment.functions.webhook",
    "services.shipping.functions.webhook",
}
"""The functions that serve HTTP."""
ALLOWED: dict[str, set[str]] = {
    "aws_lambda_powertools.event_handler": HTTP,
    "aws_lambda_powertools.utilities.data_classes": HTTP,
    "aws_lambda_powertools.utilities.idempotency": set(),
    "aws_lambda_powertools.utilities.parameters": set(),
    "aws_lambda_powertools.utilities.parser": set(),
    "asyncio": HTTP,
    "aws_cdk": set(),
    "aws_xray_sdk": set(),
    "babel": set(),
    "idna": set(),
    "jinja2": set(),
    "jsonschema": set(),
    "moto": set(),
    "pydantic": set(),
    "stages": set(),
    "stripe": set(),
    "yaml": set(),
}
"""Heavy modules, and the functions that may import each one when they start."""
LIST_MODULES = "import json, sys, {}\nprint(json.dumps(sorted(sys.modules)))"


def functions() -> Iterator[str]:
    yield from ("audit.function", "audit.orders", "journal.function")
    for service in SERVICES:
        folder = bundling.REPOSITORY / "services" / service / "functions"
        yield from (f"services.{service}.functions.{file.stem}" for file in sorted(folder.glob("[a-z]*.py")))


@pytest.mark.parametrize("function", list(functions()))
def test_function_imports_no_heavy_module_that_it_does_not_need(function: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIST_MODULES.format(function)],
        capture_output=True,
        text=True,
        check=False,
        cwd=bundling.REPOSITORY,
        env={"PATH": os.defpath, "AWS_DEFAULT_REGION": "eu-west-1"},
    )
    assert done.returncode == 0, done.stderr
    imported = set(json.loads(done.stdout))
    assert {module for module in ALLOWED if module in imported and function not in ALLOWED[module]} == set()


def test_each_function_that_is_allowed_a_module_exists() -> None:
    assert set().union(*ALLOWED.values()) <= set(functions())
