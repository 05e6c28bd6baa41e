"""The queries between shipping and other services, each with the versions that are accepted or sent.

Raise a version when caller and owner must change together. Accept the older one too, until no caller sends it.
"""

ANSWERS = {"facts": (1,)}
CALLS = {"order": {"facts": (1,), "contact": (1,)}}
