"""The longest that calls to EasyPost take, in seconds, for the time budgets."""

from typing import Final

from kernel.timeouts import CONNECT_SECONDS

READ_TIMEOUT_SECONDS: Final = 5.0
"""EasyPost asks the carriers behind it for rates and labels, which takes seconds."""
MOST_CALLS: Final = 3
"""How many calls to EasyPost a shipment's step makes at most."""
SHIPMENT_SECONDS: Final = MOST_CALLS * (CONNECT_SECONDS + READ_TIMEOUT_SECONDS)
"""The longest that the carrier's part of a shipment's step takes."""
