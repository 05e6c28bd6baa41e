"""The order table's own index: a customer's orders, page by page."""

from typing import Final, Literal

CUSTOMER_INDEX = "customer"
"""Orders by `customer_id` and `created_at`, the newest last."""
InPage = Literal["order_id", "status", "fulfilment", "total", "updated_at"]
IN_A_PAGE: Final[tuple[InPage, ...]] = ("order_id", "status", "fulfilment", "total", "updated_at")
"""The attributes of an order in a page, beside the time when it was placed."""
