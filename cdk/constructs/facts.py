"""Queries between services: each service answers for its own rows (ADR 27)."""

from aws_cdk import ArnFormat

from cdk.constructs.function import ServiceFunction
from cdk.constructs.table import ServiceTable
from cdk.service_stack import ServiceStack
from kernel.naming import ALIAS, facts_function_name

TIMEOUT_SECONDS = 5


def state_facts(stack: ServiceStack, table: ServiceTable, *rows: str) -> ServiceFunction:
    """Add the service's `facts` function, which reads `rows` and nothing else.

    Its name is fixed. Another service's role can name it whether or not this stack is deployed.
    """
    facts = ServiceFunction(
        stack,
        "facts",
        timeout_seconds=TIMEOUT_SECONDS,
        environment={"TABLE_NAME": table.table_name},
        name=facts_function_name(stack.stage, stack.service),
    )
    table.allow(facts, "GetItem", rows=rows)
    return facts


def ask_facts(stack: ServiceStack, function: ServiceFunction, *services: str) -> None:
    """Let the stack's function invoke the `facts` functions of other services, which may be deployed before it or after it.

    In a stage with versions it invokes their aliases, which the variable `FACTS_ALIAS` names.
    """
    if stack.has_versions:
        function.add_environment("FACTS_ALIAS", ALIAS)
    for service in services:
        arn = stack.format_arn(
            service="lambda",
            resource="function",
            resource_name=facts_function_name(stack.stage, service),
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        function.allow("lambda:InvokeFunction", on=f"{arn}:{ALIAS}" if stack.has_versions else arn)
