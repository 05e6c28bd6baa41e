"""One module per noun, each with `register(app)`."""
