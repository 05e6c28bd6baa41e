"""The AWS of the laptop: one engine in a child process, no container, no account. Only this package knows which."""
