"""`davy replay` on real servers: every row stored, every raise where the file says so, and nothing silently left out.

The files of tests/histories are always played; with DAVY_DATA the real ones too, and the end of the run says which.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest

from core.batch import Mark
from davy.private.stack import Plan, Stack
from davy.replay.replay import Outcome, play_private, private_plan
from davy.replay.script import Script, private_history, read_script, site_file_of
from davy.servers.processes import wait_until
from tests.e2e.instance import DAVY, ROOT, answer_of, davy, environment, private_stack
from tests.tls import tls_listener

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

HISTORIES = ROOT / "tests" / "histories"
MAPS = ROOT / "packs" / "replay"
REAL = Path(os.environ["DAVY_DATA"]) if os.environ.get("DAVY_DATA") else None
ROWS_S = 12  # a message of this replay is of ten rows, a little more than a second each
SILENT_S = 5 * ROWS_S  # a gateway may be silent for five of its messages: ingest/rhythms.py
LIMIT = 1.0  # %CH4, both sensors: AQ 1029, reference of packs/replay/methane-site.yaml; not verified
METHANE = {"MM31": "mm31", "MM116": "mm116", "AS038": "as038", "PG072": "pg072", "PD": "pd", "BA13": "ba13"}
SKAB = {
    "Accelerometer1RMS": "vibration-1",
    "Accelerometer2RMS": "vibration-2",
    "Current": "current",
    "Pressure": "pressure",
    "Temperature": "body-temperature",
    "Thermocouple": "fluid-temperature",
    "Voltage": "voltage",
    "Volume Flow RateRMS": "flow",
}
Reading = tuple[str, datetime, float]
RecordProperty = Callable[[str, object], None]


def files(ours: str, *theirs: str) -> list[Path]:
    """The generated file, and the real ones where they are."""
    return [HISTORIES / ours, *(REAL / name for name in theirs if REAL is not None)]


def table(path: Path, delimiter: str) -> list[dict[str, str]]:
    """A file's rows, read by nothing of ours."""
    packed = path.read_bytes()
    text = (gzip.decompress(packed) if path.suffix == ".gz" else packed).decode()
    return list(csv.DictReader(text.splitlines(), delimiter=delimiter))


def methane_readings(path: Path) -> list[Reading]:
    """What the store must hold of a methane file: a row a minute from the instant that the map states."""
    begins = datetime(2026, 3, 2, tzinfo=UTC)
    return [
        (sensor, begins + timedelta(seconds=60 * number), float(row[name]))
        for number, row in enumerate(table(path, ","))
        for name, sensor in METHANE.items()
    ]


def skab_readings(path: Path) -> list[Reading]:
    """What the store must hold of a SKAB file."""
    return [
        (sensor, datetime.fromisoformat(row["datetime"]).replace(tzinfo=ZoneInfo("Europe/Moscow")), float(row[name]))
        for row in table(path, ";")
        for name, sensor in SKAB.items()
    ]


def raises_in(readings: list[Reading]) -> list[tuple[str, datetime]]:
    """Each row that goes from below the limit to the limit or above. Before the first row there was no gas that we know of."""
    found, before = [], {"mm31": 0.0, "mm116": 0.0}
    for sensor, at, value in readings:
        if sensor in before:
            if before[sensor] < LIMIT <= value:
                found.append((sensor, at))
            before[sensor] = value
    return sorted(found, key=lambda each: (each[1], each[0]))


@dataclass(frozen=True)
class Came:
    """What a private instance holds after a replay."""

    outcome: Outcome
    audit: list[Reading]
    transitions: list[tuple[str, datetime]]


def play(script: Script, site_file: Path) -> Came:
    """A file into a private instance; what stands in the database then, asked without anything of the replay's own."""
    with private_stack(private_plan(site_file)) as stack:
        outcome = play_private(stack, private_history(script))
        with psycopg.connect(stack.database_url("owner")) as connection:
            audit = connection.execute(
                "SELECT sensor, measured_at, value FROM v_audit_reading WHERE left(device, 1) <> '_' ORDER BY measured_at"
            ).fetchall()
            transitions = connection.execute(
                "SELECT s.key, t.at FROM transition t JOIN sensor s USING (sensor_id) WHERE t.event = 'raise' ORDER BY t.at, s.key"
            ).fetchall()
    return Came(outcome, audit, transitions)


@pytest.mark.parametrize("path", files("methane.csv", "coal_mine_methane/methane_train.csv.gz"), ids=lambda p: p.name)
def test_methane_is_stored_row_by_row_and_raised_where_it_reaches_the_limit(
    path: Path, record_property: RecordProperty
) -> None:
    """A raise at each row that goes from below 1.0 % to 1.0 % or above, at its instant, and nowhere else."""
    script, wanted = read_script(path, MAPS / "methane.yaml"), methane_readings(path)
    came = play(script, site_file_of(script))
    record_property("replayed", f"{path}: {script.tally.rows} rows")
    assert came.outcome.holds
    assert len(came.audit) == len(wanted) == came.outcome.stored == came.outcome.published
    assert sorted(came.audit) == sorted(wanted)
    assert came.transitions == raises_in(wanted)
    assert len(came.transitions) > 10
    assert [(each.sensor, each.at) for each in came.outcome.raises] == came.transitions


