"""A site file and the page change the same route: a round trip, two named people for what loosens it, nothing undone unawares."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from alerting import route_changes
from alerting.store import routes as kept
from core.db import transaction
from core.errors import Refused
from davy.limit_words import limit_words
from davy.site.exporting import export_site
from tests.database import TestDatabase
from tests.davy.test_limit_imports_db import PEOPLE, TWO, bring

pytestmark = pytest.mark.db

LATER = PEOPLE.replace(
    "steps:\n              - {after_s: 0, to: [{person: so, channel: smtp}]}",
    "steps:\n              - {after_s: 30, to: [{person: so, channel: smtp}]}",
)


def on_the_page(database: TestDatabase, *after: float) -> None:
    """The safety officer tells themselves after so many seconds each."""
    with database.connect("owner") as owner:
        row = owner.execute(
            "SELECT r.route_id, p.person_id, r.company_id FROM route r, person p WHERE r.key = 'all' AND p.key = 'so'"
        ).fetchone()
    assert row is not None
    route, person, company = (int(str(each)) for each in row)
    steps: list[dict[str, Any]] = [{"after_s": each, "to": [{"person": "so", "channel": "smtp"}]} for each in after]
    with database.connect("web") as web, transaction(web, database.person_token(person, "safety_officer", company)):
        found = kept.route_in_force(web, route)
        assert found is not None
        route_changes.propose(
            web, route, person_id=person, now=datetime.now(UTC), was=route_changes.mark(found.row), steps=steps, reason="nights",
            words=limit_words().words,
        )  # fmt: skip


def test_what_is_in_force_is_exported_and_imports_to_the_same(timescale_database: TestDatabase, tmp_path: Path) -> None:
    """Changed on the page, it stands in the export, and that changes nothing."""
    bring(timescale_database, tmp_path, PEOPLE)
    on_the_page(timescale_database, 0, 300)
    text = export_site(timescale_database.url("owner"))
    assert "after_s: 300" in text
    assert bring(timescale_database, tmp_path, text).changes == []


def test_a_file_that_is_older_than_the_page_says_what_it_would_undo(
    timescale_database: TestDatabase, tmp_path: Path
) -> None:
    """Refused with who and when; a dry run tells it; with --undo, and two people, it is done and both are written down."""
    bring(timescale_database, tmp_path, PEOPLE)
    on_the_page(timescale_database, 0, 300)
    told = bring(timescale_database, tmp_path, PEOPLE, reason="r", dry_run=True, **TWO).notices
    assert any("undoes what" in each and "nights" in each for each in told)
    with pytest.raises(Refused, match="older than changes made on the page"):
        bring(timescale_database, tmp_path, PEOPLE, reason="r", **TWO)
    bring(timescale_database, tmp_path, PEOPLE, reason="as agreed", undo=True, **TWO)
    with timescale_database.connect("owner") as owner:
        rows = owner.execute(
            "SELECT by_file, c.reason, j.action FROM route_change c JOIN journal j USING (journal_id) ORDER BY change_id"
        ).fetchall()
    assert [row[0] for row in rows] == [False, True]
    assert rows[1][1] == "as agreed"


def test_a_file_that_lets_life_safety_wait_names_two_people(timescale_database: TestDatabase, tmp_path: Path) -> None:
    """As the page does; sooner, or one more, takes a reason only."""
    bring(timescale_database, tmp_path, PEOPLE)
    assert LATER != PEOPLE
    with pytest.raises(Refused, match="Two people answer"):
        bring(timescale_database, tmp_path, LATER, reason="r")
    bring(timescale_database, tmp_path, LATER, reason="r", **TWO)
    bring(timescale_database, tmp_path, PEOPLE, reason="r")
