"""Reference pages made from the code: the command line, the settings of a stage, the invariants, the states of each service."""
