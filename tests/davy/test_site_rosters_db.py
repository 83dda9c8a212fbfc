"""Duty positions in a site file: in, out again, and what an import says of a hole that it makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import Refused
from davy.site.exporting import export_site
from tests.core.test_site_rosters import TEXT
from tests.database import TestDatabase
from tests.davy.test_site_import import LATER, bring, rows

pytestmark = pytest.mark.db


def test_rosters_come_in_and_go_out_the_same(timescale_database: TestDatabase, tmp_path: Path) -> None:
    """A second import of what was exported changes nothing; a change needs a reason; who leaves makes a hole that is told."""
    bring(timescale_database, tmp_path, TEXT)
    found = rows(
        timescale_database,
        "SELECT r.key, l.key, p.key FROM roster r JOIN roster_layer l USING (roster_id) JOIN roster_member m USING (roster_id, layer)"
        " JOIN person p USING (person_id) ORDER BY r.roster_id, l.layer, m.position",
    )
    assert found == [("duty", "week", "so"), ("duty", "week", "li"), ("duty", "feast", "li"), ("desk", "all", "uw")]
    text = export_site(timescale_database.url("owner"))
    assert bring(timescale_database, tmp_path, text, now=LATER).changes == []
    with pytest.raises(Refused, match="roster north/duty"):
        bring(timescale_database, tmp_path, TEXT.replace("people: [so, li]", "people: [li, so]"), now=LATER)
    gone = TEXT.split("        rosters:")[0].replace("name: 李,", "name: 李, active: false,")
    told = bring(timescale_database, tmp_path, gone, now=LATER, reason="left", two=("so", "li")).notices
    assert any("roster north/duty has nobody on duty at times" in each and "li is not active" in each for each in told)


def test_roll_calls_come_in_and_go_out_the_same(timescale_database: TestDatabase, tmp_path: Path) -> None:
    """How often and within which hours; an exercise that was held since is nothing that the file would have to name."""
    asked = TEXT.replace(
        "holidays: [2026-10-01]",
        'holidays: [2026-10-01]\n            roll_calls: {times: 3, hours: {from: "22:00", until: "06:00"}}',
    )
    assert asked != TEXT
    bring(timescale_database, tmp_path, asked)
    kept = "SELECT key, roll_calls, roll_calls_from::text, roll_calls_until::text FROM roster ORDER BY roster_id"
    assert rows(timescale_database, kept) == [("duty", 3, "22:00:00", "06:00:00"), ("desk", 0, None, None)]
    with timescale_database.connect("owner") as connection:
        connection.execute("SELECT davy_delivery_alarm(site_id) FROM site")
    text = export_site(timescale_database.url("owner"))
    assert "_exercise" not in text
    again = bring(timescale_database, tmp_path, text, now=LATER)
    assert again.changes == []
    assert not any("_exercise" in each or "_delivery" in each for each in again.notices)
    with pytest.raises(Refused, match="roster north/duty"):
        bring(timescale_database, tmp_path, TEXT, now=LATER)
