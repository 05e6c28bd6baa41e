"""The generated validators: each one accepts and refuses the same values as the compiled one, for the same reasons."""

import copy
import json
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest

from kernel import validators
from kernel.naming import validator_module
from kernel.schemas import SERVICES_FOLDER, field_of, reason_of
from kernel.validators import ROOT, Validator

FILES = sorted([*SERVICES_FOLDER.glob("*/schemas/*.json"), *SERVICES_FOLDER.glob("*/requests/*.json")])
SAMPLES: dict[str, list[Any]] = {
    "cancel.json": [{}, {"reason": "CUSTOMER"}],
    "contact.json": [
        {
            "name": "Ada",
            "email": "ada@example.com",
            "address": {"line1": "1 Main St", "city": "London", "postal_code": "N1", "country": "GB"},
        }
    ],
    "carrier.json": [{"order_id": "ord-1", "parcel": "DELIVERED"}],
    "place_order.json": [
        {"customer_id": "c-1", "currency": "EUR", "lines": [{"sku": "MUG", "quantity": 1}], "payment_token": "pm_card_visa"}
    ],
}
"""Requests, whose schemas have no examples."""
STRANGE: list[Any] = [None, True, -1, 0, 1.0, 1.5, 10**20, "", "x" * 600, "\n", [], {}, [{}], {"surprise": 1}]


def mutations(value: Any) -> Iterator[Any]:
    """Yield the value with one part replaced, removed, repeated or added."""
    yield from STRANGE
    if isinstance(value, dict):
        yield {**value, "surprise": 1}
        for name, part in value.items():
            yield {key: kept for key, kept in value.items() if key != name}
            yield from ({**value, name: changed} for changed in mutations(part))
    if isinstance(value, list):
        yield value * 60
        for position, part in enumerate(value):
            yield from ([*value[:position], changed, *value[position + 1 :]] for changed in mutations(part))
    if isinstance(value, str):
        yield from (value + "\n", value.upper(), value[:-1], f" {value}")


def outcome(validate: Validator, value: Any) -> object:
    """Return the value that a validator returns, or all that the services read of a refusal."""
    try:
        return validate(copy.deepcopy(value))
    except fastjsonschema.JsonSchemaValueException as refusal:
        required = refusal.definition.get("required")
        return field_of(refusal), reason_of(refusal), refusal.rule, refusal.value, refusal.message, required


def generated(file: Path, folder: Path) -> Validator:
    module = folder / "generated.py"
    module.write_text(validators.source_of(file.read_text()))
    validate: Validator = runpy.run_path(str(module))["validate"]
    return validate


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_generated_validator_equals_the_compiled_one(file: Path, tmp_path: Path) -> None:
    samples = json.loads(file.read_text()).get("examples") or SAMPLES[file.name]
    theirs, ours = validators.validator_of(file), generated(file, tmp_path)
    assert all(outcome(ours, sample) == sample for sample in samples)
    values = [changed for sample in samples for changed in (sample, *mutations(sample))]
    refused = 0
    for value in values:
        assert outcome(ours, value) == outcome(theirs, value), value
        refused += isinstance(outcome(ours, value), tuple)
    assert refused > len(values) / 2


def test_a_checkout_has_no_generated_validators() -> None:
    assert not [file for file in FILES if (ROOT / validator_module(file.relative_to(ROOT).as_posix())).exists()]


def test_a_bundle_loads_its_generated_validator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    schema = tmp_path / "services" / "order" / "schemas" / "OrderPlaced.v9.json"
    module = tmp_path / validator_module("services/order/schemas/OrderPlaced.v9.json")
    module.parent.mkdir(parents=True)
    module.write_text("def validate(value):\n    return 'by the generated module'\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert validators.validator_of(schema, tmp_path)(None) == "by the generated module"
