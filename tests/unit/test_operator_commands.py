"""The ids in the operators' commands of each service: none is personal."""

from dataclasses import MISSING, fields, is_dataclass
from typing import Any

import pytest

from kernel.aggregate_store import Causation
from kernel.commands import InvalidCommandError
from services.inventory.functions import operator as stock_keeping
from services.order.functions import operator as price_setting
from services.payment.functions import operator as refunds

MODULES = (stock_keeping, price_setting, refunds)
FORMS = {form for module in MODULES for form in vars(module).values() if is_dataclass(form)} - {Causation}
IDS = [
    (form, field.name)
    for form in sorted(FORMS, key=lambda form: str(form.__name__))
    for field in fields(form)
    if field.name.endswith("_id") and field.name != "order_id"
]
"""The ids of the commands that rows, events and logs keep. An order's id has a form that no personal data has."""
FIELDS = {
    "order_id": f"ord-{'a' * 26}",
    "correlation_id": "c",
    "causation_id": "c",
    "replenishment_id": "r",
    "reference": "bank-1",
    "items": [],
    "sku": "MUG",
    "threshold": 1,
}


def test_ids_of_all_services_are_checked() -> None:
    assert {name for _, name in IDS} == {"correlation_id", "causation_id", "replenishment_id"}
    assert len(IDS) == 9


@pytest.mark.parametrize(("form", "name"), IDS)
@pytest.mark.parametrize("text", ["4111111111111111", "joe%40example.com"])
def test_personal_id_is_refused(form: Any, name: str, text: str) -> None:
    stated = {field.name: FIELDS[field.name] for field in fields(form) if field.default is MISSING}
    assert form(**stated)
    with pytest.raises(InvalidCommandError) as refused:
        form(**{**stated, name: text})
    assert text not in str(refused.value)
