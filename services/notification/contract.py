"""The queries between notification and other services, each with the versions that are accepted or sent.

Raise a version when caller and owner must change together. Accept the older one too, until no caller sends it.
"""

ANSWERS: dict[str, tuple[int, ...]] = {}
CALLS = {"order": {"contact": (1,)}, "shipping": {"facts": (1,)}}
