"""The commands and queries between inventory and other services, each with the versions that are accepted or sent.

Raise a version when callers and inventory must change together. Accept the older one too, until no caller sends it.
"""

ANSWERS = {"reserve": (1,), "commit": (1,), "release": (1,), "facts": (1,)}
CALLS = {"order": {"facts": (1,)}}
