"""The calls that each function and role of a stage makes, as recorded, and those that AWS demands beside them."""
