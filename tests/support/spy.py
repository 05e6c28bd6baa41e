"""An AWS client that remembers the operations it was called for."""

from typing import Any


class Spy:
    """Passes each call on to `client`, and keeps its operation in `calls`."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.calls: list[str] = []

    def __getattr__(self, operation: str) -> Any:
        def call(**request: Any) -> Any:
            self.calls.append(operation)
            return getattr(self.client, operation)(**request)

        return call
