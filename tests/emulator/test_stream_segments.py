"""The next try of a stream mapping after a failure."""

import pytest

from laptop.emulator.extensions.stream_batch_failures import Segment, after_failure


@pytest.mark.parametrize(
    ("segment", "failed_at", "attempts", "bisects", "left", "given_up"),
    [
        (Segment(0, 10), 4, None, False, [Segment(4, 10, 1)], False),
        (Segment(0, 10), 4, 0, False, [Segment(4, 10, 1)], True),
        (Segment(0, 10), 4, 0, True, [Segment(4, 10)], False),
        (Segment(4, 10), 4, 3, True, [Segment(4, 7), Segment(7, 10)], False),
        (Segment(4, 5), 4, 1, True, [Segment(4, 5, 1)], False),
        (Segment(4, 5, 1), 4, 1, True, [Segment(4, 5, 2)], True),
        (Segment(0, 10), 0, None, False, [Segment(0, 10, 1)], False),
    ],
)
def test_stream_is_cut_into_its_next_tries_after_a_failure(
    segment: Segment, failed_at: int, attempts: int | None, bisects: bool, left: list[Segment], given_up: bool
) -> None:
    assert after_failure(segment, failed_at, attempts=attempts, bisects=bisects) == (left, given_up)
