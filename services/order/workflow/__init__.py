"""The saga: its definition, its time budget, and how it is started."""
