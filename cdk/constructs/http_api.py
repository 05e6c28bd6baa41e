"""An HTTP API in front of a service's functions: every route signed by IAM, but for webhooks; every call logged."""

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from aws_cdk import Duration
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from constructs import Construct

from cdk.constructs.acknowledgement import acknowledge
from cdk.constructs.function import ServiceFunction
from cdk.constructs.log import log_group
from cdk.service_stack import ServiceStack

TIMEOUT_SECONDS = 29
"""The longest that the CDK lets an HTTP API wait for its integration (API Gateway's own quota is 30)."""
BURST_SECONDS = 2
"""A burst has as many requests as a webhook accepts in so many seconds."""
LOGGED = {
    "requestId": "$context.requestId",
    "routeKey": "$context.routeKey",
    "status": "$context.status",
    "latency": "$context.responseLatency",
    "error": "$context.error.message",
    "integrationError": "$context.integrationErrorMessage",
    "caller": "$context.identity.userArn",
}
"""The fields of the access log: the route and not its path, which names customers; the caller's role or user, and no address.

A webhook's caller is not signed, and has none.
"""


class HttpApi(Construct):
    """Routes such as `POST /orders`, each to its function. Publishes the address as `api-url`, without a slash at its end.

    `webhooks` are open to everyone: their functions accept only bodies signed by a secret that we share with the sender. Their
    routes have a limit of their own, so that they cannot take the instances of Lambda that the saga needs.
    """

    def __init__(
        self,
        stack: ServiceStack,
        function: ServiceFunction | None = None,
        routes: Sequence[str] = (),
        *,
        webhooks: Mapping[str, ServiceFunction] = MappingProxyType({}),
    ) -> None:
        super().__init__(stack, "HttpApi")
        api = apigateway.HttpApi(
            self,
            "Api",
            description=f"Orderflow {stack.stage}: {stack.service}",
            create_default_stage=False,
            default_authorizer=authorizers.HttpIamAuthorizer(),
        )
        stage = apigateway.HttpStage(
            self,
            "Stage",
            http_api=api,
            stage_name="$default",
            auto_deploy=True,
            throttle=apigateway.ThrottleSettings(
                rate_limit=stack.settings.api_requests_per_second, burst_limit=stack.settings.api_burst
            ),
        )
        resource = stage.node.default_child
        assert isinstance(resource, apigateway.CfnStage)
        resource.access_log_settings = apigateway.CfnStage.AccessLogSettingsProperty(
            destination_arn=log_group(stack, self).log_group_arn, format=json.dumps(LOGGED)
        )
        if function:
            integration = _integration("Function", function)
            for route in routes:
                _add(api, route, integration)
        for route, webhook in webhooks.items():
            assert webhook.node.scope is not None
            integration = _integration(webhook.node.scope.node.id, webhook)
            for added in _add(api, route, integration, authorizer=apigateway.HttpNoneAuthorizer()):
                acknowledge(added, {"AwsSolutions-APIG4": "its function accepts only bodies signed by a shared secret"})
                stage.node.add_dependency(added)  # API Gateway refuses the settings of a route that is missing
        if webhooks:
            resource.route_settings = dict.fromkeys(webhooks, _limit(stack.settings.webhook_requests_per_second))
        stack.publish("api-url", api.api_endpoint)


def _limit(requests_per_second: int) -> Mapping[str, int]:
    return {"ThrottlingRateLimit": requests_per_second, "ThrottlingBurstLimit": BURST_SECONDS * requests_per_second}


def _integration(name: str, function: ServiceFunction) -> integrations.HttpLambdaIntegration:
    return integrations.HttpLambdaIntegration(name, function.entry, timeout=Duration.seconds(TIMEOUT_SECONDS))


def _add(
    api: apigateway.HttpApi,
    route: str,
    integration: integrations.HttpLambdaIntegration,
    authorizer: apigateway.IHttpRouteAuthorizer | None = None,
) -> list[apigateway.HttpRoute]:
    method, path = route.split(" ")
    return api.add_routes(path=path, methods=[apigateway.HttpMethod(method)], integration=integration, authorizer=authorizer)
