"""The demo: every order scenario on an emulator of its own, then the audit."""
