"""The entry of a function: made at the import on Lambda, at the first event elsewhere, and never twice."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from kernel.clients import Clients
from kernel.garbage import FUNCTION_NAME
from kernel.handler import Handler, lambda_handler
from kernel.settings import MissingSettingError
from simulation.stage.deployment import functions

REPOSITORY = Path(__file__).parents[3]


class Bootstrap:
    """A bootstrap that counts how often it ran."""

    made = 0

    def __call__(self, clients: Clients, environ: Mapping[str, str]) -> Handler:
        self.made += 1
        return lambda event, context: (event, environ["TABLE_NAME"])


def test_handler_is_made_at_import_on_lambda() -> None:
    bootstrap = Bootstrap()
    handler = lambda_handler(bootstrap, {FUNCTION_NAME: "inventory-facts", "TABLE_NAME": "orders"})
    assert bootstrap.made == 1
    assert [handler(event, None) for event in (1, 2)] == [(1, "orders"), (2, "orders")]
    assert bootstrap.made == 1


def test_handler_is_made_at_first_event_elsewhere() -> None:
    bootstrap = Bootstrap()
    handler = lambda_handler(bootstrap, {"TABLE_NAME": "orders"})
    assert bootstrap.made == 0
    assert [handler(event, None) for event in (1, 2)] == [(1, "orders"), (2, "orders")]
    assert bootstrap.made == 1


def test_missing_setting_stops_the_import_on_lambda() -> None:
    def bootstrap(clients: Clients, environ: Mapping[str, str]) -> Handler:
        raise MissingSettingError("TABLE_NAME is not set")

    lambda_handler(bootstrap, {})
    with pytest.raises(MissingSettingError):
        lambda_handler(bootstrap, {FUNCTION_NAME: "inventory-facts"})


OF_SERVICES = [
    ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)
    for path in sorted(REPOSITORY.glob("services/*/functions/[!_]*.py"))
]
MODULES = [*OF_SERVICES, "audit.function", "journal.function"]
SAY_WHETHER_A_CLIENT_WAS_MADE = "print(__import__('boto3').DEFAULT_SESSION is not None)"


def imported(*modules: str, **environ: str) -> str:
    """Import the modules in a process with these variables alone; say whether it made a client."""
    program = f"import {', '.join(modules)}; {SAY_WHETHER_A_CLIENT_WAS_MADE}"
    variables = {"PYTHONPATH": str(REPOSITORY), "AWS_CONFIG_FILE": os.devnull, **environ}
    done = subprocess.run([sys.executable, "-c", program], env=variables, capture_output=True, text=True, check=False)
    return done.stdout.strip() or done.stderr.splitlines()[-1]


def test_module_of_a_function_makes_its_clients_at_import_on_lambda() -> None:
    on_lambda = {FUNCTION_NAME: "inventory-facts", "AWS_DEFAULT_REGION": "eu-west-1"}
    assert imported("services.inventory.functions.facts", **on_lambda, TABLE_NAME="orders") == "True"
    assert "TABLE_NAME is not set" in imported("services.inventory.functions.facts", **on_lambda)


def test_modules_of_all_functions_can_be_imported_without_region_or_settings() -> None:
    assert len(MODULES) > 30
    assert imported(*MODULES) == "False"


def test_modules_of_all_functions_can_be_imported_on_lambda() -> None:
    variables = {name: value for function in functions(adapters=True) for name, value in function.environ.items()}
    secrets = {"STRIPE_WEBHOOK_SECRET_ARN": "arn", "SENDER_ADDRESS": "shop@example.com", "CONFIGURATION_SET": "mails"}
    secrets |= {"SHOP_NAME": "Example Shop", "SUPPORT_ADDRESS": "support@example.com"}
    on_lambda = {FUNCTION_NAME: "any", "AWS_DEFAULT_REGION": "eu-west-1", **secrets, **variables}
    assert imported(*OF_SERVICES, **on_lambda) == "True"
