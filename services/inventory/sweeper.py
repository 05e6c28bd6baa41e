"""The sweeper: every minute, what the relay left behind is published again. Holds have no clock: the saga lets them go."""

from typing import Any

from services.kernel.functions import republish_left_behind


def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """One sweep. Safe to run at any time, any number at once; answers how much it did."""
    return {"republished": republish_left_behind()}
