"""A misspelt field of a row, a command, an answer or an event fails the type check."""

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
MISSPELT = {
    "a row's field, by key": ("services/order/domain/decisions.py", 'reason = failure or row["reason"]', "reason"),
    "a row's field, by get": ("services/order/domain/decisions.py", 'bool(row.get("refunded"))', "refunded"),
    "a row's field, by in": ("services/payment/domain/decisions.py", 'return "settlement" in row', "settlement"),
    "an attribute that a decision sets": (
        "services/payment/domain/decisions.py",
        '{"refund_attempt": number',
        "refund_attempt",
    ),
    "a statement's field": ("services/order/functions/commands.py", '"CAPTURE_REFUSED", payment["outcome"]', "outcome"),
    "a field of an operator's answer": ("services/payment/functions/operator.py", '{"outcome": "UNCHANGED"', "outcome"),
    "a field of an answer at the command line": (
        "orderctl/commands/stock.py",
        '{"sku": sku, "shards": answer["shards"]}',
        "shards",
    ),
    "a query's field": ("services/order/functions/contact.py", 'query["customer_id"]', "customer_id"),
    "a field of a query's answer": ("services/order/functions/contact.py", '{"outcome": "NOT_YET"', "outcome"),
    "a fact of another service": ("services/order/functions/subscriber.py", 'facts["status"]', "status"),
    "a fact that a step needs": ("services/order/functions/subscriber.py", 'known["left"]', "left"),
    "a command's field": ("services/payment/functions/commands.py", "command.payable)", "payable"),
    "a consumed event's field": ("services/order/functions/subscriber.py", 'event.data["restocked"]', "restocked"),
    "a part of an address": ("services/shipping/carriers/easypost.py", 'address["postal_code"]', "postal_code"),
    "a field of an older version": ("services/order/schemas/versions.py", 'line["unit_price"]["amount"]', "unit_price"),
    "an attribute of a stock update": ("services/inventory/storage/skus.py", 'update.sets["next_place"]', "next_place"),
    "a fact in a mail": ("services/notification/domain/mails.py", 'order["confirmed"]', "confirmed"),
    "a published event's field": ("services/payment/domain/decisions.py", "PaymentVoidedV1Data(total=", "total"),
}
"""By the kind of field: the file, a passage that it has once, and the name that is misspelt where the passage has it last."""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, set[int]]:
    """Return the lines of each file in which one run of mypy finds errors if all of those names are misspelt in a copy."""
    folder = tmp_path_factory.mktemp("misspelt")
    texts = {name: (REPOSITORY / name).read_text() for name, _, _ in MISSPELT.values()}
    for name, passage, field in MISSPELT.values():
        assert texts[name].count(passage) == 1, f"{passage} is not, or more than once, in {name}"
        texts[name] = texts[name].replace(passage, f"{field}_misspelt".join(passage.rsplit(field, 1)))
    command = [str(Path(sys.executable).parent / "mypy"), "--follow-imports", "silent", "--cache-dir", str(folder / "cache")]
    for name, text in texts.items():
        copy = folder / name.replace("/", "_")
        copy.write_text(text)
        command += ["--shadow-file", name, str(copy)]
    done = subprocess.run([*command, *texts], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    return {name: set(map(int, re.findall(rf"^{name}:(\d+): error: ", done.stdout, re.MULTILINE))) for name in texts}


@pytest.mark.parametrize("what", MISSPELT)
def test_misspelt_field_fails_the_type_check(what: str, found: Mapping[str, set[int]]) -> None:
    name, passage, _ = MISSPELT[what]
    line = (REPOSITORY / name).read_text().partition(passage)[0].count("\n") + 1
    assert line in found[name]
