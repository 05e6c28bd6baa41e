"""Replays of the archive: plan, catch-up, pace."""
