"""The settings and permissions of each function, compared with the reads and calls of its code."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cdk.constructs.function import OPENTELEMETRY
from kernel.naming import OF_OPEN_ROWS, OF_OUTBOX, SERVICES
from operations.contracts import openapi
from tests.infrastructure.conftest import LASTING
from tests.infrastructure.templates import Assembly, Resource, listed, referred, texts

REPOSITORY = Path(__file__).parents[2]
GIVEN_TO_ALL = {"STAGE", "POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE", "LOG_LEVEL", "INDEX_SHARDS"}
FUNCTIONS = {
    "order": {"api", "commands", "contact", "facts", "operator", "intake", "subscriber", "relay", "sweeper"},
    "payment": {"facts", "commands", "operator", "subscriber", "relay", "sweeper"},
    "inventory": {"facts", "api", "commands", "operator", "subscriber", "relay", "sweeper"},
    "shipping": {"facts", "subscriber", "booking", "cancellation", "webhook", "relay", "sweeper"},
    "notification": {"commands", "subscriber", "feedback", "relay", "sweeper"},
}
READ_BY_EASYPOST = {"EASYPOST_URL", "SHIP_FROM", "GRAMS_PER_ITEM", "CARRIER_API_KEY_ARN"}
"""The settings of the functions that call the carrier, if it is EasyPost."""
READ_BY_STRIPE = {"STRIPE_URL", "STRIPE_API_KEY_ARN"}
"""The settings of the functions that move money, if Stripe moves it."""
READ_TO_HEAR = {"CARRIER_WEBHOOK_SECRET_ARN"}
"""The settings for a carrier's webhook, which one function handles."""


def modules_of(service: str) -> set[str]:
    """Return the modules of a service's functions: those of FUNCTIONS, or of a service that is not there, all that it has."""
    folder = REPOSITORY / "services" / service / "functions"
    return FUNCTIONS.get(service) or {file.stem for file in folder.glob("[a-z]*.py")}


ALL = [(service, module) for service in SERVICES for module in sorted(modules_of(service))]


@dataclass
class Reads:
    """The environment variables that some code reads."""

    required: set[str] = field(default_factory=set)
    optional: set[str] = field(default_factory=set)


def reads_of(module: str) -> Reads:
    """Return the reads of a module and its imports from `services`: `environ`, and the fields of classes `...Settings`."""
    found, waiting, seen = Reads(), [module], set()
    while waiting:
        name = waiting.pop()
        file = REPOSITORY / (name.replace(".", "/") + ".py")
        if name in seen or not file.exists():
            continue
        seen.add(name)
        tree = ast.parse(file.read_text())
        waiting += imports_of(tree)
        for node in ast.walk(tree):
            match node:
                case ast.Subscript(
                    value=ast.Attribute(attr="environ") | ast.Name(id="environ"), slice=ast.Constant(value=str(variable))
                ):
                    found.required.add(variable)
                case ast.Call(
                    func=ast.Attribute(value=ast.Attribute(attr="environ") | ast.Name(id="environ"), attr="get"),
                    args=[ast.Constant(value=str(variable)), *_],
                ):
                    found.optional.add(variable)
                case ast.ClassDef(name=class_name) if class_name.endswith("Settings") and reads_settings(module, class_name):
                    for item in node.body:
                        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                            (found.optional if item.value else found.required).add(item.target.id.upper())
    return found


def reads_settings(module: str, class_name: str) -> bool:
    """Return whether a function reads the settings: those of the outbox are of relays and sweepers only."""
    return class_name != "OutboxSettings" or module.endswith((".relay", ".sweeper"))


