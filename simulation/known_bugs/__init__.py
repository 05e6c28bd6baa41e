"""Known bugs, put back into the code one by one: the simulation must catch each."""
