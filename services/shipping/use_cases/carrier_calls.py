"""Calls to the carrier behind the circuit breaker: while the carrier is down, only one probe at a time calls it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from kernel import clock
from kernel.logs import logger
from kernel.metrics import count
from services.shipping.domain.breaker import (
    FAILURES_TO_PAUSE,
    PROBE_TIME,
    BreakerRow,
    State,
    pause_after,
    state_of,
)
from services.shipping.domain.carrier import CarrierUnavailableError, ShipmentNotReadyError
from services.shipping.storage.breaker import BreakerStore

T = TypeVar("T")


class CarrierPausedError(CarrierUnavailableError):
    """The calls to the carrier are paused, because it does not answer. The step is retried later."""


@dataclass(frozen=True)
class CarrierCalls:
    """The calls that all functions make, counted in one row."""

    breaker: BreakerStore

    def are_paused(self) -> bool:
        """Return whether no call may be made now, not even a probe."""
        return state_of(self.breaker.read(), clock.now()) is State.OPEN

    def assert_not_paused(self) -> None:
        """Raise CarrierPausedError if no call may be made now."""
        if self.are_paused():
            raise CarrierPausedError("the calls to the carrier are paused")

    def make(self, request: Callable[[], T]) -> T:
        """Return the carrier's answer to the request. Raises CarrierPausedError, and what the request raises.

        Only CarrierUnavailableError counts as a failure of the carrier. ShipmentNotReadyError is an answer: shipments for which
        there is no rate pause no others.
        """
        seen = self.breaker.read()
        state = state_of(seen, clock.now())
        if state is State.OPEN or (seen and state is State.HALF_OPEN and not self._claims_probe(seen)):
            raise CarrierPausedError("the calls to the carrier are paused")
        try:
            answer = request()
        except ShipmentNotReadyError:
            self._answered(seen, state)
            raise
        except CarrierUnavailableError:
            self._if_possible(lambda: self._failed(seen, state))
            raise
        self._answered(seen, state)
        return answer

    def _claims_probe(self, seen: BreakerRow) -> bool:
        return self.breaker.claim_probe(seen["paused_until"], clock.now() + PROBE_TIME)

    def _answered(self, seen: BreakerRow | None, state: State) -> None:
        if seen and state is State.HALF_OPEN:
            self._if_possible(self._resume)
        elif seen and seen["failures"]:
            self._if_possible(self.breaker.forget_failures)

    def _failed(self, seen: BreakerRow | None, state: State) -> None:
        if seen and state is State.HALF_OPEN:
            self.breaker.pause_again(clock.now() + pause_after(seen.get("pauses", 1)))
        elif self.breaker.count_failure() >= FAILURES_TO_PAUSE and self.breaker.pause(clock.now() + pause_after(0)):
            logger.error("calls to the carrier paused", failures=FAILURES_TO_PAUSE)
            count("CarrierPaused", 1)

    def _resume(self) -> None:
        self.breaker.resume()
        logger.warning("calls to the carrier resumed")

    @staticmethod
    def _if_possible(write: Callable[[], None]) -> None:
        """Note the outcome of a call, unless the table cannot be written: the outcome itself is worth more than the note."""
        try:
            write()
        except (BotoCoreError, ClientError) as error:
            logger.warning("carrier's breaker not written", error=type(error).__name__)
