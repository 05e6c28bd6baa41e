"""Replays of the archive: plan, effects, pace."""
