"""An HTTP API in front of a service's `api` function: every route signed by IAM, every call logged."""

import json
from collections.abc import Sequence

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk.constructs.function import LOG_RETENTION, ServiceFunction
from cdk.service_stack import ServiceStack

TIMEOUT_SECONDS = 29
"""The longest that the CDK lets an HTTP API wait for its integration (API Gateway's own quota is 30)."""
LOGGED = {
    "requestId": "$context.requestId",
    "routeKey": "$context.routeKey",
    "status": "$context.status",
    "latency": "$context.responseLatency",
    "error": "$context.error.message",
    "integration": "$context.integrationErrorMessage",
}


class HttpApi(Construct):
    """Routes such as `POST /orders` to `function`; the address is published as `api-url`."""

    def __init__(self, stack: ServiceStack, function: ServiceFunction, routes: Sequence[str]) -> None:
        super().__init__(stack, "Api")
        api = apigateway.HttpApi(
            self,
            "Api",
            description=f"Orderflow {stack.stage}: {stack.service}",
            create_default_stage=False,
            default_authorizer=authorizers.HttpIamAuthorizer(),
        )
        log = logs.LogGroup(self, "Log", retention=LOG_RETENTION, removal_policy=RemovalPolicy.DESTROY)
        stage = apigateway.HttpStage(
            self,
            "Stage",
            http_api=api,
            stage_name="$default",
            auto_deploy=True,
            throttle=apigateway.ThrottleSettings(rate_limit=100, burst_limit=200),
        )
        resource = stage.node.default_child
        assert isinstance(resource, apigateway.CfnStage)
        resource.access_log_settings = apigateway.CfnStage.AccessLogSettingsProperty(
            destination_arn=log.log_group_arn, format=json.dumps(LOGGED)
        )
        integration = integrations.HttpLambdaIntegration(
            "Function", function.function, timeout=Duration.seconds(TIMEOUT_SECONDS)
        )
        for route in routes:
            method, path = route.split(" ")
            api.add_routes(path=path, methods=[apigateway.HttpMethod(method)], integration=integration)
        stack.publish("api-url", api.api_endpoint)
