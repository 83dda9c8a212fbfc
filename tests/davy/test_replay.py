"""Before and after a replay: what is refused before anything starts, and what became of each reading."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from core.errors import BadInput
from core.wire import Message
from davy.replay.check import account, unknown_sensors
from davy.replay.files import csv_lines
from davy.replay.script import WEEK_MS, Script, private_history, read_script, site_file_of
from ingest.clock import OLDEST_US
from simulators.replay_map import read_replay_map
from tests.core.sites import SMALL, read
from tests.histories.generate import FILES, FOLDER

MAP = """\
davy: replay/1
site: north
site_file: plant.yaml
time: {column: at, zone: UTC}
message_rows: 2
devices:
  - {key: gas-1, sensors: [{key: ch4, column: CH4}]}
"""
ROWS = "at,CH4\n" + "".join(f"2021-05-04 08:00:0{second},{second}\n" for second in range(6))


def script(folder: Path, *, csv: str | bytes = ROWS, plan: str = MAP, site: str = SMALL) -> Script:
    """A file and its map, read."""
    (folder / "old.csv").write_bytes(csv if isinstance(csv, bytes) else csv.encode())
    (folder / "map.yaml").write_text(plan, "utf-8")
    (folder / "plant.yaml").write_text(site, "utf-8")
    return read_script(folder / "old.csv", folder / "map.yaml")


@pytest.mark.parametrize("name", FILES)
def test_the_generated_histories_are_what_the_generator_makes(name: str) -> None:
    """Nobody copied a row of a real file into them."""
    assert (FOLDER / name).read_text("utf-8") == FILES[name]()


def test_a_compressed_file_is_known_by_what_is_inside(tmp_path: Path) -> None:
    """A .gz may be called .csv."""
    assert script(tmp_path, csv=gzip.compress(ROWS.encode())).tally.rows == 6


@pytest.mark.parametrize(
    ("csv", "sentence"),
    [
        (gzip.compress(ROWS.encode(), mtime=0)[:-12], "is no whole gzip file: it breaks off after line"),
        (b"\x1f\x8bnonsense", "is no whole gzip file"),
        ("at,CH4\n2021-05-04 08:00:00,瓦斯\n".encode("gb18030"), "is not in utf-8 after line"),
        ("at,CH4\nx,1\n", "None of the 1 rows of old.csv can be played. old.csv, line 2 has the time 'x'"),
        ("at,CH4\n2021-05-04 08:00:00,\n", "None of the 1 rows of old.csv has a value for a sensor of map.yaml."),
    ],
)
def test_a_file_that_cannot_be_played_is_refused(tmp_path: Path, csv: str | bytes, sentence: str) -> None:
    """Cut off, in another encoding, without anything to play: one sentence."""
    with pytest.raises(BadInput) as caught:
        script(tmp_path, csv=csv)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_encoding_can_be_named(tmp_path: Path) -> None:
    """What a Chinese spreadsheet writes."""
    plan = MAP.replace("column: CH4", "column: 瓦斯") + "encoding: gb18030\n"
    assert script(tmp_path, csv=ROWS.replace("CH4", "瓦斯").encode("gb18030"), plan=plan).tally.rows == 6


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """The system's own word for it."""
    with pytest.raises(BadInput, match=r"cannot be read: Is a directory"):
        list(csv_lines(tmp_path, "utf-8"))


@pytest.mark.parametrize(
    ("instead_of", "write", "sentence"),
    [
        ("site: north", "site: south", "map.yaml, line 1: plant.yaml has no site south; its sites are north."),
        ("key: gas-1", "key: gas-2", "map.yaml, line 7: plant.yaml has no device gas-2 with sensors at site north; did you mean gas-1?"),
        ("key: ch4", "key: ch5", "map.yaml, line 7: plant.yaml has no sensor ch5 at device gas-1; did you mean ch4?"),
        ("column: CH4", "column: CH4, unit: kPa", "map.yaml, line 7: unit of sensor ch4 is kPa, which does not convert to %{LEL}"),
        ("site_file: plant.yaml\n", "", "map.yaml names no site_file; --private needs one"),
        ("site_file: plant.yaml", "site_file: nothing.yaml", "nothing.yaml cannot be read: No such file"),
    ],
)  # fmt: skip
def test_who_is_not_there_cannot_be_spoken_for(tmp_path: Path, instead_of: str, write: str, sentence: str) -> None:
    """Told with the map's line, before a server starts."""
    with pytest.raises(BadInput) as caught:
        site_file_of(script(tmp_path, plan=MAP.replace(instead_of, write)))
    assert sentence in str(caught.value)


def test_a_wrong_site_file_is_told_by_its_name_and_line(tmp_path: Path) -> None:
    """The map is right, and the sentence says so by naming the other file."""
    with pytest.raises(BadInput, match=r"^plant\.yaml, line \d+: .*speling"):
        site_file_of(script(tmp_path, site=SMALL.replace("mandatory: true", "speling: true")))


def test_a_retired_sensor_is_not_spoken_for() -> None:
    """Its readings would judge nothing."""
    found = read(SMALL.replace("mandatory: true", "mandatory: true\n                retired: true"))
    (mistake,) = unknown_sensors(read_replay_map(MAP, "map.yaml"), found.portfolio, "plant.yaml")
    assert mistake == (7, "Sensor ch4 of device gas-1 is retired in plant.yaml; play into another.")


def test_a_file_older_than_any_stamp_is_moved_by_whole_weeks(tmp_path: Path) -> None:
    """Davy takes no stamp before 2020 for one; the day of the week and the hour stay."""
    old = private_history(script(tmp_path, csv=ROWS.replace("2021-", "2013-"))).timing
    assert old.shift_ms % WEEK_MS == 0
    assert 0 <= old.begins_ms - OLDEST_US // 1000 < WEEK_MS
    assert private_history(script(tmp_path)).timing.shift_ms == 0


def test_what_became_of_each_reading(tmp_path: Path) -> None:
    """Stored, rejected by name, rejected in a flood, or lost: nothing is anything else, and what never went out is nothing."""
    history = private_history(script(tmp_path))
    packets = list(history.packets())
    first, second, third = (packet.message for packet in packets)
    assert isinstance(first, Message)
    assert isinstance(second, Message)
    assert isinstance(third, Message)
    stored = {("gas-1", "ch4", reading.t or 0) for reading in first.readings}
    named = (packets[1].topic, packets[1].payload[:40], "unknown_sensor", "There is none.", 1)
    flood = (packets[0].topic, b"{", "flood", "More than 100.", 1)

    found = account(packets, 6, stored, [named])
    assert (found.rejected, found.lost, found.reasons) == (2, 2, {"unknown_sensor": 1})
    found = account(packets, 6, stored, [named, flood])
    assert (found.rejected, found.lost) == (4, 0)
    found = account(packets, 2, stored, [])
    assert (found.rejected, found.lost) == (0, 0)
    found = account(packets, 6, set(), [])
    assert (found.rejected, found.lost) == (0, 6)
