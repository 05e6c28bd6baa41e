"""The auditor: every invariant of the protocol that tables can show, recomputed from all their rows."""
