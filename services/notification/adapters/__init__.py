"""The service's adapters to what is outside of it."""
