"""Compounds from a site file to the evidence on an occurrence, against a real database."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import psycopg
import pytest

from alerting.apply import apply_events
from alerting.store.compounds import load_compounds
from core.batch import Event, ReadingBatch
from core.db import transaction
from core.errors import BadSiteFile
from davy.site.exporting import export_site
from davy.site.importing import Imported, import_site
from ingest.judge import Judge
from ingest.store.portfolio import load_portfolio
from tests.core.sites import SMALL, line_of
from tests.database import TestDatabase

pytestmark = pytest.mark.db

START = datetime(2026, 3, 2, tzinfo=UTC)
START_US = int(START.timestamp()) * 1_000_000
S = 1_000_000
FAN = """\
              - key: fan
                name: {en: Fan, zh: 风机}
                quantity: contact
                unit: "1"
"""
TEXTS = """\
            priority: high
            respond_within_s: 300
            title: {en: Gas and no fan, zh: 有气无风}
            consequence: {en: It gathers., zh: 气体积聚。}
            response: {en: Leave., zh: 撤离。}
            source: plant
"""
COMPOUND = (
    """\
        compounds:
          - key: unvented
            name: {en: Gas and no fan, zh: 有气无风}
            zone: hall
            needed: 2
            window_s: 60
"""
    + TEXTS
    + """\
            parts:
              - limit: ch4.warm
              - sensor: gas-1/fan
                name: {en: Fan off, zh: 风机停}
                direction: low
                setpoint: 0.5
"""
)
TEXT = SMALL.replace("        routes:\n", FAN + COMPOUND + "        routes:\n")


def bring(database: TestDatabase, folder: Path, text: str, reason: str = "") -> Imported:
    file = folder / "site.yaml"
    file.write_text(text, "utf-8")
    return import_site(database.url("owner"), file, actor="tester", reason=reason, now=START)


def test_it_goes_off_before_any_limit_and_shows_its_parts(database: TestDatabase, tmp_path: Path) -> None:
    """Imported, judged, applied: one occurrence on its virtual sensor, each part frozen with number, instant and the names it bore when
    it was judged, however late it is stored; its own part is no alarm."""
    bring(database, tmp_path, TEXT)
    with psycopg.connect(database.url("ingest"), autocommit=True) as connection:
        directory, definitions = load_portfolio(connection, database.service_token())
        assert [d.definition_id > 0 for d in definitions.definitions].count(False) == 1
        judge = Judge(directory, definitions)
        slots = {sensor.key: slot for slot, sensor in enumerate(directory.sensors)}
        at = START_US + np.array([1, 2, 10]) * S
        values = np.array([0.0, 16.0, 16.0])
        slot = np.array([slots["fan"], slots["ch4"], slots["ch4"]], np.int32)
        batch = ReadingBatch(slot, at, at, at, values, np.zeros(3, np.uint8))
        judgement = judge.judge(batch, np.zeros(3, np.bool_), START_US + 11 * S, 0)
        keys = {d.definition_id: d.key for d in definitions.definitions}
        assert [(keys[e.definition_id], e.active) for e in judgement.events] == [
            ("ch4.warm", True),
            ("_compound.unvented", True),
        ]
        assert judge.compounds.numbers() == {judgement.events[1].sensor_id: 2.0}
        # It is stored late: by then the part has another name and another number, and stands in another place.
        (tmp_path / "later").mkdir()
        parts = TEXT[TEXT.index("              - limit: ch4.warm\n") :].partition("        routes:")[0]
        limit_first, own = parts.split("              - sensor", 1)
        turned = "              - sensor" + own + limit_first
        later = (
            TEXT.replace(parts, turned).replace("Fan off", "Ventilation off").replace("setpoint: 0.5", "setpoint: 0.4")
        )
        bring(database, tmp_path / "later", later, reason="renamed")
        spooled = msgspec.msgpack.decode(msgspec.msgpack.encode(judgement.events), type=list[Event])
        assert spooled == judgement.events
        with transaction(connection, database.service_token()):
            apply_events(connection, spooled, now=START, batch_no=1)
        assert all(definition_id > 0 for definition_id, _ in judge.standing())
    with database.connect("owner") as connection:
        rows: list[Any] = connection.execute("SELECT at, parts FROM compound_evidence").fetchall()
    (raised_at, (limit, fan)) = rows[0]
    assert raised_at.timestamp() * S == START_US + 2 * S
    assert (limit["limit"], limit["name_zh"], limit["value"], limit["counts"]) == ("ch4.warm", "少量可燃气", 16.0, True)
    assert (fan["limit"], fan["sensor"], fan["name"], fan["value"], fan["setpoint"]) == (
        None, "gas-1/fan", "Fan off", 0.0, 0.5,
    )  # fmt: skip
    assert datetime.fromisoformat(fan["began_at"]).timestamp() * S == START_US + S


def test_an_export_of_compounds_imports_to_the_same_and_a_change_judges_afresh(
    database: TestDatabase, tmp_path: Path
) -> None:
    """Round trip; a changed part is a new version and in the journal; a retired compound is judged no more."""
    bring(database, tmp_path, TEXT)
    text = export_site(database.url("owner"))
    assert "needed: 2.0" in text
    assert bring(database, tmp_path, text).changes == []
    changed = bring(database, tmp_path, TEXT.replace("setpoint: 0.5", "setpoint: 0.4"), reason="a lower contact")
    assert [change.subject for change in changed.changes] == ["compound north/unvented"]
    with database.connect("owner") as connection:
        ((compound,), (own,)) = load_compounds(connection)
        assert (own.version, own.setpoint, compound.window_us) == (2, 0.4, 60 * S)
        journal = connection.execute("SELECT old, new FROM journal WHERE action = 'compound_changed'").fetchall()
        assert "0.5" in str(journal[0][0])
        assert "0.4" in str(journal[0][1])
    bring(
        database, tmp_path, TEXT.replace("- key: unvented", "- key: unvented\n            retired: true"), reason="gone"
    )
    with database.connect("owner") as connection:
        assert load_compounds(connection) == ([], [])


TWO_OWN = TEXT.replace(
    "              - sensor: gas-1/fan\n",
    """\
              - sensor: gas-1/ch4
                name: {en: Gas rises, zh: 气体上升}
                setpoint: 10
              - sensor: gas-1/fan
