"""The payment gateway as what it is: somebody else's system, beyond a network that loses, doubles and delays calls."""

from collections.abc import Callable
from typing import Any, ClassVar

from tests.simulation.dynamodb import Refusal
from tests.simulation.faults import Kind
from tests.simulation.network import Network, Unanswered, Unreached


class RemoteGateway:
    """A `PaymentGateway` that reaches the sandbox's own code through the world's network."""

    network: ClassVar[Network]

    def __init__(self, sandbox: Any) -> None:
        self.sandbox = sandbox

    def authorize(self, intent: Any) -> Any:
        """As the sandbox."""
        return self._call(f"gateway authorize {intent.order_id}", lambda: self.sandbox.authorize(intent))

    def capture(self, intent: Any) -> Any:
        """As the sandbox."""
        return self._call(f"gateway capture {intent.order_id}", lambda: self.sandbox.capture(intent))

    def void(self, order_id: str) -> Any:
        """As the sandbox."""
        return self._call(f"gateway void {order_id}", lambda: self.sandbox.void(order_id))

    def _call(self, what: str, operation: Callable[[], Any]) -> Any:
        from services.payment.gateway import GatewayFault, GatewayTimeout, GatewayUnavailable

        task = self.network.scheduler.current
        assert task is not None

        def execute() -> Any:
            try:
                return operation()
            except GatewayFault as fault:
                return fault

        try:
            found = self.network.exchange(task.numbered(what), Kind.GATEWAY, execute, 2.0)
        except (Unreached, Refusal):
            raise GatewayUnavailable(what) from None
        except Unanswered:
            raise GatewayTimeout(what) from None
        if isinstance(found, GatewayFault):
            raise found
        return found
