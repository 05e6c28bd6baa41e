"""An entry of a timeline is a short text, and is read as it was, whatever the ids of events are."""

from hypothesis import given
from hypothesis import strategies as st

from kernel import timeline
from kernel.timeline import TimelineEntry

ORDER = "ord-hdwayp5kh6ve5f2t42ueuefoxr"
CONFIRMED: TimelineEntry = {"event": "OrderConfirmed", "event_id": f"ORDER#{ORDER}#3", "at": "2026-03-01T12:00:00.000Z"}
IDS = st.lists(st.sampled_from(["ORDER", ORDER, "~", "", " ", "3"]) | st.text(), min_size=1).map("#".join)


def test_entry_is_a_text_without_the_id_of_the_order() -> None:
    assert timeline.stored(CONFIRMED, ORDER) == "2026-03-01T12:00:00.000Z OrderConfirmed ORDER#~#3"


@given(event_id=IDS, event=st.text(), at=st.text())
def test_any_entry_is_read_as_it_was(event_id: str, event: str, at: str) -> None:
    entry: TimelineEntry = {"event": event, "event_id": event_id, "at": at}
    assert timeline.entries([timeline.stored(entry, ORDER)], ORDER) == [entry]


def test_entry_of_version_0_2_is_read() -> None:
    assert timeline.entries([CONFIRMED, timeline.stored(CONFIRMED, ORDER)], ORDER) == [CONFIRMED, CONFIRMED]
