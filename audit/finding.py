"""A finding of the audit: one invariant that is broken, and where."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Finding:
    """`invariant` (a code of `audit.catalogue`) is broken by `subject`: the key of a row, an order id, a SKU or a currency.

    A finding contains no personal data.
    """

    invariant: str
    subject: str
    what: str
