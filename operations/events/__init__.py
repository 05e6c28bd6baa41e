"""Events: publish, watch, trace them; the journal and the rules."""