@pytest.mark.parametrize("path", files("skab.csv", "skab/valve1/2.csv.gz", "skab/other/1.csv.gz"), ids=lambda p: p.name)
def test_skab_is_stored_row_by_row(path: Path, record_property: RecordProperty) -> None:
    """Local stamps, semicolons, gaps: each value of each row is in the store, at its instant.

    The map states no limits. What is raised is the gateway's silence, once for each gap longer than it may be silent, before the message
    that ends it, or its alarm's delay, is over.
    """
    script, wanted = read_script(path, MAPS / "skab.yaml"), skab_readings(path)
    came = play(script, site_file_of(script))
    record_property("replayed", f"{path}: {script.tally.rows} rows")
    assert came.outcome.holds
    assert len(came.audit) == came.outcome.stored == came.outcome.published
    assert sorted(came.audit) == sorted(wanted)
    instants = sorted({at for _, at, _ in wanted})
    gaps = [(before, at) for before, at in pairwise(instants) if at - before > timedelta(seconds=SILENT_S)]
    assert [sensor for sensor, _ in came.transitions] == ["_gateway.skab-gw-1"] * len(gaps)
    late = timedelta(seconds=ROWS_S)
    assert all(before < at < after + late for (before, after), (_, at) in zip(gaps, came.transitions, strict=True))


def test_what_ingest_refuses_is_accounted_for() -> None:
    """Readings of a sensor that is not there are rejected with a reason and counted; none is lost, the others are stored."""
    script = read_script(HISTORIES / "methane.csv", MAPS / "methane.yaml")
    columns = tuple(
        replace(column, sensor="nobody") if column.sensor == "pd" else column for column in script.plan.columns
    )
    wrong = replace(script, plan=replace(script.plan, columns=columns))
    came = play(wrong, site_file_of(script))
    assert came.outcome.holds
    assert came.outcome.account.reasons == {"unknown_sensor": 60}
    assert (came.outcome.account.rejected, came.outcome.account.lost) == (240, 0)
    assert came.outcome.stored == len(came.audit) == 240 * 5


