"""The journal: every event that was put on the bus, readable, for as long as the archive keeps it."""
