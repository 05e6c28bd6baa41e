"""An AWS client that remembers the operations it was called for."""

from collections.abc import Callable

from kernel.clients import AwsClient


class Spy:
    """Passes each call on to `client`, and keeps its operation in `calls`."""

    def __init__(self, client: AwsClient) -> None:
        self.client = client
        self.calls: list[str] = []

    def __getattr__(self, operation: str) -> Callable[..., object]:
        def call(**request: object) -> object:
            self.calls.append(operation)
            done: object = getattr(self.client, operation)(**request)
            return done

        return call
