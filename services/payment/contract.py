"""The commands and queries between payment and other services, each with the versions that are accepted or sent.

Raise a version when callers and payment must change together. Accept the older one too, until no caller sends it.
"""

ANSWERS = {"authorize": (1,), "capture": (1,), "void": (1,), "facts": (1,)}
CALLS = {"order": {"facts": (1,)}}
