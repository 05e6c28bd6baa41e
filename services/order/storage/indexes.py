"""The order table's own index: a customer's orders, page by page."""

CUSTOMER_INDEX = "customer"
"""Orders by `customer_id` and `created_at`, the newest last."""
IN_A_PAGE = ("order_id", "status", "fulfilment", "total", "updated_at")
"""The attributes of an order in a page, beside the time when it was placed."""
