"""Rows kept as columns: what comes out is what went in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.row_table import MANY, RowTable


class Colour(StrEnum):
    """A field of few values."""

    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """One field of each kind."""

    number: int
    key: str
    colour: Colour
    size: float
    limit: float | None
    is_new: bool
    settings: Mapping[str, float] | None


NAMES = ("key", "number", "colour", "size", "limit", "is_new", "settings")
THINGS = st.builds(
    Thing,
    number=st.integers(-(2**63), 2**63 - 1),
    key=st.text(max_size=5),
    colour=st.sampled_from(Colour),
    size=st.floats(allow_nan=False),
    limit=st.none() | st.floats(allow_nan=False),
    is_new=st.booleans(),
    settings=st.none() | st.dictionaries(st.sampled_from("ab"), st.floats(0, 1)),
)


@given(st.lists(THINGS, max_size=30))
def test_rows_come_out_as_they_went_in(things: list[Thing]) -> None:
    """Whatever the values, one by one, all of them, and those that are taken."""
    table = RowTable(Thing, things)
    assert list(table) == things
    assert [table[-1 - i] for i in range(len(things))] == things[::-1]
    odd = np.arange(len(things)) % 2 == 1
    assert list(table.take(odd)) == things[1::2]
    assert list(RowTable.unpacked(Thing, table.packed())) == things
    assert table.integers("number").tolist() == [thing.number for thing in things]
    assert table.where("colour", Colour.RED).tolist() == [thing.colour is Colour.RED for thing in things]


@given(st.lists(THINGS, max_size=30), st.integers(1, 7))
def test_pieces_of_a_database_make_the_same_table(things: list[Thing], piece: int) -> None:
    """However they are cut, in whatever order the fields come, with plain texts for words."""
    rows = [tuple(getattr(thing, name) for name in NAMES) for thing in things]
    plain = [(*row[:2], row[2].value, *row[3:]) for row in rows]
    pieces = [plain[i : i + piece] for i in range(0, len(plain), piece)]
    assert list(RowTable.read(Thing, NAMES, pieces)) == things


@pytest.mark.parametrize("number", [-(2**63), -(2**31), 2**31, 2**63 - 1])
def test_the_widest_numbers_are_kept(number: int) -> None:
    """A number has room in 32 bits, or the column keeps 64."""
    thing = Thing(number=number, key="", colour=Colour.RED, size=0.0, limit=None, is_new=False, settings=None)
    assert RowTable(Thing, [thing])[0].number == number


def test_what_compares_equal_is_kept_once_and_nan_is_nothing() -> None:
    """The first of {a: 0.0} and {a: -0.0} stands for both; NaN in a field that may be None comes back as None."""
    plain = Thing(number=1, key="", colour=Colour.RED, size=0.0, limit=math.nan, is_new=False, settings={"a": 0.0})
    table = RowTable(Thing, [plain, replace(plain, settings={"a": -0.0})])
    assert [str(thing.settings) for thing in table] == ["{'a': 0.0}", "{'a': 0.0}"]
    assert table[0].limit is None


def test_texts_that_nearly_all_differ_are_kept_compressed() -> None:
    """Read back they are the same texts; a few that repeat do no harm."""

    def thing(number: int) -> Thing:
        return Thing(
            number=number,
            key=f"键-{number % 3000}",
            colour=Colour.RED,
            size=0.0,
            limit=None,
            is_new=False,
            settings=None,
        )

    things = [thing(number) for number in range(3 * MANY)]
    rows = [tuple(getattr(each, name) for name in NAMES) for each in things]
    table = RowTable.read(Thing, NAMES, [rows[:2000], rows[2000:]])
    assert list(table) == things
    codes, texts = table.words("key")
    assert [texts[code] for code in codes[-3:]] == [each.key for each in things[-3:]]
    assert list(table.take(table.integers("number") > 3000)) == things[3001:]


def test_a_value_is_converted_once() -> None:
    """What the database gives as a text becomes a value when it is first seen."""
    asked: list[str] = []

    def convert(text: str) -> dict[str, float]:
        asked.append(text)
        return {"a": float(text)}

    row = ("k", 1, "red", 0.0, None, True)
    table = RowTable.read(Thing, NAMES, [[(*row, "1"), (*row, "2")], [(*row, "1")]], {"settings": convert})
    assert [each.settings for each in table] == [{"a": 1.0}, {"a": 2.0}, {"a": 1.0}]
    assert asked == ["1", "2"]


def test_a_row_that_is_not_there() -> None:
    """An index beyond the end is an IndexError, as of any sequence."""
    with pytest.raises(IndexError, match="there are 0 rows, no number 0"):
        RowTable(Thing)[0]
