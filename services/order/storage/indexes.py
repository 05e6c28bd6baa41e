"""The order table's own index: the keys of a customer's orders."""

CUSTOMER_INDEX = "by_customer"
"""Orders by `customer_id` and `created_at`, the newest last. It holds keys only, so no step of an order writes to it."""
OLDER_CUSTOMER_INDEX = "customer"
"""The same in version 0.2, with the attributes of a page. Nothing reads it."""
IN_OLDER_INDEX = ("order_id", "status", "fulfilment", "total", "updated_at")
