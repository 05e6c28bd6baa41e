"""The cost of an order and the load that a stage bears, computed from units that the simulation counted."""
