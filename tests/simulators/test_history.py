"""The rows of a CSV: what is played, what is left out and why, and that nothing is left out silently."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from simulators.history import MOST_TOLD, Cell, Row, Tally, read_rows
from simulators.replay_map import ReplayMap, read_replay_map

MAP = """\
davy: replay/1
site: north
time: {column: at, zone: Asia/Shanghai}
bad: [Bad, Inp OutRange]
devices:
  - key: gw-1
    sensors:
      - {key: ch4, column: CH4}
      - {key: flow, column: Flow, scale: 10, offset: 1}
"""
EVERY = MAP.replace("{column: at, zone: Asia/Shanghai}", "{every_s: 60}")
HEADER = "at,CH4,Flow\n"


def plan_of(text: str = MAP) -> ReplayMap:
    """A map."""
    return read_replay_map(text, "map.yaml")


def played(csv: str, text: str = MAP) -> tuple[list[Row], Tally]:
    """The rows of a file and what was counted."""
    tally = Tally()
    return list(read_rows(csv.splitlines(keepends=True), plan_of(text), "old.csv", tally)), tally


def refused(csv: str, text: str = MAP) -> str:
    """Why a file cannot be played."""
    with pytest.raises(BadInput) as caught:
        played(csv, text)
    return str(caught.value)


def ms(text: str) -> int:
    """Milliseconds of an instant in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def test_a_row_has_an_instant_and_values() -> None:
    """Stamps in the map's zone become UTC; values take scale and offset; columns nobody named are told."""
    rows, tally = played("at,CH4,Flow,label\n2021-05-04 08:00:00,0.5,2,1\n2021-05-04 08:00:01.250,0.6,,0\n")
    assert rows[0] == Row(ms("2021-05-04T00:00:00"), [Cell(0.5, "good"), Cell(21.0, "good")])
    assert rows[1] == Row(ms("2021-05-04T00:00:01.250"), [Cell(0.6, "good"), None])
    assert (tally.rows, tally.skipped_rows, tally.missing_values, tally.readings) == (2, 0, 1, 3)
    assert tally.unused == ["label"]


@pytest.mark.parametrize(
    ("time", "stamp"),
    [
        ("{column: at}", "2021-05-04T00:00:00Z"),
        ("{column: at}", "2021-05-04T08:00:00+08:00"),
        ("{column: at, form: unix_s}", "1620086400"),
        ("{column: at, form: unix_ms}", "1620086400000"),
        ('{column: at, form: "%d.%m.%Y %H:%M", zone: UTC}', "04.05.2021 00:00"),
    ],
)
def test_times_of_many_forms(time: str, stamp: str) -> None:
    """A stamp that names its zone needs none from the map; seconds and milliseconds since 1970 are UTC."""
    rows, _ = played(f"{HEADER}{stamp},1,1\n", MAP.replace("{column: at, zone: Asia/Shanghai}", time))
    assert rows[0].at_ms == ms("2021-05-04T00:00:00")


def test_without_a_time_column_every_row_takes_its_time() -> None:
    """A row that is left out keeps its place in time: those after it are where they were."""
    rows, tally = played("CH4,Flow\n1,1\n2\n3,3\n", EVERY)
    assert [row.at_ms for row in rows] == [ms("2026-03-02T00:00:00"), ms("2026-03-02T00:02:00")]
    assert (tally.rows, tally.skipped_rows) == (3, 1)


def test_the_hour_that_comes_twice() -> None:
    """Where a clock is set back, the same local hour twice is two hours, as the order of the rows says."""
    text = MAP.replace("Asia/Shanghai", "Europe/Berlin")
    stamps = ["2021-10-31 02:00", "2021-10-31 02:30", "2021-10-31 02:00", "2021-10-31 02:30", "2021-10-31 03:00"]
    rows, tally = played(HEADER + "".join(f"{stamp},1,1\n" for stamp in stamps), text)
    first = ms("2021-10-31T00:00:00")
    assert [row.at_ms - first for row in rows] == [0, 1_800_000, 3_600_000, 5_400_000, 7_200_000]
    assert tally.skipped_rows == 0


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("2021-05-04 08:00:01,1\n", "old.csv, line 3 has 2 cells and the header 3; the row is left out."),
        ("2021-05-04 08:00:01,1,2,3\n", "old.csv, line 3 has 4 cells and the header 3; the row is left out."),
        ("yesterday,1,2\n", "old.csv, line 3 has the time 'yesterday', which is not of the form iso; the row is left out."),
        (
            "2021-05-04 08:00:00,1,2\n",
            "old.csv, line 3 has the time of line 2, 2021-05-04 08:00:00, and a sensor has one reading an instant; the row is left out.",
        ),
        ('2021-05-04 08:00:01,"1"x,2\n', "old.csv, line 3 cannot be cut into cells (',' expected after '\"'); the row is left out."),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_played_is_told_and_counted(row: str, sentence: str) -> None:
    """The rest of the file is played."""
    rows, tally = played(f"{HEADER}2021-05-04 08:00:00,1,2\n{row}2021-05-04 08:00:02,1,2\n")
    assert (len(rows), tally.rows, tally.skipped_rows) == (2, 3, 1)
    assert tally.told == [sentence]


