"""Whose turn it is: a night takes so many signals and no more, and nobody waits for ever, neither a signal nor a site."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from davy.second.store import Signal
from davy.second.turn import MOST_SIGNALS_A_NIGHT, Place, go_on, in_turn, place_of, time_of_a_site


def signals(machines: list[int], alone: int = 0) -> list[Signal]:
    """Machines of so many signals each, and so many of none."""
    found, number = [], 0
    for asset, size in enumerate([*machines, *([1] * alone)]):
        for _ in range(size):
            number += 1
            found.append(Signal(number, asset if asset < len(machines) else None, "Cel", "temperature"))
    return found


def test_five_thousand_signals_have_their_turn_within_thirteen_nights() -> None:
    """And a thousand within three: a night takes four hundred, machines whole."""
    for count, nights in ((400, 1), (1_000, 3), (5_000, 13)):
        there = signals([4] * (count // 4))
        seen: set[int] = set()
        begins: Place | None = None
        for _ in range(nights):
            ring, tonight = in_turn(there, begins)
            assert tonight <= MOST_SIGNALS_A_NIGHT
            seen |= {each.sensor_id for each in ring[:tonight]}
            begins = go_on(ring, tonight, [])
        assert len(seen) == count


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=30), st.integers(0, 30), st.integers(1, 20), st.data())
def test_every_signal_is_looked_at_however_little_time_a_night_has(
    machines: list[int], alone: int, most: int, choice: st.DataObject
) -> None:
    """Whatever of a night's signals had no time: as many nights as there are signals are enough for each."""
    there = signals(machines, alone)
    seen: set[int] = set()
    begins: Place | None = None
    for _ in range(len(there)):
        ring, tonight = in_turn(there, begins, most)
        assert sorted(each.sensor_id for each in ring) == sorted(each.sensor_id for each in there)
        assert 1 <= tonight <= most
        judged = choice.draw(st.integers(1, tonight))
        seen |= {each.sensor_id for each in ring[:judged]}
        late = [("sensor", each.sensor_id) for each in ring[judged:tonight]]
        begins = go_on(ring, tonight, late)
        if judged < len(ring):
            assert begins == place_of(ring[judged])
        if len(seen) == len(there):
            return
    raise AssertionError("some signal never had its turn")


def test_a_machine_is_not_parted_where_it_fits_a_night() -> None:
    """Its signals are judged together; one that is larger than a night goes on in the next."""
    ring, tonight = in_turn(signals([3, 3, 3]), None, 5)
    assert [each.asset_id for each in ring[:tonight]] == [0, 0, 0]
    ring, tonight = in_turn(signals([9, 3]), None, 5)
    assert tonight == 5
    assert go_on(ring, tonight, []) == Place(0, 6)


def test_what_is_gone_is_passed_over() -> None:
    """A signal that was retired meanwhile: the night begins with the one after it; behind the last comes the first."""
    there = signals([2, 2, 2])
    ring, _ = in_turn([each for each in there if each.sensor_id != 3], Place(1, 3))
    assert ring[0].sensor_id == 4
    ring, _ = in_turn(there, Place(99, 1))
    assert ring[0].sensor_id == 1


def test_a_machine_whose_signals_together_had_no_time_begins_the_next_night() -> None:
    """With its first signal."""
    ring, tonight = in_turn(signals([2, 2]), None)
    assert go_on(ring, tonight, [("asset", 1), ("sensor", 3), ("sensor", 4)]) == Place(1, 3)
    assert go_on(ring, tonight, [("bands", 2)]) == Place(0, 2)
    assert go_on(ring, tonight, []) is None


def test_sites_share_a_night_alike() -> None:
    """So many that a share is below a minute: then a minute each, and who has waited longest comes first the next night."""
    assert time_of_a_site(1) == time_of_a_site(24) == 600.0
    assert time_of_a_site(240) == 60.0
    assert time_of_a_site(5_000) == 60.0
