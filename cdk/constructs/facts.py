"""The queries between services: each states the facts of its own rows, and names the functions that may ask (ADR 27)."""

from collections.abc import Sequence

from aws_cdk import aws_lambda as lambda_

from cdk.constructs.function import ServiceFunction
from cdk.constructs.table import ServiceTable
from cdk.service_stack import ServiceStack
from services.kernel.names import FACTS_ARN, parameter_name

TIMEOUT_SECONDS = 5


def state_facts(
    stack: ServiceStack, table: ServiceTable, *rows: str, to_earlier: Sequence[tuple[str, str]] = ()
) -> ServiceFunction:
    """The service's `facts` function, which reads `rows` and no more. Publishes `facts-arn`.

    `to_earlier` names functions, (service, module), of stacks that are deployed before this one. Their roles cannot name this
    function, so this function's own policy lets them in.
    """
    facts = ServiceFunction(stack, "facts", timeout_seconds=TIMEOUT_SECONDS, environment={"TABLE_NAME": table.table_name})
    table.allow(facts, "GetItem", rows=rows)
    stack.publish(FACTS_ARN, facts.function_arn)
    for service, module in to_earlier:
        lambda_.CfnPermission(
            stack,
            f"{service.capitalize()}{module.capitalize()}MayAsk",
            action="lambda:InvokeFunction",
            function_name=facts.function_arn,
            principal=stack.require(service, _role(module)),
        )
    return facts


def ask_facts(
    stack: ServiceStack, function: ServiceFunction, module: str, *, earlier: Sequence[str] = (), later: str = ""
) -> None:
    """Let the stack's function ask the `facts` of services whose stacks are deployed `earlier`, and of one deployed `later`.

    It finds all of them by their SSM names when it asks. For the later one, publishes the function's role.
    """
    services = [*earlier, *([later] if later else [])]
    names = [parameter_name(stack.stage, service, FACTS_ARN) for service in services]
    arns = [stack.format_arn(service="ssm", resource="parameter", resource_name=name.removeprefix("/")) for name in names]
    function.allow("ssm:GetParameter", on=arns)
    for service in earlier:
        function.allow("lambda:InvokeFunction", on=stack.require(service, FACTS_ARN))
    if later:
        assert function.role is not None
        stack.publish(_role(module), function.role.role_arn)


def _role(module: str) -> str:
    return f"{module}-role-arn"
