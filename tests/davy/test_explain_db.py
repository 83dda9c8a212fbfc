"""Explanations against a real database: worked out once, kept when readings go, behind the same wall as the readings."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import psycopg
import pytest
from psycopg.types.json import Jsonb

from core.db import transaction
from core.errors import BadInput
from davy.explain import store
from davy.explain.command import read_number, run
from davy.explain.working import explain, explain_what_began, in_force_then
from detectors.why.told import DIFFERS, FORGOTTEN, NO_READINGS, OF_CONDITIONS, SIMULATED, UNCERTAIN, Firing, as_told
from tests.api.plant import Plant, plant
from tests.database import TestDatabase

pytestmark = pytest.mark.db
LIMIT = "lel-pump.lel-1"


def work(made: Plant) -> int:
    """A turn of the duty, as the risk process does it."""
    return int(as_alerting(made, lambda connection: explain_what_began(connection, made.began)))


def as_alerting(made: Plant, ask: Any) -> Any:
    """What is answered to one of Davy's own processes."""
    with (
        psycopg.connect(made.database.url("alerting"), autocommit=True) as connection,
        transaction(connection, made.database.service_token()),
    ):
        return ask(connection)


def raised(made: Plant, **changes: Any) -> int:
    """The gas alarm of company a, with the very reading that is stored: its occurrence."""
    with made.owner() as owner:
        row = owner.execute(
            "SELECT measured_at, value FROM reading WHERE sensor_id = %s AND value >= 20 ORDER BY measured_at LIMIT 1",
            (made.a.sensors["lel-pump"],),
        ).fetchone()
    assert row is not None
    found = made.happen(made.a, LIMIT, row[0], value=changes.get("value", row[1]))
    assert found is not None
    return found


def test_it_is_worked_out_once_and_kept(database: TestDatabase) -> None:
    """With the number that was recorded, what was in force and what was usual; a second turn does nothing."""
    made = plant(database)
    occurrence = raised(made)
    assert work(made) == 1
    assert work(made) == 0
    firing = as_told(*as_alerting(made, lambda c: store.find_kept(c, occurrence)))
    assert firing.problem is None
    assert firing.notes == ()
    assert firing.judged.setpoint == 20.0
    assert firing.played == firing.recorded
    assert firing.usual is not None
    assert firing.usual.high < 20.0
    assert firing.series


def test_it_stays_when_readings_are_gone(database: TestDatabase) -> None:
    """What is kept is told; asked to play again, the command says that there is nothing to play."""
    made = plant(database)
    occurrence = raised(made)
    work(made)
    with made.owner() as owner:
        owner.execute("DELETE FROM reading")
    url, token = database.url("alerting"), database.service_token
    kept = run(url, token, occurrence)
    assert kept.kept
    assert kept.answer()["problem"] is None
    assert any("Gas detector pump house read 20" in line for line in kept.lines())
    assert run(url, token, occurrence, language="zh").answer()["sentence"].startswith("泵房可燃气体探测器")
    again = run(url, token, occurrence, again=True)
    assert again.answer()["problem"] == NO_READINGS
    assert any(line.startswith("Cannot be shown") for line in again.lines())


def test_evidence_is_played_where_days_are_dropped(database: TestDatabase) -> None:
    """What retention has kept of the occurrence is enough for its own window."""
    made = plant(database)
    occurrence = raised(made)
    with made.owner() as owner:
        owner.execute(
            "INSERT INTO evidence_reading (sensor_id, company_id, measured_at, value, quality, batch_no)"
            " SELECT r.sensor_id, %s, measured_at, value, quality, batch_no FROM reading r WHERE sensor_id = %s",
            (made.a.company_id, made.a.sensors["lel-pump"]),
        )
        owner.execute("DELETE FROM reading")
    assert work(made) == 1
    firing = as_told(*as_alerting(made, lambda c: store.find_kept(c, occurrence)))
    assert firing.problem is None
    assert firing.played == firing.recorded


def test_a_number_that_was_recorded_otherwise_is_said(database: TestDatabase) -> None:
    """What was recorded counts, and the page says that it comes out otherwise now."""
    made = plant(database)
    occurrence = raised(made, value=47.5)
    work(made)
    firing = as_told(*as_alerting(made, lambda c: store.find_kept(c, occurrence)))
    assert DIFFERS in firing.notes
    assert firing.recorded == 47.5


def test_the_limit_is_told_as_it_was(database: TestDatabase) -> None:
    """A change since is taken back by the journal; where it does not fit what the occurrence says, that is not certain."""
    made = plant(database)
    occurrence = raised(made)
    with made.owner() as owner:
        owner.execute(
            "INSERT INTO journal (at, company_id, actor, action, subject, old, new, reason) VALUES"
            " (now() + interval '1 minute', %s, 'x', 'limit_changed', 'limit tank-farm/lel-pump.lel-1', %s, %s, 'x')",
            (made.a.company_id, Jsonb({"setpoint": 20.0, "deadband": 0.0}), Jsonb({"setpoint": 30.0, "deadband": 2.0})),
        )
        owner.execute(
            "UPDATE alarm_definition SET setpoint = 30, deadband = 2, version = version + 1 WHERE key = %s AND company_id = %s",
            (LIMIT, made.a.company_id),
        )
    case = as_alerting(made, lambda c: store.find_case(c, occurrence))
    judged, certain = as_alerting(made, lambda c: in_force_then(c, case))
    assert (judged.setpoint, judged.deadband, certain) == (20.0, 0.0, True)
    odd = replace(case, setpoint_then=25.0)
    assert UNCERTAIN in as_alerting(made, lambda c: explain(c, odd)).notes


