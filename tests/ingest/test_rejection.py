"""A flood of garbage stays readable."""

from __future__ import annotations

from core.wire import reject
from ingest.rejection import KEPT_BYTES, LIMIT, RejectionLimit, rejection
from tests.ingest.plant import START_US, message, small_directory


def garbage(count: int, at_us: int) -> list[object]:
    """Rejected messages of d1."""
    device = small_directory().devices[0]
    return [rejection(message("d1", b"x", at_us), device, reject("not_json", problem="x")) for _ in range(count)]


def test_a_flood_is_counted_not_kept() -> None:
    """Of a device's wrong messages 100 a minute are kept, the rest are counted in one row."""
    limit = RejectionLimit()
    first = limit.admit(garbage(LIMIT + 20, START_US))  # type: ignore[arg-type]
    assert len(first) == LIMIT + 1
    assert (first[-1].reason, first[-1].count, first[-1].continued) == ("flood", 20, False)
    again = limit.admit(garbage(30, START_US))  # type: ignore[arg-type]
    assert [(r.reason, r.count, r.continued) for r in again] == [("flood", 30, True)]
    next_minute = limit.admit(garbage(1, START_US + 60_000_000))  # type: ignore[arg-type]
    assert [r.reason for r in next_minute] == ["not_json"]


def test_a_large_payload_is_kept_in_part() -> None:
    """The first 64 KB, the whole length and the hash of all of it."""
    row = rejection(message("d1", b"y" * 100_000, START_US), None, reject("not_json", problem="x"))
    assert (len(row.payload), row.length, len(row.sha256)) == (KEPT_BYTES, 100_000, 32)
