"""Counts as a person reads them."""


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: `1 event`, `2 events`, `1,000 events`. `plural` is for a noun that takes no s."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"
