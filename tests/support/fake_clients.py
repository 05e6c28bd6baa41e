"""A function's clients in a test: moto's, but for those that the test gives."""

import os
from types import ModuleType

from kernel import clients
from kernel.clients import Clients
from kernel.handler import Handler


class FakeClients(Clients):
    """Clients by their names in `Clients`.

    Example: `module.bootstrap(FakeClients(sqs=queue), {"TABLE_NAME": "notes"})` makes a handler that sends to `queue` and uses
    moto's DynamoDB.
    """

    def __init__(self, **given: object) -> None:
        vars(self).update(given)


def fresh(function: ModuleType, **variables: str) -> Handler:
    """Return the function's handler, made for each event from the process's clients and variables, as a test replaces them."""

    def handle(event: object, context: object) -> object:
        names = ("dynamodb", "events", "sqs", "functions", "ses", "secrets")
        made = FakeClients(**{name: getattr(clients, name)() for name in names}, workflows=clients.workflows)
        return function.bootstrap(made, {**os.environ, **variables})(event, context)

    return handle