@pytest.mark.parametrize("cell", ["abc", "1,5", "0x10", "1_000", "1e999", "inf", "--1"])
def test_what_is_no_number_is_told_with_line_and_column(cell: str) -> None:
    """The value is left out, the other values of the row are played."""
    rows, tally = played(f'{HEADER}2021-05-04 08:00:00,"{cell}",2\n')
    assert rows[0].cells == [None, Cell(21.0, "good")]
    assert tally.unreadable_values == 1
    assert tally.told[0].startswith(f"old.csv, line 2, column CH4: {cell!r} is no number; the value is left out.")


def test_missing_and_bad() -> None:
    """Empty and NaN are no reading. Bad is the last value, marked bad, as a gateway sends it; before any value it is missing."""
    cells = ["Bad", "", "NaN", "1.5", " inp outrange ", "2"]
    rows, tally = played(HEADER + "".join(f"2021-05-04 08:00:0{n},{cell},1\n" for n, cell in enumerate(cells)))
    assert [row.cells[0] for row in rows] == [None, None, None, Cell(1.5, "good"), Cell(1.5, "bad"), Cell(2.0, "good")]
    assert (tally.missing_values, tally.bad_values, tally.unreadable_values) == (3, 1, 0)


def test_a_decimal_comma() -> None:
    """Files of half the world write it."""
    rows, tally = played("at;CH4;Flow\n2021-05-04 08:00:00;0,5;1.000\n", MAP + "separator: ';'\ndecimal: ','\n")
    assert rows[0].cells == [Cell(0.5, "good"), None]
    assert tally.unreadable_values == 1  # a point is no decimal there, and we do not guess that it groups thousands


def test_a_file_without_header() -> None:
    """The map may name the columns."""
    rows, _ = played("2021-05-04 08:00:00,1,2\n", MAP + "header: [at, CH4, Flow]\n")
    assert rows[0].cells == [Cell(1.0, "good"), Cell(21.0, "good")]


@pytest.mark.parametrize(
    ("csv", "sentence"),
    [
        ("", "old.csv has no header: it is empty. Its first row must name the columns, or the map its header."),
        (HEADER, "old.csv has a header and no rows; there is nothing to play."),
        (f"{HEADER}\n\n", "old.csv has a header and no rows; there is nothing to play."),
        ("at,CH5,Flow\n", "map.yaml, line 8: old.csv has no column CH4; did you mean CH5?"),
        ("when,x,y\n", "map.yaml, line 3: old.csv has no column at; its columns are when, x, y."),
        ("at;CH4;Flow\n", "map.yaml, line 3: old.csv has no column at; its first row is one piece and holds ';', so separator should be ';'."),
        ("at,CH4,CH4,Flow\n", "map.yaml, line 8: old.csv has 2 columns CH4; give one of them another name."),
        (
            f"{HEADER}2021-05-04 08:00:02,1,2\n2021-05-04 08:00:01,1,2\n",
            "old.csv, line 3: the time 2021-05-04 08:00:01 is before that of line 2, 2021-05-04 08:00:02; rows must be in the order of time.",
        ),
        (f'{HEADER}2021-05-04 08:00:02,"1,2\n', "old.csv, line 2: a quotation mark is never closed"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_played_is_refused_before_anything_is_sent(csv: str, sentence: str) -> None:
    """One sentence says where, and what would be right."""
    assert refused(csv).startswith(sentence), refused(csv)


def test_a_stamp_without_any_zone_is_not_guessed() -> None:
    """Eight hours off would be worse than a question."""
    said = refused(f"{HEADER}2021-05-04 08:00:00,1,2\n", MAP.replace(", zone: Asia/Shanghai", ""))
    assert said.startswith(
        "old.csv, line 2: the time 2021-05-04 08:00:00 names no zone; write zone below time in map.yaml"
    )


def test_a_file_full_of_mistakes_does_not_flood() -> None:
    """The first sentences are kept, the others counted; the numbers are whole."""
    _, tally = played(HEADER + "2021-05-04 08:00:00,1,2\n" + "x\n" * 100)
    assert (len(tally.told), tally.untold, tally.skipped_rows) == (MOST_TOLD, 80, 100)


CELL = st.one_of(st.floats(-1e6, 1e6).map(repr), st.sampled_from(["", "NaN", "Bad", "x", "1e999", "-", "1;2"]))


@given(st.lists(st.tuples(CELL, CELL, st.booleans()), max_size=30))
def test_every_cell_is_accounted_for(cells: list[tuple[str, str, bool]]) -> None:
    """rows = played + skipped, and every cell of a played row is a reading, missing or unreadable: nothing goes silently."""
    lines = [f"{one},{two}" + (",extra" if ragged else "") for one, two, ragged in cells]
    if not lines:
        assert "no rows" in refused("CH4,Flow\n", EVERY)
        return
    rows, tally = played("CH4,Flow\n" + "\n".join(lines) + "\n", EVERY)
    assert tally.rows == len(cells)
    assert tally.skipped_rows == sum(ragged for *_, ragged in cells)
    assert len(rows) == tally.rows - tally.skipped_rows
    assert 2 * len(rows) == tally.readings + tally.missing_values + tally.unreadable_values
    assert len(tally.told) + tally.untold == tally.skipped_rows + tally.unreadable_values
