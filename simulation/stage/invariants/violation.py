"""A violation of an invariant, which ends its world."""

from audit.catalogue import BY_NAME


class Violated(BaseException):
    """An invariant, by its name in `audit.catalogue`, that does not hold. Not an Exception, so that no handler catches it."""

    def __init__(self, name: str, text: str) -> None:
        self.invariant = BY_NAME[name]
        self.text = text
        super().__init__(f"{self.invariant.label}: {text}")

    @property
    def code(self) -> str:
        """The invariant's code: `M4` for `cancelled_order_keeps_no_money`."""
        return self.invariant.code
