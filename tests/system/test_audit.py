"""The scheduled auditor on the laptop, invoked as its schedule does."""

from operations.aws import service_client
from tests.system.conftest import Laptop
from tests.system.test_replay import some_history


def test_the_auditor_passes_over_all_rows_and_finds_nothing(laptop: Laptop) -> None:
    some_history(laptop)
    rows = sum(
        len(laptop.rows(f"{table}/table-name")) for table in ("order", "payment", "inventory", "shipping", "notification")
    )
    answer = service_client.invoke(laptop.target, "audit/function-arn", {})
    assert answer["rows"] >= rows
    assert answer["findings"] == 0
