"""The explorer: every interleaving of a bounded order system, held against the protocol's invariants.

It reads the production transition tables (`services/<service>/states.py`); docs/explorer.md says what is modelled.
"""
