"""A function's clients in a test: moto's, but for those that the test gives."""

from kernel.clients import Clients


class FakeClients(Clients):
    """Clients by their names in `Clients`.

    Example: `module.bootstrap(FakeClients(sqs=queue), {"TABLE_NAME": "notes"})` makes a handler that sends to `queue` and uses
    moto's DynamoDB.
    """

    def __init__(self, **given: object) -> None:
        vars(self).update(given)
