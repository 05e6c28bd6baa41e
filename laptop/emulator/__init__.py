"""The AWS of the laptop: one engine in a child process, without containers or an account. Only this package imports it."""