""",
)
FIRST, SECOND_PART = TWO_OWN[TWO_OWN.index("              - sensor: gas-1/ch4") :].split(
    "              - sensor: gas-1/fan"
)
OTHERS = "              - sensor: gas-1/fan" + SECOND_PART.partition("        routes:")[0]


def test_parts_that_change_places_keep_what_is_known_of_them(database: TestDatabase, tmp_path: Path) -> None:
    """Whatever the order, a part is the condition it was: none inherits another's, and nothing is raised by a change of the file."""
    bring(database, tmp_path, TWO_OWN)
    slots, judge = judged_by(database)
    judge.advance(readings((slots["fan"], 1, 1.0), (slots["ch4"], 1, 12.0)), START_US + 2 * S, 0)
    assert judge.standing() == frozenset()
    turned = TWO_OWN.replace(FIRST + OTHERS, OTHERS + FIRST)
    assert turned != TWO_OWN
    assert bring(database, tmp_path, turned, reason="another order").changes
    _, after = judged_by(database)
    after.restore(judge.state())
    before_ids = {(d.sensor_id, d.definition_id) for d in judge.definitions.definitions if d.definition_id < 0}
    assert {(d.sensor_id, d.definition_id) for d in after.definitions.definitions if d.definition_id < 0} == before_ids
    assert after.advance(ReadingBatch.empty(), START_US + 3 * S, 0) == []
    assert list(after.compounds.numbers().values()) == [1.0]
    assert after.advance(readings((slots["fan"], 4, 1.0)), START_US + 4 * S, 0) == []


def test_a_part_goes_on_under_a_changed_number_and_not_under_another_sensor(
    database: TestDatabase, tmp_path: Path
) -> None:
    """A changed setpoint clears nothing by itself; what stands in its place but is another condition has an id never used before."""
    bring(database, tmp_path, TWO_OWN)
    first = own_ids(database)
    bring(database, tmp_path, TWO_OWN.replace("setpoint: 10\n", "setpoint: 11\n"), reason="a little more")
    assert own_ids(database) == first
    another = TWO_OWN.replace("setpoint: 10\n", "setpoint: 10\n                direction: low\n")
    bring(database, tmp_path, another, reason="the other way")
    changed = own_ids(database)
    assert changed[1:] == first[1:]
    assert changed[0] < min(first)
    bring(database, tmp_path, TWO_OWN, reason="back")
    assert own_ids(database)[0] < min(changed)


def judged_by(database: TestDatabase) -> tuple[dict[str, int], Judge]:
    with psycopg.connect(database.url("ingest"), autocommit=True) as connection:
        directory, definitions = load_portfolio(connection, database.service_token())
    return {sensor.key: slot for slot, sensor in enumerate(directory.sensors)}, Judge(directory, definitions)


def readings(*rows: tuple[int, float, float]) -> ReadingBatch:
    slot, at_s, values = zip(*rows, strict=True)
    at = np.array([START_US + int(s * S) for s in at_s], np.int64)
    return ReadingBatch(np.array(slot, np.int32), at, at, at, np.array(values), np.zeros(len(slot), np.uint8))


def own_ids(database: TestDatabase) -> list[int]:
    with database.connect("owner") as connection:
        return [each.definition_id for each in load_compounds(connection)[1]]


def test_the_database_knows_what_is_retired_and_elsewhere(database: TestDatabase, tmp_path: Path) -> None:
    """A part that an earlier import retired is told with its line."""
    bring(database, tmp_path, TEXT)
    without = TEXT.replace(
        "                  - key: warm\n", "                  - key: warm\n                    retired: true\n"
    )
    with pytest.raises(BadSiteFile) as caught:
        bring(database, tmp_path, without, reason="no more")
    line = line_of(without, "- limit: ch4.warm")
    assert (
        line,
        "compound north/unvented has the part ch4.warm, which is retired; leave it out, or retire the compound.",
    ) in (caught.value.mistakes)
