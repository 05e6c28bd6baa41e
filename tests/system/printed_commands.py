"""The commands that the documents print, as they run on the tests' laptop: those that are left out, and the order they name."""

from tests.support.polling import eventually
from tests.system.conftest import Laptop

NOT_RUN = {
    "make ": "it sets up, or starts, what this test stands on",
    ". .venv/bin/activate": "the test's shell has the environment on its path",
    "orderctl events tail": "it ends with Ctrl-C; test_rules.py tails",
    "orderctl down": "it would end the tests' laptop",
    "orderctl --target aws": "it needs an account",
    "aws secretsmanager": "it needs an account, and Stripe's keys",
}
"""Commands, by their beginning, that are not run here, and why. The command line takes them: test_documented_commands.py."""


def order_with_a_parcel(laptop: Laptop) -> str:
    """Return the id of a new order with a booked parcel."""
    order_id = str(laptop.place().json()["order_id"])
    eventually(lambda: laptop.row("shipping", f"SHIP#{order_id}"), 240, f"the parcel of {order_id} is booked")
    return order_id
