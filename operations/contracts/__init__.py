"""The event schemas as contracts: what a change of one breaks, and for whom."""
