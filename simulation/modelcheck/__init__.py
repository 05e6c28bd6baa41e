"""The model checker: every interleaving of a bounded order system, held against the protocol's invariants.

It reads the production transition tables (`services/<service>/states.py`); the model is described in
docs/explanation/model-checking.md.
"""
