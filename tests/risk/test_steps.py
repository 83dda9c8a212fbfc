"""Steps of a finding cannot be invented, dated back or left out, whoever's token a smuggled statement finds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from core.db import transaction
from risk import findings as acts
from risk import impairments
from risk.finding import Plan
from risk.impairment import Outage
from tests.alerting.plant import NOW
from tests.api import plant as today
from tests.database import TestDatabase
from tests.risk.conftest import DAY, Works
from tests.risk.test_impairments_db import begun

pytestmark = pytest.mark.db

HOUR = timedelta(hours=1)
STEP = (
    "INSERT INTO finding_event (company_id, finding_id, at, person_id, event, from_state, to_state, old, new)"
    " VALUES (%(company)s, %(finding)s, %(at)s, %(person)s, %(event)s, %(from)s, %(to)s, %(old)s::jsonb, %(new)s::jsonb)"
)
FINDING = (
    "INSERT INTO finding (company_id, site_id, source, title, grade, reported_at, reported_by)"
    " VALUES (%(company)s, %(site)s, 'person', 'x', 'major', %(at)s, %(me)s)"
)
PHOTO = (
    "INSERT INTO finding_photo (company_id, finding_id, at, person_id, shows, width, height, jpeg, sha256)"
    " VALUES (%(company)s, %(finding)s, %(at)s, %(me)s, 'before', 1, 1, '', '')"
)
CLOSED = "UPDATE finding SET state = 'closed', verified_by = %(me)s, closed_at = %(at)s WHERE finding_id = %(finding)s"
IMPAIRMENT = (
    "INSERT INTO impairment (company_id, site_id, kind, what, reason, interim_measures, began_at, expected_until, reported_at,"
    " reported_by) VALUES (%(company)s, %(site)s, 'other', 'x', 'x', 'x', %(began)s, %(began)s + interval '1 d', %(at)s, %(me)s)"
)
RESTORED = (
    "UPDATE impairment SET restored_at = %(restored)s, restored_by = %(me)s, restore_proof = 'x'"
    " WHERE impairment_id = %(impairment)s"
)
DUE = (NOW + 7 * DAY).isoformat()  # as `Works.plan` settles it
# The finding of these is said to be done, since a day after NOW; what is left out is honest.
FORGED: dict[str, tuple[dict[str, Any], str]] = {
    "verified by word alone": ({"event": "verified", "to": "closed"}, "ends where the finding stands"),
    "closed in a note": ({"to": "closed"}, "ends where the finding stands"),
    "sent back by word alone": ({"event": "sent_back", "to": "rectifying"}, "ends where the finding stands"),
    "from another state": ({"from": "rectifying"}, "begins where the one before it ended"),
    "reported a second time": ({"event": "reported", "from": None, "to": "reported"}, "begins where the one before it ended"),
    "a verification that leaves it as it is": ({"event": "verified"}, "no such step"),
    "put in hand while a claim waits": ({"event": "assigned"}, "no such step"),
    "taken tomorrow": ({"at": datetime.now(UTC) + DAY}, "when it is taken"),
    "taken at no time": ({"at": "infinity"}, "when it is taken"),
    "taken before the last one": ({"at": NOW}, "not older than the one before it"),
    "put off by word alone": ({"event": "extended", "old": {"due_at": DUE}, "new": {"due_at": (NOW + 90 * DAY).isoformat()}}, "deadline"),
    "a deadline that never was": ({"event": "extended", "old": {"due_at": (NOW + 90 * DAY).isoformat()}, "new": {"due_at": DUE}}, "deadline"),
    "put off without a deadline": ({"event": "extended", "old": {"due_at": DUE}}, "deadline"),
    "graded by word alone": ({"event": "graded", "old": {"grade": "general"}, "new": {"grade": "major"}}, "grade"),
    "a grade that never was": ({"event": "graded", "old": {"grade": "major"}, "new": {"grade": "general"}}, "grade"),
    "of a finding that is not there": ({"finding": 999_999}, "a finding that is there"),
}  # fmt: skip
UNREADABLE = ("tomorrow", "2026-13-01T00:00:00Z", "2026-12-01 08:00", "2026-12-01T08:00", "infinity", "")


def step(works: Works, finding: int, /, **changes: Any) -> dict[str, Any]:
    """An honest note of the officer, but for the changes."""
    honest = {
        "company": works.plant.company, "finding": finding, "at": NOW + 2 * DAY, "person": works.id_of("officer"), "event": "noted",
        "from": "claimed_done", "to": "claimed_done", "old": None, "new": None,
    }  # fmt: skip
    told = {**honest, **changes}
    return {name: Jsonb(value) if isinstance(value, dict) else value for name, value in told.items()}


def refused(connection: psycopg.Connection[Any], sentence: str, statement: str, values: dict[str, Any]) -> None:
    """By the wall, in words; nothing of it is kept."""
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match=sentence), connection.transaction():
        connection.execute(statement, values)


def test_a_step_says_what_the_finding_says(works: Works) -> None:
    """Each with its own sentence, under a token that may write steps; the honest one beside them is taken."""
    finding = works.claimed()
    with works.as_person("officer") as connection:
        for changes, sentence in FORGED.values():
            refused(connection, sentence, STEP, step(works, finding, **changes))
        connection.execute(STEP, step(works, finding))
    with works.plant.as_service("alerting") as connection:
        refused(connection, "ends where", STEP, step(works, finding, event="verified", to="closed", person=None))
        connection.execute(STEP, step(works, finding, person=None))
    assert [row[0] for row in works.events(finding)][-3:] == ["claimed_done", "noted", "noted"]


def test_a_deadline_that_cannot_be_read_is_refused_to_everybody(timescale_works: Works) -> None:
    """It would break every reader of `v_finding_step`, or mean something else to each."""
    works = timescale_works
    finding = works.claimed()
    database = works.plant.database
    tokens = {
        "owner": None,
        "web": database.person_token(works.third, "safety_officer", works.plant.company),
        "alerting": database.service_token(),
    }
    for role, token in tokens.items():
        with database.connect(role, token) as connection:
            for text, place in product(UNREADABLE, ("old", "new")):
                told = step(works, finding, event="extended", **{place: {"due_at": text}})
                with pytest.raises(psycopg.errors.InvalidDatetimeFormat, match="an instant with its zone"):
                    connection.execute(STEP, told)


def test_a_step_is_numbered_when_it_is_its_turn(timescale_works: Works) -> None:
    """A number of one's own choice would put it before what was there."""
    works = timescale_works
    finding = works.claimed()
    chosen = STEP.replace("(company_id", "(event_id, company_id").replace(
        "VALUES (", "OVERRIDING SYSTEM VALUE VALUES (-5, "
    )
    with works.as_person("officer") as connection:
        connection.execute(chosen, step(works, finding))
    assert works.events(finding)[-1][0] == "noted"


