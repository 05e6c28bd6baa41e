"""Dead-letter queues: what their messages are about, and another try for them."""
