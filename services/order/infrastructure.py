"""The order service's stack."""

import json

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cdk.constructs import http_api
from cdk.constructs.acknowledgement import acknowledge
from cdk.constructs.alarm import Tier, alarm, alarm_on_count
from cdk.constructs.bus import bus_of
from cdk.constructs.facts import ask_facts, state_facts
from cdk.constructs.function import ServiceFunction
from cdk.constructs.http_api import HttpApi
from cdk.constructs.log import log_group
from cdk.constructs.outbox import Outbox
from cdk.constructs.queue import dead_letter_queue, only_from
from cdk.constructs.receipts import give_key
from cdk.constructs.registry import register_schemas
from cdk.constructs.replay_filter import never_replays
from cdk.constructs.subscription import Subscription
from cdk.constructs.table import ServiceTable
from cdk.constructs.traffic import workflow_entry
from cdk.service_stack import ServiceStack
from kernel.naming import DUE_INDEX, source_of
from kernel.timeouts import CONNECT_SECONDS, DYNAMODB, FUNCTIONS
from services.order.storage.indexes import CUSTOMER_INDEX, IN_OLDER_INDEX, OLDER_CUSTOMER_INDEX
from services.order.subscriptions import SUBSCRIPTIONS
from services.order.workflow import time_budget
from services.order.workflow.definition import definition
from stages import Stage

ORDERS, PRICES, CONTACTS, REACHABLE = "ORDER#", "PRICE#", "CONTACT#", "REACHABLE#"
ROUTES = (
    "POST /orders",
    "GET /orders",
    "GET /orders/{order_id}",
    "POST /orders/{order_id}/cancel",
    "PUT /customers/{customer_id}/contact",
    "DELETE /customers/{customer_id}/contact",
)
START_INPUT = {"mode": "resume", "order_id": "$.detail.metadata.order_id"}
"""The workflow's input when an OrderPlaced starts it: the order's id, and the run loads the rest from the order's row."""
STARTED_BY = {"metadata": {"event_version": [3]}, "data": {"respond": ["async"]}}
"""Of the versions that are published side by side, the newest only: each order starts one saga."""
STUCK = {
    "CompensationFailed": ("an order's money or stock is still held after 3 tries", "compensation-failed"),
    "OrderStuck": ("an order is not decided or confirmed after 3 attempts", "compensation-failed"),
    "OrdersNotMoved": ("the sweeper cannot recover due orders", "rows-not-moved"),
    "CancellationStuck": ("a confirmed order waits over 15 minutes for its cancellation", "refund-refused"),
}
"""The sweeper's metrics about orders that it cannot bring to an end: the fault, and its runbook."""
SUBSCRIBER_SECONDS = 60
BATCH = 5
"""So few that even if every one waits for another service's facts, the function is not cut in the middle."""
START_SECONDS = 5.0
"""How long the sweeper waits for Step Functions to start a run."""
RUNS_CUT_SHORT = 10
"""So many in five minutes are more than now and then; each by itself is resumed by the sweeper."""