def test_what_was_made_up_or_counted_is_not_played(database: TestDatabase) -> None:
    """A demo's history never had readings; a compound's number comes from conditions."""
    made = plant(database)
    case = as_alerting(made, lambda c: store.find_case(c, raised(made)))
    assert as_alerting(made, lambda c: explain(c, replace(case, simulated=True))).problem == SIMULATED
    compound = replace(case, in_force={**case.in_force, "detector": "compound"})
    assert as_alerting(made, lambda c: explain(c, compound)).problem == OF_CONDITIONS


def test_what_is_on_its_way_is_waited_for(database: TestDatabase) -> None:
    """An alarm ahead of its readings is not written off at once, but in the end."""
    made = plant(database)
    raised(made)
    with made.owner() as owner:
        owner.execute("DELETE FROM reading")
    assert work(made) == 0
    made.began += timedelta(hours=1)
    assert work(made) == 1


def test_the_wall_is_that_of_the_readings(database: TestDatabase) -> None:
    """The insurer sees nothing before it is resolved or shared, and then no further than its window; another company never."""
    made = plant(database)
    occurrence = raised(made)
    work(made)
    with made.owner() as owner:
        owner.execute(
            "UPDATE occurrence SET evidence_from = began_at - interval '1 minute' WHERE occurrence_id = %s",
            (occurrence,),
        )

    def series(person: int, role: str, *companies: int) -> Any:
        token = database.person_token(person, role, *companies)
        with database.connect("web", token) as connection:
            row = connection.execute("SELECT series FROM v_firing WHERE occurrence_id = %s", (occurrence,)).fetchone()
        return None if row is None else row[0]

    engineer = (made.insurer["risk"], "risk_engineer", made.a.company_id)
    officer = series(made.a.people["officer"], "safety_officer", made.a.company_id)
    assert series(*engineer) is None
    assert series(made.b.people["officer"], "safety_officer", made.b.company_id) is None
    with made.owner() as owner:
        owner.execute("UPDATE occurrence SET shared = true WHERE occurrence_id = %s", (occurrence,))
    seen = series(*engineer)
    assert 0 < len(seen) < len(officer)
    token = database.person_token(engineer[0], "risk_engineer", made.a.company_id)
    with database.connect("web", token) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("SELECT * FROM firing")


def test_what_is_drawn_goes_with_its_evidence(database: TestDatabase) -> None:
    """When it is old enough, resolved, and nothing holds it; words and numbers stay, and what is missing is said. It is not worked out again."""
    made = plant(database)
    occurrence = raised(made)
    assert work(made) == 1
    before = as_told(*as_alerting(made, lambda c: store.find_kept(c, occurrence)))
    assert before.series

    def forget(older_than: timedelta = timedelta(days=5 * 365)) -> int:
        return int(as_alerting(made, lambda c: store.forget_drawn(c, made.began - older_than, 100)))

    def change(query: str) -> None:
        with made.owner() as owner:
            owner.execute(
                query.encode(), {"site": made.a.site_id, "company": made.a.company_id, "occurrence": occurrence}
            )

    assert forget(timedelta(0)) == 0  # the floor of three years, whatever is asked for
    change("UPDATE firing SET worked_at = worked_at - interval '6 years'")
    assert forget() == 0  # its occurrence is young
    change(
        "UPDATE occurrence SET began_at = began_at - interval '6 years', evidence_from = evidence_from - interval '6 years',"
        " evidence_until = evidence_from - interval '6 years' + interval '2 hours'"
    )
    assert forget() == 0  # nobody has resolved it
    change("UPDATE occurrence SET resolved_at = evidence_until")
    hold = (
        "INSERT INTO legal_hold (company_id, site_id, occurrence_id, since, until, held_at, held_by, reason)"
        " VALUES (%(company)s, %(site)s, {}, {}, now(), 'x', 'claim')"
    )
    for about, span in (
        ("NULL", "now() - interval '7 years', NULL"),  # the site then
        ("%(occurrence)s", "now() - interval '1 day', now()"),  # the occurrence, whatever span
    ):
        change(hold.format(about, span))
        assert forget() == 0
        change("UPDATE legal_hold SET released_at = now(), released_by = 'x'")
    assert forget() == 1
    assert forget() == 0
    assert as_told(*as_alerting(made, lambda c: store.find_kept(c, occurrence))) == replace_told(before)
    said = run(database.url("alerting"), database.service_token, occurrence, language="en").lines()
    assert any("no longer kept" in line for line in said)
    assert work(made) == 0
    with (
        psycopg.connect(made.database.url("web"), autocommit=True) as web,
        transaction(web, made.database.service_token()),
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        web.execute("SELECT davy_firing_forget(now(), 1)")


def replace_told(firing: Firing) -> Firing:
    """The same without what was drawn."""
    return msgspec.structs.replace(firing, series=(), notes=(*firing.notes, FORGOTTEN))


def test_what_is_no_occurrence_is_said(timescale_database: TestDatabase) -> None:
    """A number that is not there, an exercise, a word."""
    made = plant(timescale_database)
    url, token = timescale_database.url("alerting"), timescale_database.service_token
    with pytest.raises(BadInput, match="There is no occurrence 999"):
        run(url, token, 999)
    with pytest.raises(BadInput, match="is no number of an occurrence"):
        read_number("gas")
    occurrence = raised(made)
    with made.owner() as owner:
        owner.execute("UPDATE occurrence SET exercise = true WHERE occurrence_id = %s", (occurrence,))
    with pytest.raises(BadInput, match="is an exercise"):
        run(url, token, occurrence)
    assert work(made) == 0
