"""The form of a postal address, in a customer's contact."""

from typing import NotRequired, TypedDict


class Address(TypedDict):
    """A postal address. `country` is a country's two letters of ISO 3166-1."""

    line1: str
    line2: NotRequired[str]
    city: str
    region: NotRequired[str]
    postal_code: str
    country: str
