"""The sample data of a stage: catalogue, stock and contacts. Seeding twice changes nothing."""

from pathlib import Path
from typing import cast

from kernel import outside_json
from kernel.statements import Quantity
from laptop.emulator import mailbox
from operations.aws import service_client
from operations.aws.service_client import Price
from operations.aws.target import Target
from operations.progress import Progress

CATALOGUE = Path(__file__).resolve().parents[1] / "data" / "catalogue.json"
REPLENISHMENT_ID = "seed-1"


def seed(target: Target, progress: Progress) -> None:
    """Put `data/catalogue.json` into the stage."""
    data = outside_json.read_object(CATALOGUE.read_bytes())
    names = ("sku", "title", "amount", "currency")
    service_client.set_prices(target, [cast(Price, {name: each[name] for name in names}) for each in data["catalogue"]])
    stocked = [Quantity(sku=each["sku"], quantity=each["stock"]) for each in data["catalogue"] if each["stock"]]
    service_client.replenish(target, REPLENISHMENT_ID, stocked)
    for contact in data["contacts"]:
        service_client.put_contact(target, contact)
    if target.is_laptop:
        mailbox.verify(target, target.parameter("notification/sender-address"))
