"""The cold start of each function as it is deployed, counted in instructions."""
