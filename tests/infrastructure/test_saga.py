"""The workflow and the APIs as deployed: the time-outs of each caller, and the logs."""

import json

import pytest

from services.order.workflow import time_budget
from services.order.workflow.definition import definition
from tests.infrastructure.templates import Assembly, Resource, listed, referred, texts

ROUTES = {
    "order": {
        "POST /orders",
        "GET /orders",
        "GET /orders/{order_id}",
        "POST /orders/{order_id}/cancel",
        "PUT /customers/{customer_id}/contact",
        "DELETE /customers/{customer_id}/contact",
    },
    "inventory": {"GET /stock/{sku}"},
}


@pytest.fixture
def workflow(assembly: Assembly) -> Resource:
    return assembly.one("StepFunctions::StateMachine", "order", "Saga")


def test_the_workflow_is_the_definition(workflow: Resource) -> None:
    assert workflow.properties["StateMachineType"] == "EXPRESS"
    assert json.loads(workflow.properties["DefinitionString"]) == definition()


def test_every_name_in_the_definition_is_substituted(workflow: Resource) -> None:
    named = {text[2:-1] for text in texts(definition()) if text.startswith("${")}
    assert named == set(workflow.properties["DefinitionSubstitutions"])


def test_the_workflow_may_invoke_the_three_commands_and_nothing_else(assembly: Assembly, workflow: Resource) -> None:
    statements = assembly.statements_of("order", referred(workflow.properties["RoleArn"]))
    (leave,) = [s for s in statements if not set(listed(s["Action"])) & {"xray:PutTraceSegments", "logs:CreateLogDelivery"}]
    assert leave["Action"] == "lambda:InvokeFunction"
    assert leave["Resource"] == list(workflow.properties["DefinitionSubstitutions"].values())


def test_executions_are_traced_and_their_data_is_not_logged(workflow: Resource) -> None:
    assert workflow.properties["TracingConfiguration"] == {"Enabled": True}
    assert workflow.properties["LoggingConfiguration"]["Level"] == "ERROR"
    assert workflow.properties["LoggingConfiguration"]["IncludeExecutionData"] is False


def test_the_rule_may_start_the_workflow_and_nothing_else(assembly: Assembly) -> None:
    (target,) = assembly.one("Events::Rule", "order", "Start").properties["Targets"]
    (leave,) = assembly.statements_of("order", referred(target["RoleArn"]))
    assert leave["Action"] == "states:StartExecution"
    assert leave["Resource"] == target["Arn"]


def test_caller_waits_longer_than_its_callee(assembly: Assembly) -> None:
    api = assembly.function("order", "api").properties
    told = int(api["Environment"]["Variables"]["WORKFLOW_TIMEOUT_SECONDS"])
    (integration,) = assembly.resources("ApiGatewayV2::Integration", service="order")
    assert told == definition()["TimeoutSeconds"]
    assert api["Timeout"] * 1000 <= integration.properties["TimeoutInMillis"] <= 30_000
    time_budget.assert_within(definition(), lease_seconds=time_budget.LEASE_SECONDS, api_seconds=api["Timeout"])


def test_task_times_out_before_its_function(assembly: Assembly) -> None:
    longest = max(state["TimeoutSeconds"] for state in tasks(definition()))
    for service in ("order", "payment", "inventory"):
        assert assembly.function(service, "commands").properties["Timeout"] > longest


def tasks(machine: dict) -> list[dict]:
    found = [state for state in machine["States"].values() if state["Type"] == "Task"]
    for state in machine["States"].values():
        found += [task for branch in state.get("Branches", ()) for task in tasks(branch)]
    return found


@pytest.mark.parametrize("service", ROUTES)
def test_every_route_asks_for_a_signature(assembly: Assembly, service: str) -> None:
    routes = assembly.resources("ApiGatewayV2::Route", service=service)
    assert {route.properties["RouteKey"] for route in routes} == ROUTES[service]
    assert {route.properties["AuthorizationType"] for route in routes} == {"AWS_IAM"}


@pytest.mark.parametrize("service", ROUTES)
def test_every_call_is_throttled_and_logged_with_its_role_and_without_a_customer(assembly: Assembly, service: str) -> None:
    (stage,) = assembly.resources("ApiGatewayV2::Stage", service=service)
    assert stage.properties["DefaultRouteSettings"] == {"ThrottlingRateLimit": 200, "ThrottlingBurstLimit": 400}
    written = json.loads(stage.properties["AccessLogSettings"]["Format"])
    assert written["routeKey"] == "$context.routeKey"
    assert written["caller"] == "$context.identity.userArn"
    assert not {"$context.path", "$context.identity.sourceIp"} & set(written.values())
