"""A pattern that AWS would refuse."""


class InvalidPatternError(ValueError):
    """A pattern that AWS would refuse. `field` is the place (`detail.total[0].numeric`), `reason` the fault."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field or 'the pattern'} {reason}")
        self.field = field
        self.reason = reason
