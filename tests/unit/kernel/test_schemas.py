"""Validation of events against the services' schemas."""

from typing import Any

import pytest

from kernel import schemas
from kernel.schemas import InvalidEventError
from tests.support.sample_events import authorized


def refusal(detail: Any, source: str = "orderflow.payment", detail_type: str = "PaymentAuthorized") -> InvalidEventError:
    with pytest.raises(InvalidEventError) as refused:
        schemas.validate(source, detail_type, detail)
    return refused.value


def test_every_schema_accepts_its_own_examples() -> None:
    found = schemas.read_schemas()
    assert found
    for (source, detail_type, _), schema in found.items():
        assert schema["examples"], detail_type
        for example in schema["examples"]:
            schemas.validate(source.replace("*", "shop"), detail_type, example)


def test_a_good_event_passes() -> None:
    schemas.validate_event(authorized())


def test_a_refusal_names_the_field_and_the_reason() -> None:
    detail = authorized().detail()
    detail["data"] = {"total": {"amount": "4998", "currency": "USD"}}

    error = refusal(detail)

    assert (error.field, error.reason) == ("data.total.amount", "must be integer")
    assert str(error) == "PaymentAuthorized from orderflow.payment: data.total.amount: must be integer"


def test_unknown_field_is_refused() -> None:
    detail = authorized().detail()
    detail["data"] = {**detail["data"], "card_number": "4242"}

    assert refusal(detail).field == "data"


@pytest.mark.parametrize("detail", [None, [], "text", 3, {}, {"metadata": None}, {"metadata": []}])
def test_detail_without_an_envelope_is_refused(detail: Any) -> None:
    assert refusal(detail).field == "metadata"


@pytest.mark.parametrize("version", [None, "1", 1.5, True])
def test_a_version_is_an_integer(version: Any) -> None:
    detail = authorized().detail()
    detail["metadata"]["event_version"] = version

    assert refusal(detail).field == "metadata.event_version"


def test_an_unknown_version_is_refused() -> None:
    detail = authorized().detail()
    detail["metadata"]["event_version"] = 2

    assert refusal(detail).reason == "no schema of version 2 is known here"


@pytest.mark.parametrize("name", [None, 3, ["orderflow.payment"], {"a": 1}])
def test_names_that_are_not_text_are_refused(name: Any) -> None:
    refusal(authorized().detail(), source=name)
    refusal(authorized().detail(), detail_type=name)


def test_only_a_channel_may_publish_order_placed() -> None:
    [example] = schemas.read_schemas()["orderflow.channel.*", "OrderPlaced", 1]["examples"]

    schemas.validate("orderflow.channel.shop", "OrderPlaced", example)
    refusal(example, source="orderflow.channels", detail_type="OrderPlaced")
