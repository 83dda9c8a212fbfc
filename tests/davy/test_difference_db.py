"""A limit on the difference of two sensors: from a site file by way of the database to its events, and back into a file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import psycopg
import pytest

from alerting.proposal import Signal
from alerting.store.definitions import load_definitions
from alerting.store.limits import limit_in_force, limits_of_site, sensors_of_site
from api.store.backtests import choices
from api.store.limits import find_limit
from core.batch import Event, ReadingBatch
from core.limit_form import read_change
from core.packs import standard_of
from davy.site.exporting import export_site
from davy.site.importing import import_site, vocabulary
from ingest.judge import Judge
from ingest.store.portfolio import load_portfolio
from tests.core.test_site_difference import TEXT
from tests.database import TestDatabase

pytestmark = pytest.mark.db

START = datetime(2026, 3, 2, tzinfo=UTC)
START_US = int(START.timestamp()) * 1_000_000
S = 1_000_000


def test_two_heads_that_disagree_are_an_alarm(database: TestDatabase, tmp_path: Path) -> None:
    """Imported, loaded and judged like any limit; a silent partner ends the judging and not the alarm; the export reads back the same."""
    file = tmp_path / "site.yaml"
    file.write_text(TEXT, "utf-8")
    import_site(database.url("owner"), file, actor="tester", reason="", now=START)
    with psycopg.connect(database.url("ingest"), autocommit=True) as connection:
        directory, definitions = load_portfolio(connection, database.service_token())
    judge = Judge(directory, definitions)
    slots = {sensor.key: slot for slot, sensor in enumerate(directory.sensors)}
    mine = {d.definition_id for d in definitions.definitions if d.detector == "difference"}

    def heard(*rows: tuple[str, float, float]) -> list[Event]:
        """(sensor, seconds, value) in one batch; what becomes of the difference."""
        at = np.array([START_US + round(second * S) for _, second, _ in rows])
        slot = np.array([slots[key] for key, _, _ in rows], np.int32)
        value = np.array([each for _, _, each in rows])
        batch = ReadingBatch(slot, at, at, at, value, np.zeros(len(rows), np.uint8))
        found = judge.judge(batch, np.zeros(len(rows), np.bool_), int(at.max()), 0).events
        return [event for event in found if event.definition_id in mine]

    assert heard(("ch4", 0, 1.0), ("ch4-b", 0, 1.0)) == []
    assert heard(("ch4-b", 4, 9.0)) == []  # the other has not come to that instant
    both = [(key, second, value) for second in range(8, 40, 4) for key, value in (("ch4", 1.0), ("ch4-b", 9.0))]
    (began,) = heard(("ch4", 4, 1.0), *both)
    assert (began.active, began.at, began.value) == (True, START_US + 5 * S, 8.0)
    # The partner falls silent: nothing is judged, and the alarm stands.
    assert heard(*(("ch4-b", second, 9.0) for second in range(40, 400, 4))) == []
    assert mine & {key for key, _ in judge.standing()}
    ended = heard(("ch4", 400.0, 1.0), ("ch4-b", 400.0, 1.0))
    assert [event.active for event in ended] == [False]
    with psycopg.connect(database.url("owner"), autocommit=True) as connection:  # as page, JSON and lint read it
        shown = find_limit(connection, next(iter(mine)))
        assert shown is not None
        assert shown.other == "gas-1/ch4"
        in_force = limit_in_force(connection, next(iter(mine)))
        assert in_force is not None
        assert in_force.other == Signal("gas-1/ch4", "%{LEL}", "combustible gas", None)
        (choice,) = choices(connection, next(iter(mine)))
        with connection.transaction():  # they are read in parts
            (loaded,) = (each for each in load_definitions(connection) if each.detector == "difference")
        assert choice.as_definition() == loaded
        assert choice.as_other_signal() == Signal("ch4", "%{LEL}", "combustible gas", None)
        owner = connection.execute("UPDATE sensor SET period_s = 4, period_declared = true WHERE key = 'ch4'")
        assert owner.rowcount == 1
        in_force = limit_in_force(connection, next(iter(mine)))
        assert in_force is not None
        standard = standard_of(in_force.row, in_force.sensor.unit, {})
        typed = {"on_delay_s": "2"}
        _, mistakes = read_change(in_force.row, typed, in_force.sensor, vocabulary(), standard, in_force.other)
        assert [name for name, _ in mistakes] == ["on_delay_s"]
        assert "limit ch4-b.agree waits up to 6 s: 2 s by its delay and votes, and 4 s until" in mistakes[0][1]
        beside, typed = (
            sensors_of_site(connection, in_force.site_id),
            {"other": "gas-1/slow", "parameters.hold_s": "60"},
        )
        _, mistakes = read_change(in_force.row, typed, in_force.sensor, vocabulary(), standard, in_force.other, beside)
        assert [name for name, _ in mistakes] == ["other"]
        assert "and 60 s until the slower of ch4-b and slow has spoken; on gas" in mistakes[0][1]
        wanted, mistakes = read_change(
            in_force.row, {"other": "gas-1/t"}, in_force.sensor, vocabulary(), standard, None, beside
        )
        assert (wanted.other, [name for name, _ in mistakes]) == ("gas-1/t", ["other"])
        connection.execute("UPDATE sensor SET period_declared = false WHERE key = 'ch4'")
        seen = {row.key: row.other for row in limits_of_site(connection, "north")[0].definitions}
        assert (seen["ch4-b.agree"], seen["ch4.warm"]) == ("gas-1/ch4", None)
    text = export_site(database.url("owner"))
    assert "other: gas-1/ch4" in text
    file.write_text(text, "utf-8")
    assert not import_site(database.url("owner"), file, actor="tester", reason="", now=START).changes