class OrderStack(ServiceStack):
    """Orders, the catalogue, contacts and the saga."""

    def __init__(self, scope: Construct, stage: Stage) -> None:
        super().__init__(scope, stage, "order")
        register_schemas(self)
        table = ServiceTable(self, due_index=True)
        table.add_index(CUSTOMER_INDEX, "customer_id", "created_at")
        if self.settings.keep_customer_index:
            table.add_index(OLDER_CUSTOMER_INDEX, "customer_id", "created_at", IN_OLDER_INDEX)
        commands = self._commands(table)
        workflow = self._workflow(commands)
        entry = workflow_entry(self, workflow)
        self.publish("workflow-arn", entry)
        self._start_by_event(workflow, entry)
        give_key(self, commands, self._api(table, workflow, entry))
        self._contact(table)
        self._operator(table)
        state_facts(self, table, ORDERS)
        self._subscriptions(table)
        outbox = Outbox(
            self,
            table,
            rows=(ORDERS,),
            row_seconds=4 * DYNAMODB.once + CONNECT_SECONDS + START_SECONDS,
            sweeper_environment={"WORKFLOW_ARN": entry},
            sweepers=self.settings.sweepers,
        )
        table.allow_query(outbox.sweeper, DUE_INDEX)
        outbox.sweeper.allow("states:StartExecution", on=workflow.state_machine_arn)
        for name, (fault, runbook) in STUCK.items():
            alarm_on_count(self, name, fault, runbook)

    def _commands(self, table: ServiceTable) -> ServiceFunction:
        """Create the function of the saga's steps, which can read no contact and no price list."""
        environment = {
            "TABLE_NAME": table.table_name,
            "ABORT_AFTER_SECONDS": str(self.settings.abort_after_seconds),
            "BACK_ORDERED_FOR_SECONDS": str(self.settings.back_ordered_for_seconds),
        }
        commands = ServiceFunction(self, "commands", timeout_seconds=10, environment=environment, primed_row=ORDERS)
        table.allow(commands, "GetItem", "UpdateItem", rows=(ORDERS,))
        self.publish("commands-arn", commands.entry.function_arn)
        return commands

    def _operator(self, table: ServiceTable) -> None:
        """Create the function by which an operator sets prices."""
        operator = ServiceFunction(self, "operator", timeout_seconds=10, environment={"TABLE_NAME": table.table_name})
        table.allow(operator, "PutItem", rows=(PRICES,))
        self.publish("operator-arn", operator.entry.function_arn)

    def _workflow(self, commands: ServiceFunction) -> sfn.StateMachine:
        saga = definition()
        time_budget.assert_within(saga, lease_seconds=time_budget.LEASE_SECONDS, api_seconds=http_api.TIMEOUT_SECONDS)
        functions = {
            "OrderCommands": commands.entry.function_arn,
            "PaymentCommands": self.require("payment", "commands-arn"),
            "InventoryCommands": self.require("inventory", "commands-arn"),
        }
        part = Construct(self, "Saga")
        role = iam.Role(part, "Role", assumed_by=iam.ServicePrincipal("states.amazonaws.com"))
        role.add_to_principal_policy(iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=list(functions.values())))
        workflow = sfn.StateMachine(
            part,
            "Workflow",
            state_machine_type=sfn.StateMachineType.EXPRESS,
            definition_body=sfn.DefinitionBody.from_string(json.dumps(saga)),
            definition_substitutions=functions,
            role=role,
            tracing_enabled=True,
            logs=sfn.LogOptions(destination=log_group(self, part), level=sfn.LogLevel.ERROR, include_execution_data=False),
        )
        acknowledge(
            part,
            {
                "AwsSolutions-SF1": "ERROR without execution data: executions hold payment tokens, and the row is the log",
                "AwsSolutions-IAM5[Resource::*]": "X-Ray's and log delivery's actions have no resources to name",
            },
        )
        for name, metric in {
            "Failed": workflow.metric_failed(period=Duration.minutes(5)),
            "TimedOut": workflow.metric_timed_out(period=Duration.minutes(5)),
        }.items():
            fault = "runs of the saga end before their orders, and the sweeper resumes them"
            alarm(self, part, name, metric, fault, "saga-runs-fail", above=RUNS_CUT_SHORT, tier=Tier.FULL)
        return workflow

    def _start_by_event(self, workflow: sfn.StateMachine, entry: str) -> None:
        """Start the saga on an OrderPlaced if no caller waits. A replayed event starts none: the sweeper retries."""
        part = Construct(self, "Start")
        found = {name: events.EventField.from_path(at) if at.startswith("$") else at for name, at in START_INPUT.items()}
        dead_letters = dead_letter_queue(self, "start", part)
        rule = events.Rule(
            part,
            "Rule",
            description="order: an OrderPlaced whose caller does not wait starts the saga",
            event_bus=bus_of(self),
            event_pattern=events.EventPattern(source=[source_of(self.service)], detail_type=["OrderPlaced"], detail=STARTED_BY),
            targets=[
                targets.SfnStateMachine(
                    sfn.StateMachine.from_state_machine_arn(part, "Entry", entry),
                    input=events.RuleTargetInput.from_object(found),
                    role=self._starter(part, workflow).without_policy_updates(),  # the CDK would allow the alias's ARN
                    dead_letter_queue=dead_letters,
                    retry_attempts=5,
                    max_event_age=Duration.minutes(5),
                )
            ],
        )
        only_from(self, dead_letters, rules=[rule])
        never_replays(rule)
        self.publish("start-rule-arn", rule.rule_arn)

    @staticmethod
    def _starter(part: Construct, workflow: sfn.StateMachine) -> iam.Role:
        role = iam.Role(part, "Role", assumed_by=iam.ServicePrincipal("events.amazonaws.com"))
        role.add_to_principal_policy(
            iam.PolicyStatement(actions=["states:StartExecution"], resources=[workflow.state_machine_arn])
        )
        return role

    def _api(self, table: ServiceTable, workflow: sfn.StateMachine, entry: str) -> ServiceFunction:
        """Create the API's function. It stores and deletes contacts, and cannot read one."""
        api = ServiceFunction(
            self,
            "api",
            timeout_seconds=http_api.TIMEOUT_SECONDS,
            primed_row=ORDERS,
            environment={
                "TABLE_NAME": table.table_name,
                "WORKFLOW_ARN": entry,
                "WORKFLOW_TIMEOUT_SECONDS": str(definition()["TimeoutSeconds"]),
            },
        )
        table.allow(api, "GetItem", "UpdateItem", rows=(ORDERS,))
        table.allow_query(api, CUSTOMER_INDEX)
        table.allow(api, "BatchGetItem", rows=(PRICES, REACHABLE, ORDERS))
        table.allow(api, "PutItem", "DeleteItem", rows=(CONTACTS, REACHABLE))
        api.allow("states:StartSyncExecution", on=workflow.state_machine_arn)
        HttpApi(self, api, ROUTES)
        return api

    def _contact(self, table: ServiceTable) -> None:
        """Create the only function that can read a contact."""
        contact = ServiceFunction(self, "contact", timeout_seconds=5, environment={"TABLE_NAME": table.table_name})
        table.allow(contact, "BatchGetItem", rows=(ORDERS, CONTACTS, PRICES))
        self.publish("contact-arn", contact.entry.function_arn)

    def _subscriptions(self, table: ServiceTable) -> None:
        environment = {"TABLE_NAME": table.table_name}
        intake = ServiceFunction(self, "intake", timeout_seconds=30, environment=environment)
        table.allow(intake, "GetItem", "UpdateItem", rows=(ORDERS,))
        table.allow(intake, "BatchGetItem", rows=(PRICES, REACHABLE))
        Subscription(self, "intake", SUBSCRIPTIONS["intake"], intake, batch_size=BATCH, batch_seconds=BATCH * 2 * DYNAMODB.once)
        subscriber = ServiceFunction(self, "subscriber", timeout_seconds=SUBSCRIBER_SECONDS, environment=environment)
        table.allow(subscriber, "GetItem", "UpdateItem", rows=(ORDERS,))
        Subscription(
            self,
            "fulfilment",
            SUBSCRIPTIONS["fulfilment"],
            subscriber,
            batch_size=BATCH,
            batch_seconds=BATCH * (FUNCTIONS.seconds + 2 * DYNAMODB.once),
        )
        ask_facts(self, subscriber, "payment", "inventory", "shipping")
