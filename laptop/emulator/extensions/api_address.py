"""Gap: an HTTP API's `ApiEndpoint` is a name under `.localhost`, which many resolvers (glibc among them) cannot resolve.

With this extension it is the engine's address and the API's path, which every client can reach. A template must take the
address from `ApiEndpoint`. The CDK's `HttpApi.url` is built from id, region and URL suffix, and points to AWS.
"""

import os

from laptop.emulator.extensions.engine_functions import EngineChangedError, EngineFunction


def register() -> None:
    """Give every HTTP API that CloudFormation provisions an address that resolves."""
    from ministack.services.cloudformation import provisioners

    handlers = provisioners._RESOURCE_HANDLERS.get("AWS::ApiGatewayV2::Api")
    if not handlers:
        raise EngineChangedError("CloudFormation has no AWS::ApiGatewayV2::Api")
    for action in ("create", "update"):
        handlers[action] = _readdressed(handlers[action])


def _readdressed(original: EngineFunction) -> EngineFunction:
    from ministack.services import apigateway

    def provision(*arguments: object) -> object:
        api_id, attributes = original(*arguments)
        api = apigateway._apis.get(api_id)
        if api is None or api.get("protocolType", "HTTP") != "HTTP":
            return api_id, attributes
        api["apiEndpoint"] = f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}/_aws/execute-api/{api_id}"
        return api_id, {**attributes, "ApiEndpoint": api["apiEndpoint"]}

    return provision