def imports_of(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(("kernel", "services")):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_each_service_has_the_functions_of_its_triggers(assembly: Assembly) -> None:
    found: dict[str, set[str]] = {}
    for function in assembly.resources("Lambda::Function"):
        if function.service not in SERVICES:  # see test_audit.py, test_journal.py
            continue
        _, service, _, module, handler = function.properties["Handler"].split(".")
        assert (service, handler) == (function.service, "handler")
        found.setdefault(service, set()).add(module)
    assert found == {service: modules_of(service) for service in SERVICES}


@pytest.mark.parametrize(("service", "module"), ALL)
def test_environment_has_exactly_the_variables_that_the_code_reads(assembly: Assembly, service: str, module: str) -> None:
    given = set(assembly.function(service, module).properties["Environment"]["Variables"]) - GIVEN_TO_ALL
    reads = reads_of(f"services.{service}.functions.{module}")
    not_here = READ_BY_EASYPOST | READ_BY_STRIPE | (set() if module == "webhook" else READ_TO_HEAR)
    assert reads.required - not_here - GIVEN_TO_ALL <= given
    assert given <= reads.required | reads.optional


def rows(assembly: Assembly, function: Resource, action: str) -> set[str]:
    """Return the keys of the rows on which the function may perform the action."""
    return {
        key
        for statement in assembly.statements(function)
        if action in listed(statement["Action"])
        for key in listed(statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"])
    }


LEAVES_OPEN_ROWS = ("payment", "inventory", "notification")
"""The services with rows that are open for seconds: money set aside, goods held, a mail claimed."""


@pytest.mark.parametrize("service", SERVICES)
def test_scan_of_a_sweeper_sees_only_what_a_pass_looks_for(assembly: Assembly, service: str) -> None:
    attributes = (*OF_OUTBOX, *OF_OPEN_ROWS) if service in LEAVES_OPEN_ROWS else OF_OUTBOX
    statements = assembly.statements(assembly.function(service, "sweeper"))
    (scan,) = [statement for statement in statements if "dynamodb:Scan" in listed(statement["Action"])]
    assert scan["Condition"] == {
        "ForAllValues:StringEquals": {"dynamodb:Attributes": list(attributes)},
        "StringEquals": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
    }


def test_only_one_function_reads_contacts(assembly: Assembly) -> None:
    readers = {
        module
        for module in FUNCTIONS["order"]
        for action in ("dynamodb:GetItem", "dynamodb:BatchGetItem")
        if "CONTACT#*" in rows(assembly, assembly.function("order", module), action)
    }
    assert readers == {"contact"}


def test_only_the_api_writes_and_deletes_contacts(assembly: Assembly) -> None:
    api = assembly.function("order", "api")
    for action in ("dynamodb:PutItem", "dynamodb:DeleteItem"):
        assert rows(assembly, api, action) == {"CONTACT#*", "REACHABLE#*"}
    assert rows(assembly, assembly.function("order", "operator"), "dynamodb:PutItem") == {"PRICE#*"}


def test_api_and_intake_read_only_the_mark_of_a_contact(assembly: Assembly) -> None:
    for module, more in (("api", {"ORDER#*"}), ("intake", set())):
        found = rows(assembly, assembly.function("order", module), "dynamodb:BatchGetItem")
        assert found == {"PRICE#*", "REACHABLE#*", *more}


def test_only_places_in_a_queue_are_deleted_by_inventory(assembly: Assembly) -> None:
    for module in ("commands", "sweeper"):
        assert rows(assembly, assembly.function("inventory", module), "dynamodb:DeleteItem") == {"PLACE#*"}


def test_every_use_of_a_services_table_is_bound_to_kinds_of_rows(assembly: Assembly) -> None:
    by_row = {f"dynamodb:{name}Item" for name in ("Get", "BatchGet", "Put", "Update", "Delete")}
    for function in assembly.resources("Lambda::Function"):
        for statement in assembly.statements(function):
            ledger = "SandboxLedger" in str(statement["Resource"])
            if by_row & set(listed(statement["Action"])) and not ledger:
                assert "dynamodb:LeadingKeys" in statement["Condition"]["ForAllValues:StringLike"], function


def test_a_mail_can_have_no_other_sender(assembly: Assembly) -> None:
    subscriber = assembly.function("notification", "subscriber")
    (leave,) = [s for s in assembly.statements(subscriber) if s["Action"] == "ses:SendEmail"]
    assert leave["Condition"] == {"StringEquals": {"ses:FromAddress": "orders@example.com"}}
    ends = [resource["Fn::Join"][1][-1] for resource in leave["Resource"]]
    assert ends[:2] == [":identity/orders@example.com", ":identity/example.com"]
    assert leave["Resource"][2]["Fn::Join"][1][-2] == ":configuration-set/"


def test_a_stage_has_settings_of_its_own(lasting: Assembly) -> None:
    def given(service: str, module: str) -> dict[str, str]:
        return lasting.function(service, module).properties["Environment"]["Variables"]

    mails = given("notification", "subscriber")
    assert (mails["SENDER_ADDRESS"], mails["SHOP_NAME"]) == (LASTING.sender, LASTING.shop_name)
    assert (mails["SUPPORT_ADDRESS"], mails.get("TRACKING_URL")) == (LASTING.support_address, LASTING.tracking_url)
    assert given("shipping", "sweeper")["TRANSIT_SECONDS"] == str(LASTING.transit_seconds)
    assert given("order", "commands")["ABORT_AFTER_SECONDS"] == str(LASTING.abort_after_seconds)
    (archive,) = lasting.resources("Events::Archive")
    assert archive.properties["RetentionDays"] == LASTING.archive_retention_days


def test_layer_of_opentelemetry_is_on_each_function_of_a_stage_that_names_it(assembly: Assembly, lasting: Assembly) -> None:
    for service, module in ALL:
        traced = lasting.function(service, module).properties
        assert traced["Layers"] == [LASTING.otel_layer]
        assert traced["Environment"]["Variables"]["AWS_LAMBDA_EXEC_WRAPPER"] == "/opt/otel-instrument"
        assert traced["TracingConfig"] == {"Mode": "Active"}
        untraced = assembly.function(service, module).properties
        assert "Layers" not in untraced
        assert "AWS_LAMBDA_EXEC_WRAPPER" not in untraced["Environment"]["Variables"]


def secrets_read(assembly: Assembly, service: str, module: str) -> set[str]:
    """Return the secrets that a function may read, by the start of their logical ids or by the names that stacks publish."""
    published = assembly.templates[service]["Parameters"]
    found = [
        referred(resource)
        for statement in assembly.statements(assembly.function(service, module))
        if "secretsmanager:GetSecretValue" in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    ]
    return {published[name]["Default"].rpartition("/")[2] if name in published else name[:-8] for name in found}


def test_four_functions_read_the_key_of_the_receipts(assembly: Assembly) -> None:
    """The functions that issue or check a receipt."""
    readers = {name for name in ALL if "receipt-key-arn" in secrets_read(assembly, *name)}
    assert readers == {("order", "api"), ("order", "commands"), ("payment", "commands"), ("inventory", "commands")}


def test_a_stage_whose_carrier_is_easypost_has_its_settings_and_secrets(assembly: Assembly, lasting: Assembly) -> None:
    for module in ("booking", "sweeper", "webhook"):
        given, at_the_sandbox = (
            stage.function("shipping", module).properties["Environment"]["Variables"] for stage in (lasting, assembly)
        )
        assert given.keys() - at_the_sandbox.keys() - OPENTELEMETRY.keys() == READ_BY_EASYPOST
        assert (at_the_sandbox["CARRIER"], given["CARRIER"]) == ("sandbox", "easypost")
        assert given["EASYPOST_URL"] == "https://api.easypost.com"
        assert given["GRAMS_PER_ITEM"] == "300"
    assert secrets_read(assembly, "shipping", "webhook") == {"CarrierWebhookSecret"}
    assert secrets_read(lasting, "shipping", "webhook") == {"CarrierWebhookSecret", "CarrierApiKey"}
    for module in ("booking", "sweeper"):
        assert secrets_read(lasting, "shipping", module) == {"CarrierApiKey"}


def test_a_stage_whose_gateway_is_stripe_has_its_settings_and_secrets(assembly: Assembly, lasting: Assembly) -> None:
    for module in ("commands", "operator", "subscriber", "sweeper"):
        given, at_the_sandbox = (
            stage.function("payment", module).properties["Environment"]["Variables"] for stage in (lasting, assembly)
        )
        assert given.keys() - at_the_sandbox.keys() - OPENTELEMETRY.keys() == READ_BY_STRIPE
        assert (at_the_sandbox["GATEWAY"], given["GATEWAY"]) == ("sandbox", "stripe")
        assert given["STRIPE_URL"] == "https://api.stripe.com"
        assert secrets_read(lasting, "payment", module) - {"receipt-key-arn"} == {"StripeApiKey"}
    webhook = lasting.function("payment", "webhook")
    given = set(webhook.properties["Environment"]["Variables"]) - GIVEN_TO_ALL - OPENTELEMETRY.keys()
    reads = reads_of("services.payment.functions.webhook").required - GIVEN_TO_ALL
    assert given == reads - {"GATEWAY"}, "it queries Stripe and the ledger, and moves nothing"
    assert secrets_read(lasting, "payment", "webhook") == {"StripeWebhookKey", "StripeWebhookSecret"}
    assert rows(lasting, webhook, "dynamodb:UpdateItem") == {"DISPUTE#*", "REFUND#*"}


def test_stage_without_stripe_has_none_of_its_resources(assembly: Assembly) -> None:
    assert assembly.resources("SecretsManager::Secret", "ApiGatewayV2::Api", service="payment") == []
    assert "stripe" not in str(assembly.templates["payment"]).lower()


def test_every_route_is_documented_and_open_only_if_it_says_so(lasting: Assembly) -> None:
    deployed = {
        (route.service, route.properties["RouteKey"], route.properties.get("AuthorizationType", "NONE") == "NONE")
        for route in lasting.resources("ApiGatewayV2::Route")
    }
    assert deployed == {
        (service, f"{method.upper()} {path}", operation.get("security") == [])
        for service, document in openapi.documents().items()
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }


def test_only_webhooks_are_public(lasting: Assembly) -> None:
    routes = {
        route.properties["RouteKey"]: route.properties.get("AuthorizationType", "NONE")
        for route in lasting.resources("ApiGatewayV2::Route")
    }
    assert {route for route, signed_by in routes.items() if signed_by != "AWS_IAM"} == {
        "POST /webhooks/carrier",
        "POST /webhooks/stripe",
    }


def test_a_function_may_invoke_the_facts_that_it_reads_by_their_fixed_names(assembly: Assembly) -> None:
    assert {
        function.service: function.properties["FunctionName"]
        for function in assembly.resources("Lambda::Function")
        if "FunctionName" in function.properties
    } == {service: f"OrderflowDev-{service.capitalize()}-facts" for service in ("order", "payment", "inventory", "shipping")}
    invoked = {
        (service, module, text.removeprefix(":function:OrderflowDev-").removesuffix("-facts").lower())
        for service, modules in FUNCTIONS.items()
        for module in modules
        for statement in assembly.statements(assembly.function(service, module))
        for text in texts(statement["Resource"])
        if text.endswith("-facts")
    }
    assert invoked == {
        *((service, module, "order") for service in ("payment", "inventory") for module in ("subscriber", "sweeper")),
        *(("order", "subscriber", service) for service in ("payment", "inventory", "shipping")),
        *(("shipping", module, "order") for module in ("subscriber", "cancellation")),
        ("notification", "subscriber", "shipping"),
    }
