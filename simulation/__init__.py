"""The simulation: the unmodified handlers and the deployed workflow in one process, and everything that can go wrong."""
