"""The database judges a change of a limit as Python does: what is judged by, what is looser, what life safety hangs on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from psycopg import Connection
from psycopg.types.json import Jsonb

from core.limit_checks import ceiling_s
from core.model import Priority
from core.portfolio import DefinitionRow
from core.sensor_faults import OF_SENSOR, heard_gone_within, raised_for_life_safety
from core.site_defaults import LIFE_SAFETY_STALE
from core.strictness import loosened
from davy.site.importing import shipped_limits
from detectors.registry import DETECTORS
from tests.alerting.test_limit_gate import ROW
from tests.database import TestDatabase, clone, drop

pytestmark = pytest.mark.db

CHANGES: list[dict[str, Any]] = [
    {"other": "d/u"}, {"setpoint": 79.0}, {"setpoint": 81.0}, {"deadband": 0.5}, {"deadband": 2.0}, {"on_delay_s": 0.0}, {"on_delay_s": 5.1},
    {"off_delay_s": 30.0}, {"off_delay_s": 61.0}, {"priority": "life-safety"}, {"priority": "medium"}, {"latch": False},
    {"latch": True}, {"retired": True}, {"parameters": {"window_s": 61.0}}, {"parameters": {"window_s": 60.0}}, {"title": "x"},
    {"votes": 3, "votes_of": 4}, {"setpoint": 79.0, "on_delay_s": 9.0},
]  # fmt: skip
FULL = replace(ROW, deadband=1.0, on_delay_s=5.0, off_delay_s=60.0, latch=True, parameters={"window_s": 60.0})
ROWS = [FULL, replace(FULL, direction="low", latch=False), replace(FULL, retired=True)]


@pytest.fixture(scope="module")
def owner(postgres_plain: Any) -> Iterator[Connection[Any]]:
    """The owner of an empty database."""
    database: TestDatabase = clone(postgres_plain)
    with database.connect("owner") as connection:
        yield connection
    drop(database)


def test_what_is_judged_by_is_one_list(owner: Connection[Any]) -> None:
    """Else a proof of a change of priority, which moves the re-alarm with it, is of another change by SQL alone."""
    every = Jsonb(dict.fromkeys(DefinitionRow.__dataclass_fields__, 1))
    row = owner.execute('SELECT davy_limit_judged(%s), davy_limit_judged(\'{"title": "x"}\')', (every,)).fetchone()
    assert row is not None
    assert set(row[0]) == DefinitionRow.judging
    assert row[1] == {}


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("change", CHANGES)
def test_what_is_looser_is_looser_in_the_database(
    owner: Connection[Any], row: DefinitionRow, change: dict[str, Any]
) -> None:
    """core/strictness.py and davy_limit_looser(): two sets of words, one answer."""
    typed: dict[str, Any] = {n: Priority(value) if n == "priority" else value for n, value in change.items()}
    stored = {**row.columns(), "retired_at": "2026-01-01T00:00:00Z" if row.retired else None}
    found = owner.execute(
        "SELECT davy_limit_looser(jsonb_populate_record(NULL::alarm_definition, %s), %s)",
        (Jsonb(stored), Jsonb(change)),
    ).fetchone()
    assert found == (bool(loosened(row, replace(row, **typed))),)


@pytest.mark.parametrize("smuggled", [{"setpoint": "NaN"}, {"setpoint": "79"}, {"retired": "true"}, {"retired": "t"}])
def test_a_number_in_quotes_is_no_stricter_number(owner: Connection[Any], smuggled: dict[str, Any]) -> None:
    """What no page would write is looser until proven otherwise."""
    row = owner.execute(
        "SELECT davy_limit_looser(jsonb_populate_record(NULL::alarm_definition, %s), %s)",
        (Jsonb({**replace(FULL, direction="low").columns()}), Jsonb(smuggled)),
    ).fetchone()
    assert row == (True,)


def test_what_tells_of_the_sensor_is_one_list(owner: Connection[Any]) -> None:
    """core/sensor_faults.py and davy_of_sensor()."""
    rows = owner.execute(
        "SELECT d FROM unnest(%s::text[]) d WHERE davy_of_sensor(d)", ([*DETECTORS, "another"],)
    ).fetchall()
    assert {str(row[0]) for row in rows} == OF_SENSOR


FAULT = replace(
    ROW, detector="stuck", priority=Priority.MEDIUM, respond_within_s=28800.0, realarm_after_s=86400.0, parameters={}
)
SILENT = replace(FAULT, detector="stale", parameters={"periods": 5.0})
FAULTS = [
    FAULT, replace(FAULT, priority=Priority.LOW, realarm_after_s=None), replace(FAULT, priority=Priority.LOW), replace(FAULT, realarm_after_s=None),
    replace(FAULT, respond_within_s=600.0), replace(FAULT, realarm_after_s=7200.0), replace(FAULT, priority=Priority.HIGH),
    replace(FAULT, priority=Priority.LIFE_SAFETY), replace(FAULT, detector="noise"), SILENT, replace(SILENT, priority=Priority.HIGH),
    replace(SILENT, parameters={"periods": 5.0, "ceiling_s": 60.0}), replace(SILENT, parameters={"periods": 5.0, "ceiling_s": 61.0, "x": 1.0}),
    replace(SILENT, parameters={"periods": 0.0}), replace(SILENT, parameters={}), replace(FAULT, parameters={"periods": 5.0}),
]  # fmt: skip


@pytest.mark.parametrize("row", FAULTS)
def test_a_fault_is_raised_to_what_an_import_makes_of_it(owner: Connection[Any], row: DefinitionRow) -> None:
    """davy_fault_raised(), core/sensor_faults.py and the pack's ceiling: one answer."""
    most_s = ceiling_s(shipped_limits()[LIFE_SAFETY_STALE].rule.parameters)
    wanted = raised_for_life_safety(heard_gone_within(row, most_s)).columns()
    before = row.columns()
    found = owner.execute(
        "SELECT davy_fault_raised(jsonb_populate_record(NULL::alarm_definition, %s))", (Jsonb(dict(before)),)
    ).fetchone()
    assert found == ({name: value for name, value in wanted.items() if value != before[name]},)
