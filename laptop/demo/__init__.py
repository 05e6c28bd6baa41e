"""The demonstration: an order's ways, one after the other, on a laptop AWS of its own, and an audit at the end."""
