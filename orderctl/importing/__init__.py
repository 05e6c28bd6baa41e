"""Purchases from a file, each published as an `OrderPlaced`; the rules are in docs/how-to/import-orders.md."""
