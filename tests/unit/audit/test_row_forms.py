"""The forms of rows say what the row schemas accept: a check reads no attribute that a row without faults does not have."""

import json
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin, get_type_hints, is_typeddict

import pytest

from audit.attributes import FOLDER
from audit.row_forms import KnownRow, LedgerRecord, SkuRow, StoredRow
from audit.row_kinds import KINDS, RowKind
from kernel.aggregate_store import AggregateRow, SweptAttributes
from services.inventory.domain import model as inventory
from services.payment.gateways.ledger import Record

BY_PREFIX: Mapping[str, RowKind] = {prefix: kind for kinds in KINDS.values() for prefix, kind in kinds.items()}
FORMS: Mapping[str, Any] = {prefix: form for tag, form in map(get_args, get_args(KnownRow)) for prefix in get_args(tag)}
READ = sorted(prefix for prefix, form in FORMS.items() if form is not StoredRow)
PLAIN = {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict}
DEFINITIONS = json.loads((FOLDER / "common.json").read_text())["definitions"]


def schema_of(prefix: str) -> Any:
    return json.loads((FOLDER / f"{BY_PREFIX[prefix].schema}.json").read_text())


def type_of_schema(schema: Mapping[str, Any]) -> type:
    known = DEFINITIONS[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    return PLAIN[known["type"]]


def type_of_hint(hint: Any) -> Any:
    if is_typeddict(hint):
        return dict
    return type(get_args(hint)[0]) if get_origin(hint) is Literal else get_origin(hint) or hint


def test_each_kind_of_row_has_a_form() -> None:
    assert FORMS.keys() == BY_PREFIX.keys()


@pytest.mark.parametrize("prefix", READ)
def test_form_has_the_attributes_of_the_schema(prefix: str) -> None:
    of_any = AggregateRow.__annotations__ | SweptAttributes.__annotations__
    named = schema_of(prefix)["properties"].keys()
    assert named <= get_type_hints(FORMS[prefix]).keys() <= named | of_any.keys()


@pytest.mark.parametrize("prefix", READ)
def test_schema_requires_what_the_form_requires(prefix: str) -> None:
    by_transitions = {"status"} if BY_PREFIX[prefix].moves_by else set()
    assert FORMS[prefix].__required_keys__ <= {*schema_of(prefix)["required"], *by_transitions}


@pytest.mark.parametrize("prefix", READ)
def test_form_gives_each_attribute_the_type_of_the_schema(prefix: str) -> None:
    hints, properties = get_type_hints(FORMS[prefix]), schema_of(prefix)["properties"]
    assert {name: type_of_hint(hints[name]) for name in properties} == {
        name: type_of_schema(schema) for name, schema in properties.items()
    }


def test_sku_has_the_attributes_of_the_inventory() -> None:
    assert SkuRow.__annotations__.keys() == inventory.SkuRow.__annotations__.keys() | {"pk", "due_shard", "next_due"}


def test_ledger_record_has_the_attributes_of_the_gateway() -> None:
    assert get_type_hints(LedgerRecord).items() <= get_type_hints(Record).items()
