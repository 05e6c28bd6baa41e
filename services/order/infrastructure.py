"""The order service's stack."""

import json

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cdk.constructs import http_api
from cdk.constructs.alarm import alarm
from cdk.constructs.bus import bus_of
from cdk.constructs.function import LOG_RETENTION, ServiceFunction
from cdk.constructs.http_api import HttpApi
from cdk.constructs.outbox import Outbox
from cdk.constructs.queue import dead_letter_queue
from cdk.constructs.subscription import Subscription
from cdk.constructs.table import ServiceTable
from cdk.service_stack import ServiceStack
from services.kernel.names import DUE_INDEX, source_of
from services.order.consumes import CONSUMES
from services.order.workflow import budget
from services.order.workflow.definition import definition

ABORT_AFTER_SECONDS = 600
API_FUNCTION_SECONDS = 29
CALLER_MARGIN_SECONDS = 0.5
ROUTES = (
    "POST /orders",
    "GET /orders/{order_id}",
    "POST /orders/{order_id}/cancel",
    "PUT /customers/{customer_id}/contact",
    "DELETE /customers/{customer_id}/contact",
)
STARTED_BY = {
    "mode": "live",
    "order_id": "$.detail.metadata.order_id",
    "correlation_id": "$.detail.metadata.correlation_id",
    "causation_id": "$.detail.metadata.event_id",
    "total": "$.detail.data.total",
    "payment_token": "$.detail.data.payment_token",
    "lines": "$.detail.data.lines",
}
"""The workflow's input when an OrderPlaced starts it."""


class OrderStack(ServiceStack):
    """Orders, the catalogue, contacts and the saga."""

    def __init__(self, scope: Construct, stage: str) -> None:
        super().__init__(scope, stage, "order")
        table = ServiceTable(self, due_index=True)
        environment = {"TABLE_NAME": table.name}

        commands = ServiceFunction(self, "commands", timeout_seconds=10, environment=environment)
        commands.allow(["dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:PutItem"], table.arn)
        self.publish("commands-arn", commands.arn)

        contact = ServiceFunction(self, "contact", timeout_seconds=5, environment=environment)
        contact.allow(["dynamodb:GetItem"], table.arn)
        self.publish("contact-arn", contact.arn)

        workflow = self._workflow(commands)
        self._start_by_event(workflow)

        seconds = int(definition()["TimeoutSeconds"])
        api = ServiceFunction(
            self,
            "api",
            timeout_seconds=API_FUNCTION_SECONDS,
            memory_mb=1024,
            environment={
                **environment,
                "WORKFLOW_ARN": workflow.state_machine_arn,
                "WORKFLOW_TIMEOUT_SECONDS": str(seconds),
            },
        )
        api.allow(
            ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:UpdateItem", "dynamodb:PutItem", "dynamodb:DeleteItem"],
            table.arn,
        )
        api.allow(["states:StartSyncExecution"], workflow.state_machine_arn)
        HttpApi(self, api, ROUTES)

        intake = ServiceFunction(self, "intake", timeout_seconds=30, environment=environment)
        intake.allow(["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:UpdateItem"], table.arn)
        Subscription(self, "intake", CONSUMES["intake"], intake)

        subscriber = ServiceFunction(self, "subscriber", timeout_seconds=30, environment=environment)
        subscriber.allow(["dynamodb:GetItem", "dynamodb:UpdateItem"], table.arn)
        Subscription(self, "fulfilment", CONSUMES["fulfilment"], subscriber)

        outbox = Outbox(
            self,
            table,
            sweeper_environment={
                "WORKFLOW_ARN": workflow.state_machine_arn,
                "ABORT_AFTER_SECONDS": str(ABORT_AFTER_SECONDS),
            },
        )
        outbox.sweeper.allow(["dynamodb:Query"], table.index_arn(DUE_INDEX))
        outbox.sweeper.allow(["states:StartExecution"], workflow.state_machine_arn)
        for name in ("CompensationFailed", "OrderStuck"):
            metric = cloudwatch.Metric(
                namespace="Orderflow",
                metric_name=name,
                dimensions_map={"service": "order"},
                statistic=cloudwatch.Stats.SUM,
                period=Duration.minutes(5),
            )
            alarm(self, name, metric, f"{name}: see docs/runbooks/compensation-failed.md")

    def _workflow(self, commands: ServiceFunction) -> sfn.StateMachine:
        saga = definition()
        caller = saga["TimeoutSeconds"] + CALLER_MARGIN_SECONDS
        budget.assert_within(saga, caller_seconds=caller, api_seconds=API_FUNCTION_SECONDS)
        assert http_api.TIMEOUT_SECONDS >= API_FUNCTION_SECONDS
        functions = {
            "OrderCommands": commands.arn,
            "PaymentCommands": self.require("payment", "commands-arn"),
            "InventoryCommands": self.require("inventory", "commands-arn"),
        }
        role = iam.Role(self, "WorkflowRole", assumed_by=iam.ServicePrincipal("states.amazonaws.com"))
        role.add_to_principal_policy(iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=list(functions.values())))
        log = logs.LogGroup(self, "WorkflowLog", retention=LOG_RETENTION, removal_policy=RemovalPolicy.DESTROY)
        workflow = sfn.StateMachine(
            self,
            "Workflow",
            state_machine_type=sfn.StateMachineType.EXPRESS,
            definition_body=sfn.DefinitionBody.from_string(json.dumps(saga)),
            definition_substitutions=functions,
            role=role,
            tracing_enabled=True,
            logs=sfn.LogOptions(destination=log, level=sfn.LogLevel.ERROR, include_execution_data=False),
        )
        self.publish("workflow-arn", workflow.state_machine_arn)
        for name, metric in {
            "WorkflowFailed": workflow.metric_failed(period=Duration.minutes(5)),
            "WorkflowTimedOut": workflow.metric_timed_out(period=Duration.minutes(5)),
        }.items():
            alarm(self, name, metric, "runs of the saga end before their orders do; the sweeper resumes them", threshold=10)
        return workflow

    def _start_by_event(self, workflow: sfn.StateMachine) -> None:
        """An OrderPlaced whose caller does not wait starts the saga; a replayed one never does: the sweeper is its retry."""
        scope = Construct(self, "Start")
        dead_letters = dead_letter_queue(self, "start", scope)
        told = {
            name: events.EventField.from_path(value) if value.startswith("$") else value for name, value in STARTED_BY.items()
        }
        rule = events.Rule(
            scope,
            "Rule",
            description="order: OrderPlaced whose caller does not wait starts the saga",
            event_bus=bus_of(self),
            event_pattern=events.EventPattern(
                source=[source_of("order")], detail_type=["OrderPlaced"], detail={"data": {"respond": ["async"]}}
            ),
            targets=[
                targets.SfnStateMachine(
                    workflow,
                    input=events.RuleTargetInput.from_object(told),
                    dead_letter_queue=dead_letters,
                    retry_attempts=5,
                    max_event_age=Duration.minutes(5),
                )
            ],
        )
        resource = rule.node.default_child
        assert isinstance(resource, events.CfnRule)
        resource.add_property_override("EventPattern.replay-name", [{"exists": False}])
        self.publish("start-rule-arn", rule.rule_arn)
