"""The invariants of a simulated stage, by subject: checked on every write that touches them, on every answer, and at rest.

Their names, codes and sentences are those of `audit.catalogue`. They read the stores, not the handlers' own opinion of them.
"""
