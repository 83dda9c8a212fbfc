"""A flood of garbage stays readable."""

from __future__ import annotations

from collections import Counter

from core.wire import reject
from ingest.rejection import KEPT_BYTES, LIMIT, STRANGERS, Rejected, RejectionLimit, rejection
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


def of_strangers(site: str, place: tuple[int, int] | None, *names: str) -> list[Rejected]:
    """A message of each, from devices that nobody knows."""
    mistake = reject("unknown_device", device="x", site=site)
    told = [message("d1", b"x", START_US)._replace(topic=f"davy/v1/{site}/{name}/readings") for name in names]
    return [rejection(one, None, mistake, place) for one in told]


def test_unknown_devices_have_allowances_of_their_own() -> None:
    """One that floods leaves the others theirs, and its row is its company's and counts its own messages alone."""
    limit, north, south = RejectionLimit(), (1, 11), (2, 22)
    loud, quiet = of_strangers("north", north, "loud") * 130, of_strangers("north", north, "quiet")
    theirs, nobody = of_strangers("south", south, "loud") * 140, of_strangers("nowhere", None, "loud") * 150
    kept = limit.admit([*loud, *theirs, *nobody, *quiet])
    floods = {row.place: row for row in kept if row.reason == "flood"}
    assert {place: (row.count, row.topic) for place, row in floods.items()} == {
        north: (30, "davy/v1/north/loud/readings"),
        south: (40, "davy/v1/south/loud/readings"),
        None: (50, "davy/v1/nowhere/loud/readings"),
    }
    assert floods[north].sentence.startswith("Device loud sent more than 100 ")
    assert quiet[0] in kept
    again = limit.admit([*of_strangers("south", south, "loud") * 5, *quiet])
    assert [(row.reason, row.count, row.continued, row.place) for row in again] == [
        ("unknown_device", 1, False, north),
        ("flood", 5, True, south),
    ]


def test_a_flood_of_names_stays_readable_too() -> None:
    """Of one site fifty unknown devices a minute are told apart; the others share one allowance and one row, and no other site's."""
    limit, north, south = RejectionLimit(), (1, 11), (2, 22)
    names = [f"n{number}" for number in range(STRANGERS + 500)]
    first = limit.admit(of_strangers("north", north, *names))
    assert Counter(row.reason for row in first) == {"unknown_device": STRANGERS + LIMIT, "flood": 1}
    assert (first[-1].count, first[-1].topic) == (400, f"davy/v1/north/n{STRANGERS + LIMIT}/readings")
    again = limit.admit([*of_strangers("north", north, "another", "n0"), *of_strangers("south", south, "new")])
    assert [(row.reason, row.place, row.continued) for row in again] == [
        ("unknown_device", north, False),
        ("unknown_device", south, False),
        ("flood", north, True),
    ]
    assert again[-1].topic == first[-1].topic  # the row that is there counts on
