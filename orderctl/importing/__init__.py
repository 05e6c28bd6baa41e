"""Real purchases as orders: read a file, and publish an OrderPlaced for each row. The decisions are in docs/importing.md."""
