"""Decisions of the service, without I/O: states, transitions, requests, rules."""
