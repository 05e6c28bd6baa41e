"""Alarms: the inventory of all that a stage can have, and the state of a stage's own."""
