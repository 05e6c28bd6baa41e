"""`orderctl mails preview`: the mails of a stage without its AWS."""

from pathlib import Path
from typing import get_args

import pytest

from orderctl.commands import mails
from services.notification.domain import model
from tests.unit.orderctl.conftest import Stage, orderctl


def laptop() -> Stage:
    return Stage(stage="dev")


def test_preview_knows_each_kind_of_mail() -> None:
    assert mails.Kind == model.Kind
    for kind in get_args(model.Kind):
        shown = orderctl(mails.app, laptop(), "preview", kind).stdout
        assert shown.startswith("Your order AE2RY-IQQ5H ")
        assert shown.endswith("Example Shop\n")


def test_preview_follows_the_customs_of_a_country() -> None:
    assert "Total: 62,48\xa0US$" in orderctl(mails.app, laptop(), "preview", "--country", "de").stdout


@pytest.mark.parametrize("country", ["DEU", "UK", "XX", ""])
def test_preview_refuses_what_is_no_country(country: str) -> None:
    assert "is no country of ISO 3166-1" in orderctl(mails.app, laptop(), "preview", "--country", country).output


def test_preview_writes_each_mail_as_text_and_as_a_page(tmp_path: Path) -> None:
    orderctl(mails.app, laptop(), "preview", "--to", str(tmp_path / "mails"))
    kinds = get_args(model.Kind)
    written = {file.name for file in (tmp_path / "mails").iterdir()}
    assert written == {f"{kind}.{ending}" for kind in kinds for ending in ("txt", "html")}
