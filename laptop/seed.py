"""The sample data of a stage: catalogue, stock and contacts. Seeding twice changes nothing."""

import contextlib
from pathlib import Path
from typing import cast

from kernel import outside_json
from kernel.statements import Quantity
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
    if target.is_laptop:  # on AWS, the owner of the address verifies it by mail
        _verify(target, target.parameter("notification/sender-address"))


def _verify(target: Target, sender: str) -> None:
    """Verify the sender's address in the emulator's SES."""
    client = target.client("sesv2")
    with contextlib.suppress(client.exceptions.AlreadyExistsException):
        client.create_email_identity(EmailIdentity=sender)
