"""A limit in the table that no detector takes: ingest begins, judges by all others, and people are told of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import StartMosquitto
from tests.database import TestDatabase
from tests.ingest.plant import Installed, install, payload
from tests.ingest.rig import PASSWORDS, Rig, wait_for

pytestmark = [pytest.mark.db, pytest.mark.broker]

# As if the database did not refuse it: an older Davy's, a restored dump, the hand of its superuser.
UNREFUSED = "ALTER TABLE alarm_definition {} TRIGGER taken_by_its_detector"
ACTIVE = "SELECT count(*) FROM alarm a JOIN alarm_definition d USING (definition_id) WHERE d.key = '{}' AND a.active"


@pytest.fixture
def installed(timescale_database: TestDatabase) -> Installed:
    """Two devices, and a number of the site's limits that nobody judges by."""
    return install(timescale_database, devices=2, own=("_broker", "_spool", "_limits"))


@pytest.fixture
def rig(
    timescale_database: TestDatabase, installed: Installed, mosquitto: StartMosquitto, tmp_path: Path
) -> Iterator[Rig]:
    """A worker that does not run yet."""
    found = Rig(timescale_database, mosquitto(PASSWORDS), tmp_path)
    yield found
    found.close()


def spoil(rig: Rig, *, parameters: str) -> None:
    """Writes parameters to the limit of d1, whatever they are, and says so."""
    with rig.database.connect("owner") as owner:
        owner.execute(UNREFUSED.format("DISABLE").encode())
        owner.execute(
            "UPDATE alarm_definition SET parameters = %s::jsonb, version = version + 1 WHERE key = 'high-d1'",
            (parameters,),
        )
        owner.execute(UNREFUSED.format("ENABLE").encode())
        owner.execute("SELECT davy_definitions_changed()")


def say(rig: Rig, seq: int, value: float) -> None:
    """Both devices, one reading each."""
    for device in ("d1", "d2"):
        body = payload(seq, time.time_ns() // 1000, [{"s": "s1", "v": value}])
        rig.publish(f"davy/v1/north/{device}/readings", [body])


def active(rig: Rig, key: str) -> bool:
    """Whether the alarm stands."""
    return bool(rig.one(ACTIVE.format(key)))


@pytest.mark.parametrize("parameters", ['{"nothing": 1}', "[1, 2]", '{"a": 1e400}', '{"a": {"b": null}}'])
def test_ingest_begins_beside_a_limit_that_no_detector_takes(rig: Rig, parameters: str) -> None:
    """It judges by the others, names the one in its log, and an alarm of the site says that somebody must see to it."""
    spoil(rig, parameters=parameters)
    rig.start()
    rig.wait_until_connected()
    say(rig, 0, 60.0)
    wait_for(lambda: active(rig, "high-d2"), "the other limit's alarm", 20)
    wait_for(lambda: active(rig, "_limits"), "the alarm about the limit", 20)
    assert not active(rig, "high-d1")
    (told,) = [line for line in rig.log.read_text().splitlines() if "definition_set_aside" in line]
    assert "high-d1" in told
    assert "error" in told
    assert rig.stop() == 0


def test_a_limit_that_is_spoilt_and_mended_while_ingest_runs(rig: Rig) -> None:
    """Its standing alarm stays while nobody judges by it, over a restart too; once it is mended its next number decides."""
    rig.start()
    rig.wait_until_connected()
    say(rig, 0, 60.0)
    wait_for(lambda: active(rig, "high-d1") and active(rig, "high-d2"), "both alarms", 20)
    spoil(rig, parameters='{"nothing": 1}')
    wait_for(lambda: active(rig, "_limits"), "the alarm about the limit", 20)
    say(rig, 1, 1.0)
    wait_for(lambda: not active(rig, "high-d2"), "the other limit to return to normal", 20)
    assert active(rig, "high-d1")
    assert rig.stop() == 0
    rig.start()
    rig.wait_until_connected()
    say(rig, 2, 60.0)
    wait_for(lambda: active(rig, "high-d2"), "the other limit's alarm", 20)
    assert active(rig, "high-d1")
    spoil(rig, parameters="{}")
    wait_for(lambda: not active(rig, "_limits"), "the alarm about the limit to end", 20)
    say(rig, 3, 1.0)
    wait_for(lambda: not active(rig, "high-d1"), "the mended limit to return to normal", 20)
    assert rig.stop() == 0