CHANGES = {
    "closed": "state = 'closed', closed_at = %(at)s, verified_by = %(me)s",
    "sent back": "state = 'rectifying', claimed_by = NULL, claimed_at = NULL, reopened = reopened + 1",
    "put off": "due_at = due_at + interval '1 day'",
    "graded": "grade = 'major', graded_by = %(me)s",
    "graded in another's name": "graded_by = %(me)s",
    "another plan": "measures = 'nothing'",
}


def test_no_change_goes_without_its_step(timescale_works: Works) -> None:
    """What a smuggled statement changes shows in the steps, or is not kept; nor is a finding that nobody reported."""
    works = timescale_works
    plant = works.plant
    values = {"finding": works.claimed(), "at": NOW + 2 * DAY, "me": works.third}
    token = plant.database.person_token(works.third, "safety_officer", plant.company)
    with plant.database.connect("web", token) as connection:
        for change in CHANGES.values():
            statement = f"UPDATE finding SET {change} WHERE finding_id = %(finding)s"  # noqa: S608
            refused(connection, "written down as a step", statement, values)
        new = {"company": plant.company, "site": plant.site, "at": NOW, "me": works.third}
        refused(connection, "written down as a step", FINDING, new)
    assert plant.rows("SELECT state, grade, measures FROM finding") == [("claimed_done", "general", "换垫片")]


MOVED = {
    "with the claim": ("rectifying", "state = 'claimed_done', claimed_by = %(me)s, claimed_at = %(at)s, due_at = due_at + interval '1 y'"),
    "when sent back": (
        "claimed_done", "state = 'rectifying', claimed_by = NULL, claimed_at = NULL, reopened = reopened + 1, due_at = due_at + interval '1 y'",
    ),
    "with the verification": ("claimed_done", "state = 'closed', closed_at = %(at)s, verified_by = %(me)s, due_at = due_at + interval '1 y'"),
    "nearer": ("rectifying", "due_at = due_at - interval '1 day'"),
    "of a closed one": ("closed", "due_at = due_at + interval '1 y'"),
}  # fmt: skip
UNCOUNTED = (
    "state = 'rectifying', claimed_by = NULL, claimed_at = NULL",
    "reopened = 0, state = 'rectifying', claimed_by = NULL, claimed_at = NULL",
    "reopened = 7",
)


