"""What is due when, and how long a disk lasts: rules alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ingest.retention import DAY, Chunk, Fate, Hold, Keep, days_of_disk, destinies

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MIDNIGHT = NOW.replace(hour=0)


def day(back: int, size: int = 10, *, compressed: bool = False, filled: bool = True) -> Chunk:
    """The chunk of a day so many days before today; negative: made ahead."""
    since = MIDNIGHT - back * DAY
    return Chunk(chunk=f"d{back}", since=since, until=since + DAY, bytes=size, filled=filled, compressed=compressed)


def hold(since: datetime, until: datetime | None) -> Hold:
    """A hold of nobody in particular."""
    return Hold(
        hold_id=7, site="north", occurrence_id=None, since=since, until=until, held_at=NOW, held_by="x", reason="x"
    )


OTHER = Chunk(chunk="reading_other", since=None, until=None, bytes=5, filled=True, compressed=False)


def fates(chunks: list[Chunk], keep: Keep, *holds: Hold, compresses: bool = False) -> dict[str, str]:
    """Chunk -> fate."""
    return {d.chunk.chunk: d.fate.value for d in destinies(chunks, holds, keep, NOW, compresses=compresses)}


def test_a_day_is_due_when_all_of_it_is_older_than_is_kept() -> None:
    """At noon the day that ended seven and a half days ago is due, the one after it is not; what has no day never is."""
    chunks = [day(back) for back in range(-2, 12)] + [OTHER]
    due = {name for name, fate in fates(chunks, Keep()).items() if fate == "drop"}
    assert due == {"d8", "d9", "d10", "d11"}
    assert "reading_other" not in fates(chunks, Keep())


def test_where_the_licence_lets_them_days_are_compressed_and_kept_longer() -> None:
    """Ninety days without a setting; a day of a week is compressed, once; what is due to go is not compressed first."""
    chunks = [day(91), day(50, compressed=True), day(9), day(3)]
    assert fates(chunks, Keep(), compresses=True) == {"d91": "drop", "d50": "stays", "d9": "compress", "d3": "stays"}
    assert fates(chunks, Keep(), compresses=False)["d9"] == "drop"


def test_a_hold_stops_what_it_touches() -> None:
    """A minute of a day is enough; a hold without an end holds everything after its beginning."""
    chunks = [day(back) for back in (12, 11, 10, 9)]
    minute = hold(MIDNIGHT - 11 * DAY + timedelta(hours=3), MIDNIGHT - 11 * DAY + timedelta(hours=3, minutes=1))
    assert fates(chunks, Keep(), minute) == {"d12": "drop", "d11": "held", "d10": "drop", "d9": "drop"}
    assert fates(chunks, Keep(), hold(MIDNIGHT - 10.5 * DAY, None)) == {
        "d12": "drop",
        "d11": "held",
        "d10": "held",
        "d9": "held",
    }


@given(
    backs=st.lists(st.integers(-3, 200), unique=True, max_size=30),
    raw=st.integers(2, 120),
    begins=st.integers(0, 220),
    lasts=st.integers(1, 50),
    compresses=st.booleans(),
)
def test_nothing_young_and_nothing_held_is_ever_due(
    backs: list[int], raw: int, begins: int, lasts: int, compresses: bool
) -> None:
    """Whatever there is, is kept and is held: each chunk has one fate, and the oldest stands first."""
    since = MIDNIGHT - begins * DAY
    held = hold(since, since + lasts * DAY)
    keep = Keep(raw=timedelta(days=raw))
    told = destinies([day(back) for back in backs], [held], keep, NOW, compresses=compresses)
    assert [d.chunk.since for d in told] == sorted(MIDNIGHT - back * DAY for back in backs)
    for destiny in told:
        assert destiny.chunk.since is not None
        assert destiny.chunk.until is not None
        if destiny.fate is Fate.DROP:
            assert NOW - destiny.chunk.until >= keep.raw_on(compresses=compresses)
            assert not held.covers(destiny.chunk.since, destiny.chunk.until)


def test_the_disk_is_enough_or_its_days_are_counted() -> None:
    """Ten bytes a day, eight days wanted, four there: 40 bytes are enough, 39 are not."""
    chunks = [day(0), day(1), day(2), day(3)]
    assert days_of_disk(chunks, Keep(), NOW, 40, compresses=False) == (4.0, True)
    assert days_of_disk(chunks, Keep(), NOW, 39, compresses=False) == (3.9, False)
    assert days_of_disk([day(0)], Keep(), NOW, 1, compresses=False) == (None, True)
