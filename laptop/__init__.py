"""The AWS of the laptop: bring it up, seed it, check the machine, demonstrate."""
