"""The error for wrong input of a request, from HTTP or from a channel. It imports no HTTP library."""

from kernel.errors import RejectedError


class InvalidRequestError(RejectedError, ValueError):
    """Wrong input. `field` is its place in the request (`lines[0].sku`, `Idempotency-Key`); `status` is the HTTP status."""

    def __init__(self, name: str, status: int, where: str, detail: str) -> None:
        super().__init__(f"{where}: {detail}" if where else detail)
        self.name = name
        self.status = status
        self.field = where
        self.detail = detail
