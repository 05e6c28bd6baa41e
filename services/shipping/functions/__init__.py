"""The service's Lambda functions: one module each, with its `handler`."""
