"""The code that all five services share at run time: envelope, transitions, rows with their outbox, relay, inbox, clients."""