def test_a_deadline_moves_only_with_a_step_that_moves_it(timescale_works: Works) -> None:
    """Put in hand, put off, opened again: no other. And what was sent back cannot be made to look like the first time."""
    works = timescale_works
    findings = {"rectifying": works.in_hand(), "claimed_done": works.claimed(), "closed": works.claimed()}
    works.does("officer", acts.verify, findings["closed"], note="ok", now=NOW + 2 * DAY)
    with works.as_person("third") as connection:
        for state, change in MOVED.values():
            values = {"at": NOW + 2 * DAY, "me": works.third, "finding": findings[state]}
            statement = f"UPDATE finding SET {change} WHERE finding_id = %(finding)s"  # noqa: S608
            refused(connection, "leaves it as it is", statement, values)
        for change in UNCOUNTED:
            statement = f"UPDATE finding SET {change} WHERE finding_id = %(finding)s"  # noqa: S608
            refused(connection, "each time once", statement, {"finding": findings["claimed_done"]})


def test_nothing_is_reported_from_the_future(works: Works) -> None:
    """Neither a finding nor an impairment, nor that one was restored; an impairment is not of the year after next."""
    tomorrow = datetime.now(UTC) + DAY
    values = {
        "company": works.plant.company,
        "site": works.plant.site,
        "me": works.id_of("officer"),
        "restored": tomorrow,
    }
    impairment = begun(works)
    with works.as_person("officer") as connection:
        refused(connection, "when_it_is_reported", FINDING, {**values, "at": tomorrow})
        for began, at in ((tomorrow, tomorrow), (NOW + 700 * DAY, NOW), (NOW - 700 * DAY, NOW)):
            refused(connection, "when_it_is_reported", IMPAIRMENT, {**values, "began": began, "at": at})
        refused(connection, "when_it_is_restored", RESTORED, {**values, "impairment": impairment})


def test_two_who_wait_for_each_other_may_both_act(timescale_works: Works) -> None:
    """Who asked first may come second: their step is a little older than the one before it."""
    works = timescale_works
    finding = works.claimed()
    works.does("officer", acts.note, finding, note="zuerst", now=NOW + 2 * DAY)
    works.does("third", acts.note, finding, note="gleichzeitig", now=NOW + 2 * DAY - timedelta(seconds=20))
    assert [row[0] for row in works.events(finding)][-2:] == ["noted", "noted"]


@contextmanager
def as_officer(plant: today.Plant, who: str = "officer") -> Iterator[tuple[psycopg.Connection[Any], int]]:
    """Today, under the real wall."""
    person = plant.a.people[who]
    token = plant.database.person_token(
        person, "safety_officer" if who == "officer" else "integrator", plant.a.company_id
    )
    with plant.database.connect("web") as connection, transaction(connection, token):
        yield connection, person


def test_nothing_is_dated_back(database: TestDatabase) -> None:
    """With a real clock: whoever closes a hazard closes it now, and takes no day away on which it was overdue."""
    plant, now = today.plant(database), datetime.now(UTC)
    a, earlier = plant.a, now - 2 * HOUR
    plan = Plan(owner_id=a.people["integrator"], measures="m", funds="f", due_at=now + DAY, contingency="c")
    with as_officer(plant) as (connection, me):
        finding = acts.report(
            connection, person_id=me, now=now, site_id=a.site_id, zone_id=None, title="x", grade="general"
        )
        acts.plan(connection, finding, person_id=me, now=now, plan=plan, grade="general")
        outage = Outage(
            kind="other", what="x", reason="x", interim_measures="x", began_at=now - 30 * DAY, expected_until=now + DAY
        )
        found_shut = impairments.begin(
            connection, person_id=me, now=now, site_id=a.site_id, zone_id=None, outage=outage
        )
        impairments.restore(
            connection, found_shut, person_id=me, now=now, restored_at=now - DAY, proof="opened, flow tested"
        )
    with as_officer(plant, "integrator") as (connection, me):
        acts.claim(connection, finding, person_id=me, now=now, note="done")
    with as_officer(plant) as (connection, me):
        values = {"finding": finding, "company": a.company_id, "site": a.site_id, "me": me, "at": earlier}
        refused(connection, "now, not earlier or later", CLOSED, values)
        refused(connection, "when_it_is_reported", FINDING, values)
        refused(connection, "when_it_is_kept", PHOTO, values)
        note = {"event": "noted", "from": "claimed_done", "to": "claimed_done", "old": None, "new": None, "person": me}
        refused(connection, "when it is taken", STEP, {**values, **note})
        acts.verify(connection, finding, person_id=me, now=datetime.now(UTC), note="looked at it")