def test_the_command_answers_in_one_line(tmp_path: Path) -> None:
    """With ragged rows, words and gaps in the file: what could be played is stored, and the answer counts the rest."""
    lines = (HISTORIES / "methane.csv").read_text("utf-8").splitlines()
    lines[10] = lines[10].replace(lines[10].split(",")[0], "broken", 1)
    lines[20] += ",one too many"
    lines[30] = "," + lines[30].split(",", 1)[1]
    file = tmp_path / "ragged.csv.gz"
    file.write_bytes(gzip.compress("\n".join(lines).encode()))
    done = davy("replay", str(file), "--map", str(MAPS / "methane.yaml"), "--private", "--json", timeout_s=180)
    assert done.returncode == 0, done.stderr
    answer = answer_of(done)
    assert (answer["rows"], answer["skipped_rows"]) == (240, 1)
    assert (answer["missing_values"], answer["unreadable_values"], answer["bad_values"]) == (1, 1, 0)
    assert answer["readings_published"] == answer["readings_stored"] == 239 * 6 - 2
    assert (answer["rejected"], answer["lost"], answer["shifted_ms"]) == (0, 0, 0)
    assert answer["alarms_raised"] == len(answer["raises"]) > 10
    assert answer["occurrences"] == 2
    assert all(isinstance(answer[key], int) for key in ("seconds", "alarms_raised", "rejected"))
    assert "ragged.csv.gz, line 21 has 9 cells and the header 8; the row is left out." in done.stderr
    assert "ragged.csv.gz, line 11, column MM31: 'broken' is no number; the value is left out." in done.stderr
    assert "methane.yaml says: 60 s a row is assumed" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((str(HISTORIES / "skab.csv"), "--map", str(MAPS / "methane.yaml"), "--private"), "methane.yaml, line 16: skab.csv has no column MM31"),
        (("nowhere.csv", "--map", str(MAPS / "methane.yaml"), "--private"), "nowhere.csv cannot be read: No such file"),
        ((str(HISTORIES / "methane.csv"), "--map", "nowhere.yaml", "--private"), "nowhere.yaml cannot be read: No such file"),
        ((str(HISTORIES / "methane.csv"), "--map", str(MAPS / "methane.yaml")), "DAVY_DATABASE_URL_OWNER (or DAVY_DATABASE_URL_OWNER_FILE) is not set"),
        ((str(HISTORIES / "methane.csv"), "--map", str(MAPS / "methane.yaml"), "--speed", "0.5"), "The speed is 0.5; it must be from 1 to 1000000"),
        ((str(HISTORIES / "methane.csv"), "--map", str(MAPS / "methane.yaml"), "--speed", "nan"), "The speed is nan"),
    ],
)  # fmt: skip
def test_what_cannot_be_played_is_said_in_a_sentence(arguments: tuple[str, ...], sentence: str) -> None:
    """Exit status 2, nothing on stdout, no server started for it."""
    done = davy("replay", *arguments, "--json", timeout_s=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(sentence), done.stderr


def live_settings(stack: Stack) -> dict[str, str]:
    """What somebody who replays into a live system sets."""
    return {
        "DAVY_DATABASE_URL_OWNER": stack.database_url("owner"),
        "DAVY_MQTT_PORT": str(stack.broker.port),
        "DAVY_MQTT_USER": "simulator",
        "DAVY_MQTT_PASSWORD": stack.mqtt_passwords["simulator"],
    }


def test_into_a_live_system_it_ends_now_and_is_marked(tmp_path: Path) -> None:
    """Stamps end at the moment the play ends, on the wall clock; readings and alarms carry the mark; the alarms come as in the file.

    Over TLS where the authority is given. Asked to stop, it says what came so far. A map that speaks for somebody who is not there is refused before it speaks.
    """
    site_file = MAPS / "methane-site.yaml"
    plan = Plan(site_file=site_file, parts=("ingest",), users=False)
    file, map_file = str(HISTORIES / "methane.csv"), MAPS / "methane.yaml"
    with private_stack(plan) as stack:
        settings = live_settings(stack)
        port, authority = tls_listener(stack.broker, tmp_path)
        over_tls = {**settings, "DAVY_MQTT_PORT": str(port), "DAVY_MQTT_TLS_CA": str(authority)}
        began = datetime.now(UTC)
        done = davy("replay", file, "--map", str(map_file), "--speed", "3600", "--json", timeout_s=120.0, **over_tls)
        ended = datetime.now(UTC)
        assert done.returncode == 0, done.stderr
        answer = answer_of(done)
        wanted = raises_in(methane_readings(HISTORIES / "methane.csv"))
        shift = timedelta(milliseconds=answer["shifted_ms"])
        assert answer["readings_stored"] == answer["readings_published"] == 240 * 6
        found = [(each["sensor"], datetime.fromtimestamp(each["at_ms"] / 1000, UTC)) for each in answer["raises"]]
        assert found == [(sensor, at + shift) for sensor, at in wanted]
        with psycopg.connect(stack.database_url("owner")) as connection:
            last, marked, count = connection.execute(
                "SELECT max(measured_at), bool_and(quality & %s <> 0), count(*) FROM reading r JOIN sensor s USING (sensor_id)"
                " WHERE NOT s.is_virtual",
                (int(Mark.REPLAYED),),
            ).fetchone()  # type: ignore[misc]
            told = connection.execute(
                "SELECT bool_and(t.replayed), bool_and(o.replayed) FROM transition t JOIN occurrence o USING (occurrence_id)"
                " JOIN sensor s ON s.sensor_id = t.sensor_id WHERE NOT s.is_virtual"
            ).fetchone()
        assert (marked, count) == (True, 240 * 6)
        assert told == (True, True)
        assert began < last < ended

        stopped = stop_after_some(stack, file, map_file, settings)
        assert 0 < stopped["readings_stored"] == stopped["readings_published"] < 240 * 6

        elsewhere = tmp_path / "elsewhere.yaml"
        elsewhere.write_text(map_file.read_text("utf-8").replace("key: mm31", "key: mm32"), "utf-8")
        done = davy("replay", file, "--map", str(elsewhere), "--json", timeout_s=120.0, **settings)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(
            "elsewhere.yaml, line 16: The database has no sensor mm32 at device mine-gw-1; did you mean mm31?"
        )

        refused = davy(
            "replay",
            file,
            "--map",
            str(map_file),
            "--json",
            timeout_s=120.0,
            **{**settings, "DAVY_MQTT_PASSWORD": "wrong-password"},
        )
        assert (refused.returncode, refused.stdout) == (2, "")
        assert "Device mine-gw-1 does not come online: The broker refuses simulator" in refused.stderr


def stop_after_some(stack: Stack, file: str, map_file: Path, settings: Mapping[str, str]) -> dict[str, int]:
    """Plays slowly, and asks it to stop when something is stored."""
    command = [*DAVY, "replay", file, "--map", str(map_file), "--speed", "600", "--json"]
    with psycopg.connect(stack.database_url("owner"), autocommit=True) as connection:
        count = b"SELECT count(*) FROM reading r JOIN sensor s USING (sensor_id) WHERE NOT s.is_virtual"
        before = connection.execute(count).fetchone()
        process = subprocess.Popen(
            command, env=environment(settings), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert wait_until(lambda: connection.execute(count).fetchone() != before, 30.0)
        process.send_signal(signal.SIGTERM)
        said, problem = process.communicate(timeout=60)
    assert process.returncode == 0, problem
    assert "Asked to stop; saying what came so far." in problem
    answer: dict[str, int] = json.loads(said)
    return answer
