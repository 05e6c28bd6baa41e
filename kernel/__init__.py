"""The code that all five services share at run time: envelope, transitions, rows with their outbox, relay, inbox, clients.

On Lambda, its import pauses the garbage collector until `lambda_handler` has made the handler.
"""

from kernel import garbage

garbage.pause()
