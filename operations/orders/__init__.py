"""Orders: their rows, shipments and contacts, and the import of purchases."""
