"""The journal: a readable copy of every event that was put on the bus, for as long as the archive keeps it."""
