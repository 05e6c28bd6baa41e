"""The count of the units that one order costs on each path: run without faults, metered, and kept in a file.

`python -m simulation count` writes the file; tests/quality/test_counted_units.py fails while it is out of date.
"""

import json
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from simulation.engine.process import SINK, keep_logs
from simulation.stage import paths
from simulation.stage.invariants.rows import status_of, text_of
from simulation.stage.meter import Meter
from simulation.stage.paths import FULFILMENT

FILE: Final = Path(__file__).parents[2] / "operations" / "economics" / "units.json"


@dataclass(frozen=True)
class Counted:
    """A path of the simulation whose units are counted. `to_the_first_sweep` ends the count there, with no parcel booked."""

    path: str
    meaning: str
    to_the_first_sweep: bool = False


COUNTED: Final = {
    "happy": Counted("delivered", "placed, charged, reserved, confirmed, first mail, shipment created", True),
    "delivered": Counted("delivered", "the same, and on to the door: booked, dispatched, delivered, second mail"),
    "declined": Counted("declined", "the card is declined, the order cancelled, one mail"),
    "out-of-stock": Counted("out of stock", "the stock is short, the card is released, the order cancelled, one mail"),
    "cancelled": Counted("cancelled after the confirmation", "confirmed, cancelled by the customer, refunded, restocked"),
    "back-ordered": Counted("waited for", "the stock is short, arrives later, and the order goes on to the door"),
}


def count(counted: Counted) -> Mapping[str, object]:
    """Return the units of one order of one SKU on the path, as the file has them. The stage declares no older version.

    The customer sends neither a trace nor a correlation id.
    """
    subscriptions = FULFILMENT - {"shipping-bookings"} if counted.to_the_first_sweep else FULFILMENT
    path = replace(paths.BY_NAME[counted.path], subscriptions=subscriptions, lines=(("SKU-A", 3),))
    world = paths.stand_up(path, {}, older_versions=())
    world.invariants.traces.sends = False
    meter = Meter(world)
    meter.stops_at_sweep = counted.to_the_first_sweep

    def act() -> None:
        meter.runs = True
        path.act(world, path.order_plan)

    def begin(_: object) -> None:
        paths.seed(path, world)
        world.settle()  # the sweeps after the seed are not the order's
        world.spawn("customer", act)

    keep_logs(meter.log)
    try:
        with redirect_stdout(SINK):  # Powertools prints metrics
            world.run(begin)
            world.invariants.at_rest()
    finally:
        keep_logs(None)
    meter.runs = True
    meter.journal()
    world.abandon()
    order = world.invariants.record.orders[path.order_plan.order_id()]
    return {
        "meaning": counted.meaning,
        "status": " ".join(filter(None, (status_of(order), text_of(order, "reason")))),
        "reads": sum(reads for reads, _ in meter.requests.values()),
        "writes": sum(writes for _, writes in meter.requests.values()),
        "requests": dict(sorted(meter.requests.items())),
        "hottest": _hottest(meter.writes),
        "lines": [
            {"by": line.by, "unit": line.unit, "where": line.where, "promise": line.promise, "quantity": _number(quantity)}
            for line, quantity in sorted(meter.spent.items())
        ],
    }


def main(*, check: bool) -> int:
    """Write the file, or only compare it: 1 if it is out of date."""
    made = document()
    if check:
        current = FILE.exists() and FILE.read_text(encoding="utf-8") == made
        if not current:
            print(f"{FILE.name} is out of date: run `python -m simulation count` and commit the change")  # noqa: T201
        return int(not current)
    FILE.write_text(made, encoding="utf-8")
    return 0


def document() -> str:
    """Return the file's text: one line of text for each line of a path's bill."""
    return _text({name: count(counted) for name, counted in COUNTED.items()})


def _text(counts: Mapping[str, Mapping[str, object]]) -> str:
    return "{\n" + ",\n".join(f"  {json.dumps(name)}: {{\n{_path(found)}\n  }}" for name, found in counts.items()) + "\n}\n"


def _path(found: Mapping[str, object]) -> str:
    return ",\n".join(f"    {json.dumps(name)}: {_value(value)}" for name, value in found.items())


def _value(value: object) -> str:
    if not isinstance(value, list):
        return json.dumps(value)
    return "[\n" + ",\n".join(f"      {json.dumps(line)}" for line in value) + "\n    ]"


def _hottest(writes: Mapping[str, int]) -> dict[str, int]:
    """Return the most write units that a single row takes, by the row's kind (`order ORDER`)."""
    kinds = sorted({key.partition("#")[0] for key in writes})
    return {kind: max(units for key, units in writes.items() if key.partition("#")[0] == kind) for kind in kinds}


def _number(quantity: float) -> float:
    rounded = round(quantity, 1 if quantity >= 1 else 3)
    return int(rounded) if rounded == int(rounded) else rounded
