"""Replay maps: what they say, and a sentence with its line for everything that is wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.errors import BadInput
from simulators.replay_map import read_replay_map

PACKS = Path(__file__).resolve().parents[2] / "packs" / "replay"
GOOD = """\
davy: replay/1
site: north
time: {column: at, zone: Asia/Shanghai}
devices:
  - key: gw-1
    sensors:
      - {key: ch4, column: CH4, unit: "%"}
      - {key: flow, column: Flow, scale: 0.5, offset: 1}
"""


def mistakes(text: str) -> str:
    """What is said against a map."""
    with pytest.raises(BadInput) as caught:
        read_replay_map(text, "map.yaml")
    return str(caught.value)


def test_a_map_says_which_column_is_which_sensor() -> None:
    """Every field has its meaning, and those left out their default."""
    plan = read_replay_map(GOOD, "map.yaml")
    assert (plan.site, plan.separator, plan.decimal, plan.message_rows, plan.header) == ("north", ",", ".", 1, ())
    assert sorted(plan.missing) == ["", "nan"]
    assert not plan.bad
    assert [(c.device, c.sensor, c.name, c.unit, c.scale, c.offset) for c in plan.columns] == [
        ("gw-1", "ch4", "CH4", "%", 1.0, 0.0),
        ("gw-1", "flow", "Flow", None, 0.5, 1.0),
    ]
    assert (plan.time.column, plan.time.form, str(plan.time.zone)) == ("at", "iso", "Asia/Shanghai")


@pytest.mark.parametrize("path", sorted(PACKS.glob("*.yaml")), ids=lambda path: path.name)
def test_the_maps_that_come_with_davy_can_be_read(path: Path) -> None:
    """Each names a site file beside it."""
    if path.name.endswith("-site.yaml"):
        return
    plan = read_replay_map(path.read_text("utf-8"), path.name)
    assert plan.site_file is not None
    assert (PACKS / plan.site_file).exists()


@pytest.mark.parametrize(
    ("instead_of", "write", "line", "sentence"),
    [
        ("davy: replay/1", "davy: replay/9", 1, "davy of the file is replay/9; did you mean replay/1?"),
        ("site: north", "site: _x", 2, "site of the file is '_x'; it must be 1 to 64 letters"),
        ("site: north", "site: north\nseperator: ';'", 3, "the file has no field seperator; did you mean separator?"),
        ("site: north", "site: north\nseparator: '#'", 3, "separator is '#'; it must be , or ; or | or tab."),
        ("site: north", "site: north\ndecimal: ','", 3, "separator and decimal are both ','"),
        ("site: north", "site: north\nencoding: klingon", 3, "There is no encoding klingon"),
        ("site: north", "site: north\nmissing: [Bad]\nbad: [bad]", 4, "'bad' is both missing and bad; keep it in one of them."),
        ("site: north", "site: north\nmessage_rows: 2.5", 3, "message_rows is 2.5; it must be a whole number from 1 to 5000."),
        ("site: north", "site: north\nmessage_rows: 4000", 3, "A message of device gw-1 would carry 8000 readings; at most 5000"),
        ("site: north", "site: north\nheader: [at, CH4, CH4]", 3, "header names CH4 twice"),
        ("zone: Asia/Shanghai", "zone: Asia/Qingdao", 3, "There is no time zone Asia/Qingdao"),
        ("zone: Asia/Shanghai", "every_s: 1", 3, "time has a column, or every_s where the file has no time column; it needs one of the two."),
        ("{column: at, zone: Asia/Shanghai}", "{every_s: 1, zone: UTC}", 3, "time has zone and every_s"),
        ("{column: at, zone: Asia/Shanghai}", "{every_s: 0.0001}", 3, "every_s is 0.0001; it must be whole milliseconds"),
        ("{column: at, zone: Asia/Shanghai}", "{every_s: 1, begins_at: 2026-03-02}", 3, "begins_at of time is '2026-03-02'; it must be an instant with its zone"),
        ("zone: Asia/Shanghai", "form: german", 3, "form of time is 'german'"),
        ("time: {column: at, zone: Asia/Shanghai}\n", "", 1, "the file has no time; it needs one."),
        ('unit: "%"', "unit: ppm", 7, 'unit of sensor ch4: There is no unit "ppm"; did you mean [ppm]?'),
        ("scale: 0.5", "scale: 0", 8, "scale of sensor flow is 0; every value would be the same."),
        ("key: flow", "key: ch4", 8, "Sensor ch4 of device gw-1 is there twice, first in line 7"),
        ("column: Flow", "column: at", 8, "Column at is the time of the row, so it is no sensor."),
        ("column: Flow, ", "", 8, "sensor flow has no column; it needs one."),
    ],
)  # fmt: skip
def test_a_wrong_map_is_told_with_its_line(instead_of: str, write: str, line: int, sentence: str) -> None:
    """A person can correct the map without asking anybody."""
    text = GOOD.replace(instead_of, write)
    assert text != GOOD
    said = mistakes(text)
    assert re.search(rf"^map\.yaml, line {line}: {re.escape(sentence)}", said, re.MULTILINE), said


def test_all_mistakes_are_told_at_once() -> None:
    """Nobody corrects a file one sentence at a time."""
    said = mistakes(
        GOOD.replace('unit: "%"', "unit: ppm").replace("Asia/Shanghai", "Nowhere").replace("scale: 0.5", "scale: x")
    )
    assert len(said.splitlines()) == 3


@pytest.mark.parametrize("text", ["", "- a\n", "a: [", "davy: replay/1\n"])
def test_what_is_no_map_is_said(text: str) -> None:
    """An empty file, a list, no YAML, a map of nothing: a sentence, no traceback."""
    assert re.match(r"map\.yaml, line [12]: ", mistakes(text))
