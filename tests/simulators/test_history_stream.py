"""History as messages: every reading once, in order, never stamped ahead, and the file ends when the play ends."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.wire import Message, decode
from simulators.history import Cell, Row
from simulators.history_stream import History, Timing
from simulators.replay_map import read_replay_map

MAP = """\
davy: replay/1
site: north
time: {{every_s: 1}}
message_rows: {rows}
devices:
  - {{key: gw-1, sensors: [{{key: a, column: A, unit: "%"}}, {{key: b, column: B}}]}}
  - {{key: gw-2, sensors: [{{key: a, column: C}}]}}
"""
CELLS = st.one_of(st.none(), st.builds(Cell, st.floats(-9, 9), st.sampled_from(["good", "bad"])))
ROWS = st.lists(st.tuples(st.integers(1, 100_000), st.lists(CELLS, min_size=3, max_size=3)), min_size=1, max_size=40)


def history(rows: Sequence[Row], message_rows: int, *, begins_ms: int, speed: float = 1.0) -> History:
    """A file's rows on their way."""
    timing = Timing(rows[0].at_ms, rows[-1].at_ms, begins_ms, speed)
    plan = read_replay_map(MAP.format(rows=message_rows), "map.yaml")
    return History(plan=plan, rows=lambda: iter(rows), timing=timing, replayed=True)


def rows_of(drawn: list[tuple[int, list[Cell | None]]]) -> list[Row]:
    """Rows whose time rises."""
    rows, at = [], 1_600_000_000_000
    for pause, cells in drawn:
        at += pause
        rows.append(Row(at, cells))
    return rows


@given(ROWS, st.integers(1, 12), st.floats(1.0, 1000.0))
def test_nothing_is_lost_doubled_or_stamped_ahead(
    drawn: list[tuple[int, list[Cell | None]]], message_rows: int, speed: float
) -> None:
    """However rows are cut into messages and however fast they are played."""
    rows = rows_of(drawn)
    play = history(rows, message_rows, begins_ms=1_700_000_000_000, speed=speed)
    packets = list(play.packets())
    shift = play.timing.shift_ms
    found = sorted((p.device, r.s, r.t, r.v, r.q) for p in packets for r in decode(p.payload).readings)
    places = (("gw-1", "a"), ("gw-1", "b"), ("gw-2", "a"))
    assert found == sorted(
        (device, sensor, row.at_ms + shift, cell.value, cell.quality)
        for row in rows
        for (device, sensor), cell in zip(places, row.cells, strict=True)
        if cell is not None
    )
    assert [p.due_us for p in packets] == sorted(p.due_us for p in packets)
    for packet in packets:
        assert isinstance(packet.message, Message)
        assert packet.message.replayed
        assert packet.due_us == packet.message.sent_at * 1000
        assert all((reading.t or 0) <= packet.message.sent_at for reading in packet.message.readings)
    for device in ("gw-1", "gw-2"):
        mine = [p.message for p in packets if p.device == device and isinstance(p.message, Message)]
        assert [message.seq for message in mine] == list(range(len(mine)))
        assert len({message.boot for message in mine}) <= 1
    assert list(play.packets()) == packets


def test_at_speed_one_a_reading_is_stamped_with_the_moment_it_is_sent() -> None:
    """Into a live system: the file's first row is now, its last when the play ends."""
    rows = [Row(1_000 * second, [Cell(1.0, "good")] * 3) for second in range(5)]
    sent = [p.message for p in history(rows, 1, begins_ms=9_000_000).packets() if p.device == "gw-2"]
    assert [(m.sent_at, m.readings[0].t) for m in sent if isinstance(m, Message)] == [
        (9_000_000 + 1_000 * second, 9_000_000 + 1_000 * second) for second in range(5)
    ]


@pytest.mark.parametrize("speed", [2.0, 60.0, 1e6])
def test_faster_the_file_still_ends_when_the_play_ends(speed: float) -> None:
    """The first stamps lie in the past, the last is the moment of its sending."""
    rows = [Row(1_000 * second, [Cell(1.0, "good")] * 3) for second in range(601)]
    play = history(rows, 1, begins_ms=9_000_000, speed=speed)
    last = list(play.packets())[-1].message
    assert isinstance(last, Message)
    assert last.readings[0].t == last.sent_at == 9_000_000 + round(600_000 / speed)
