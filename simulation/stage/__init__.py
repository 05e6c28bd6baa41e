"""A stage of Orderflow on the engine: its deployment, its users, its faults, its invariants."""
