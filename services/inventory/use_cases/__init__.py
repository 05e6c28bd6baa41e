"""Steps that several functions share: read the items, decide, call a provider, write."""
