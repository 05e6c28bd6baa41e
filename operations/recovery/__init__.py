"""Recovery of a stage from the backups of its tables."""
