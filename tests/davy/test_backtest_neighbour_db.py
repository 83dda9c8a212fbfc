"""A back-test of another second sensor, over what is really stored: as if the limit had been compared with that one all along."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from core.errors import BadInput
from davy.backtest import store
from davy.backtest.case import open_case
from tests.davy.test_backtest_db import History
from tests.ingest.plant import SITE, install

pytestmark = pytest.mark.db

APART = {
    "sensor": "d1/s2", "detector": "difference", "setpoint": 20.0, "deadband": 1.0, "on_delay_s": 2.0,
    "parameters": json.dumps({"hold_s": 60.0}),
}  # fmt: skip


@pytest.fixture(scope="module")
def history(postgres_timescaledb: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    """The plant of the other back-tests, and afterwards two limits on one sensor: compared with a near one and with one that jumps."""
    from tests.database import clone, drop

    database = clone(postgres_timescaledb)
    limits = [{"key": key, **APART} for key in ("near", "jumps")]
    lived = History(database, install(database, limits=limits), tmp_path_factory.mktemp("spool"))
    with database.connect("owner") as owner:
        for key, other in (("near", "s1"), ("jumps", "s3")):
            owner.execute(
                "UPDATE alarm_definition SET other_sensor_id = (SELECT s.sensor_id FROM sensor s JOIN device v USING (device_id)"
                " WHERE v.key = 'd1' AND s.key = %s) WHERE key = %s",
                (other, key),
            )
    yield lived
    drop(database)


def test_it_is_as_if_it_had_been_compared_with_that_one(history: History) -> None:
    """The readings of the proposed sensor are read and judged, what is known of it counts, and the answer names both by place."""
    tried = history.ask("near", other="d1/s3")
    (told,) = tried["definitions"]
    (stands,) = history.ask("jumps")["definitions"]
    assert told["changes"] == {"other": ["d1/s1", "d1/s3"]}
    assert told["in_force"]["would_fire"] == 0
    assert told["proposed"]["would_fire"] == 1  # the twenty seconds in which s3 is twice what it was
    assert told["proposed"]["fired"] == stands["in_force"]["fired"]
    (back,) = history.ask("jumps", other="d1/s1")["definitions"]
    assert (back["proposed"]["would_fire"], back["in_force"]["fired"]) == (0, told["proposed"]["fired"])
    with history.database.connect("owner") as connection:
        site = store.site_of(connection, SITE)
        assert site is not None
        case = open_case(connection, site, history.question("near", other="d1/s3"), datetime.now(UTC))
    assert case.sensors_of(case.in_force[0]) == sorted(
        sensor.sensor_id
        for sensor in case.sensors.values()
        if sensor.device_key == "d1" and sensor.key in ("s1", "s2", "s3")
    )


def test_a_sensor_that_never_spoke_is_known_for_nothing(history: History) -> None:
    """Else a limit that judges nothing any more would look as if it had been tried."""
    (told,) = history.ask("near", other="d1/s4")["definitions"]
    assert (told["known_share"], told["proposed"]["would_fire"]) == (0.0, 0)


@pytest.mark.parametrize(
    ("wanted", "other", "sentence"),
    [
        ("near", "s3", "other of limit near is 's3'; write device/sensor."),
        ("near", "d1/s9", "limit near is compared with d1/s9, which is no sensor in use at its site."),
        ("near", "d1/s2", "limit near is compared with its own sensor; name another one."),
        ("high-d1", "d1/s3", "limit high-d1 has other; only the detectors difference and drift compare"),
    ],
)
def test_what_cannot_be_compared_is_not_tried(history: History, wanted: str, other: str, sentence: str) -> None:
    """The sentences of a site file."""
    with pytest.raises(BadInput, match=sentence):
        history.ask(wanted, other=other)
