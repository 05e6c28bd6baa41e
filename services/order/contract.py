"""The commands and queries between order and other services, each with the versions that are accepted or sent.

The saga sends the commands. Raise a version when caller and owner must change together. Accept the older one too, until no
caller sends it.
"""

ANSWERS = {"facts": (1,), "contact": (1,)}
CALLS = {
    "payment": {"authorize": (1,), "capture": (1,), "void": (1,), "facts": (1,)},
    "inventory": {"reserve": (1,), "commit": (1,), "release": (1,), "facts": (1,)},
    "shipping": {"facts": (1,)},
}
