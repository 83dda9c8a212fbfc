"""A site file with every kind of entry at once: in, out again, and into another database, with what Davy adds by itself left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from davy.site.exporting import export_site
from tests.core.test_site_rosters import TEXT
from tests.database import TestDatabase, clone, drop
from tests.davy.test_compounds_db import COMPOUND, FAN
from tests.davy.test_site_calm_db import CALM
from tests.davy.test_site_import import LATER, bring, rows
from tests.davy.test_site_suppressions_db import RULES

pytestmark = pytest.mark.db

ROUTES = "        routes:\n"
RUN = '              - {key: run, name: {en: Runs, zh: 运行}, zone: hall, quantity: contact, unit: "1"}\n'
ROLL_CALLS = 'holidays: [2026-10-01]\n            roll_calls: {times: 3, hours: {from: "22:00", until: "06:00"}}'
MODEL = (
    "assets: [{key: p1, kind: pump, name: {en: Pump, zh: 泵}, model: {members: [gas-1/ch4, gas-1/fan]}}]",
    "assets: [{key: p1, kind: pump, name: {en: Pump, zh: 泵}}]",
)
WHOLE = (
    TEXT.replace("holidays: [2026-10-01]", ROLL_CALLS)
    .replace("        rosters:\n", FAN + RUN + COMPOUND + "        rosters:\n")
    .replace(MODEL[1], MODEL[0])
    + RULES
    + CALM.replace("effects: [ch4.warm]", "effects: [ch4.warm, _compound.unvented]")
)
PAGES = """
    SELECT davy_exercise_alarm(site_id, 'low') FROM site;
    SELECT davy_delivery_alarm(site_id) FROM site;
    INSERT INTO roster_calendar (roster_id, company_id, url, host, set_by, set_at)
    SELECT r.roster_id, r.company_id, 'https://calendar.invalid/secret.ics', 'calendar.invalid', p.person_id, now()
    FROM roster r JOIN person p ON p.key = 'so' WHERE r.key = 'duty'"""
COUNTS = """
    SELECT (SELECT count(*) FROM roster), (SELECT count(*) FROM roster_layer), (SELECT max(roll_calls) FROM roster), (SELECT count(*) FROM compound),
           (SELECT count(*) FROM suppression_rule), (SELECT count(*) FROM site_calm), (SELECT count(*) FROM site_cause),
           (SELECT count(*) FROM route_step WHERE roster_id IS NOT NULL)"""


def test_all_of_it_comes_in_and_goes_out_the_same(timescale_database: TestDatabase, tmp_path: Path) -> None:
    """What an export says changes nothing where it came from, whatever people and Davy have added since that no file names."""
    bring(timescale_database, tmp_path, WHOLE)
    assert rows(timescale_database, COUNTS) == [(2, 3, 3, 1, 2, 1, 2, 4)]
    text = export_site(timescale_database.url("owner"))
    with timescale_database.connect("owner") as connection:
        for statement in PAGES.split(";"):
            connection.execute(statement.encode())
    assert export_site(timescale_database.url("owner")) == text
    assert not any(word in text for word in ("_exercise", "_delivery", "secret.ics"))
    again = bring(timescale_database, tmp_path, text, now=LATER)
    assert again.changes == []
    assert [each for each in again.notices if "_exercise" in each or "_delivery" in each] == []
    assert rows(timescale_database, "SELECT count(*) FROM roster_calendar") == [(1,)]


def test_an_export_makes_another_database_the_same(timescale_database: TestDatabase, tmp_path: Path) -> None:
    """A site moves to another installation by its file: nothing of it is lost on the way."""
    bring(timescale_database, tmp_path, WHOLE)
    text = export_site(timescale_database.url("owner"))
    other = clone(timescale_database.server)
    try:
        bring(other, tmp_path, text)
        assert rows(other, COUNTS) == rows(timescale_database, COUNTS)
        assert export_site(other.url("owner")) == text
    finally:
        drop(other)
