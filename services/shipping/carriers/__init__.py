"""The carriers: the sandbox and EasyPost."""
