"""People are asked how it was, hear of complaints, and are told what their word changed: by the duties of the risk process, over the outbox."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from core.db import transaction
from davy.duties.notices import tell_occasions
from davy.duties.voice import ask_how_it_was, tell_back
from risk import complaints, ratings
from risk.rating import Tap, asks
from risk.store import ratings as store
from tests.alerting.plant import NOW
from tests.database import TestDatabase
from tests.davy.risky_plant import RiskyPlant
from tests.risk.conftest import _works
from tests.risk.voices import OCCURRENCE, Voices, voices

pytestmark = pytest.mark.db
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
AGAIN = Tap(False, "no_danger", "又是误报")


@pytest.fixture
def subject(timescale_database: TestDatabase) -> Voices:
    return voices(_works(timescale_database))


def run(subject: Voices, duty: Callable[[psycopg.Connection[Any], datetime], int], now: datetime) -> int:
    with subject.works.plant.as_service("alerting") as connection:
        return duty(connection, now)


def sent(subject: Voices, now: datetime) -> list[str]:
    return RiskyPlant(subject.works.plant).sent(now)[0]


def test_one_person_is_asked_once(subject: Voices) -> None:
    """Who resolved it, by a message that leads to its page; not again, and not what they have rated meanwhile."""
    occurrence = subject.occurrence()
    assert run(subject, ask_how_it_was, NOW) == 1
    assert run(subject, ask_how_it_was, NOW + HOUR) == 0
    assert subject.works.plant.rows("SELECT person_id, occurrence_id FROM rating_request") == [
        (subject.works.plant.people["officer"], occurrence)
    ]
    assert sent(subject, NOW) == ["【服务回访】可燃气体达25%LEL，罐区：有用吗？"]
    subject.occurrence("heat")
    assert run(subject, ask_how_it_was, NOW) == 1
    subject.does("officer", ratings.rate, OCCURRENCE, occurrence + 1, tap=AGAIN)
    assert sent(subject, NOW) == []
    assert subject.works.plant.rows(
        "SELECT state, outcome FROM notification ORDER BY notification_id DESC LIMIT 1"
    ) == [("cancelled", "rated already")]


def test_two_who_look_at_once_ask_one_person(subject: Voices) -> None:
    """Each of two risk processes has found the same thing before either has written: it is asked about once, and by one message."""
    subject.occurrence()
    with subject.works.plant.as_service("alerting") as first, subject.works.plant.as_service("alerting") as second:
        over = store.over_since(second, NOW - DAY)
        assert ask_how_it_was(first, NOW) == 1
        first.commit()
        store.insert_requests(second, asks(over, {}, NOW), NOW)
    assert run(subject, ask_how_it_was, NOW) == 0
    assert subject.works.plant.rows("SELECT count(*) FROM rating_request") == [(1,)]
    assert len(sent(subject, NOW)) == 1


def test_nobody_is_asked_during_an_alarm_or_of_an_exercise(subject: Voices) -> None:
    """An alarm of the site that is active or waits, a drill, a test, made-up history; and no third time in a week."""
    plant = subject.works.plant
    subject.occurrence("level", resolution="test_or_drill")
    subject.occurrence(simulated=True)
    assert run(subject, ask_how_it_was, NOW) == 0
    subject.occurrence("level")
    plant.apply(plant.raised("gas", NOW), now=NOW)
    assert run(subject, ask_how_it_was, NOW) == 0
    assert plant.rows("SELECT count(*) FROM rating_request") == [(0,)]
    plant.rows("UPDATE alarm SET state = 'A', active = false RETURNING 1")
    for _ in range(4):
        subject.occurrence("level")
    assert run(subject, ask_how_it_was, NOW) == 2


def test_a_complaint_is_heard_escalated_and_told_back(subject: Voices) -> None:
    """The risk engineers hear of it; its owner and then everybody of the insurer that it is overdue; who complained of each answer."""
    RiskyPlant(subject.works.plant).looks_after("underwriter")
    made = subject.filed()
    assert run(subject, tell_occasions, NOW) == 2
    subject.does("luo", complaints.take, made, now=NOW)
    assert run(subject, tell_occasions, NOW) == 1
    due = subject.works.plant.rows("SELECT answer_due_at FROM complaint")[0][0]
    assert run(subject, tell_occasions, due - HOUR) == 0
    assert run(subject, tell_occasions, due) == 1
    assert run(subject, tell_occasions, due + DAY) == 2
    told = subject.works.plant.rows(
        "SELECT event, step, audience, p.key FROM notification JOIN person p USING (person_id) WHERE event = 'answer_overdue' ORDER BY step, p.key"
    )
    assert told == [
        ("answer_overdue", 0, "insurer", "luo"),
        ("answer_overdue", 1, "insurer", "shi"),
        ("answer_overdue", 1, "insurer", "underwriter"),
    ]
    subject.does("luo", complaints.analyse, made, cause="limit", facts="f", now=due + DAY)
    subject.does("luo", complaints.solve, made, measures="m", now=due + DAY)
    assert run(subject, tell_occasions, due + DAY) == 1
    assert run(subject, tell_occasions, due + 8 * DAY) == 1  # asked once more
    assert run(subject, tell_occasions, due + 30 * DAY) == 0
    assert subject.state(made) == "solved"  # nothing closes by itself


def test_whom_a_message_goes_to_is_who_said_something(subject: Voices) -> None:
    """By SQL as the web role: an underwriter sees no message about anybody's word or complaint, a risk engineer those of complaints, and the
    client's people all of their own."""
    RiskyPlant(subject.works.plant).looks_after("underwriter")
    subject.occurrence()
    subject.filed()
    run(subject, ask_how_it_was, NOW)
    run(subject, tell_occasions, NOW)
    plant = subject.works.plant
    underwriter = plant.rows("SELECT person_id FROM person WHERE key = 'underwriter'")[0][0]
    token = plant.database.person_token(underwriter, "underwriter", plant.company)
    said = (
        "SELECT DISTINCT subject FROM notification ORDER BY 1",
        "SELECT DISTINCT subject FROM v_notification ORDER BY 1",
    )
    with plant.database.connect("web") as connection, transaction(connection, token):
        assert [connection.execute(each).fetchall() for each in said] == [[], []]
    for who, seen in (("luo", [("complaint",)]), ("officer", [("complaint",), ("rating_request",)])):
        with subject.as_person(who) as connection:
            assert [connection.execute(each).fetchall() for each in said] == [seen, seen], who


def test_what_ones_word_changed_is_told_once(subject: Voices) -> None:
    """A limit changed after three ratings of its alarm: one message a person, none for whoever changed it."""
    for _ in range(3):
        occurrence = subject.occurrence()
        subject.does("officer", ratings.rate, OCCURRENCE, occurrence, tap=AGAIN)
        subject.does("deputy", ratings.rate, OCCURRENCE, occurrence, tap=AGAIN)
    subject.does("third", ratings.rate, OCCURRENCE, occurrence, tap=Tap(True, "in_time"))
    assert run(subject, tell_back, NOW + HOUR) == 0
    plant = subject.works.plant
    plant.rows(
        "INSERT INTO journal (at, company_id, person_id, actor, action, subject, reason) VALUES (%s, %s, %s, 'integrator', 'limit_changed',"
        " 'limit a-1/gas', 'nuisance') RETURNING 1",
        NOW + DAY, plant.company, plant.people["deputy"],
    )  # fmt: skip
    assert run(subject, tell_back, NOW + HOUR) == 0  # not yet
    assert run(subject, tell_back, NOW + DAY) == 1
    assert run(subject, tell_back, NOW + DAY) == 0
    assert plant.rows("SELECT person_id, change FROM told_back") == [(plant.people["officer"], "limit_changed")]
    assert sent(subject, NOW + DAY) == ["【意见反馈】可燃气体达25%LEL：该报警的限值已调整"]


def test_a_route_and_a_finding_are_told_back(subject: Voices) -> None:
    """A changed route to who was the wrong person; a closed finding to who complained of what it came from; not what is too long ago."""
    plant = subject.works.plant
    occurrence = subject.occurrence()
    subject.does("deputy", ratings.rate, OCCURRENCE, occurrence, tap=Tap(False, "wrong_person"))
    subject.filed("officer", about=(OCCURRENCE, occurrence))
    for at in (NOW + DAY, NOW + 100 * DAY):
        plant.rows(
            "INSERT INTO journal (at, company_id, actor, action, subject, reason) VALUES (%s, %s, 'cli', 'route_changed', 'route a-1/urgent', 'r')"
            " RETURNING 1",
            at, plant.company,
        )  # fmt: skip
    RiskyPlant(plant).write(
        "INSERT INTO finding (company_id, site_id, source, occurrence_id, title, grade, graded_by, state, reported_at, reported_by, owner_id,"
        " measures, funds, due_at, contingency, claimed_at, claimed_by, closed_at, verified_by) VALUES (%(c)s, %(s)s, 'occurrence', %(o)s, 't',"
        " 'general', %(d)s, 'closed', %(at)s, %(d)s, %(d)s, 'm', 'f', %(at)s, 'c', %(at)s, %(d)s, %(end)s, %(third)s) RETURNING 1",
        c=plant.company,
        s=plant.site,
        o=occurrence,
        d=plant.people["deputy"],
        at=NOW,
        end=NOW + DAY,
        third=subject.id_of("third"),
    )
    assert run(subject, tell_back, NOW + 2 * DAY) == 3
    assert sorted(plant.rows("SELECT change, p.key, t.complaint_id IS NOT NULL FROM told_back t JOIN person p USING (person_id)")) == [
        ("finding_closed", "deputy", False), ("finding_closed", "officer", True), ("route_changed", "deputy", False),
    ]  # fmt: skip
    assert run(subject, tell_back, NOW + 101 * DAY) == 0


def test_the_schema_holds_what_a_message_is_about(subject: Voices) -> None:
    """A notice of a complaint names one, and nothing else; the checks of the other subjects hold as before."""
    made, plant = subject.filed(), subject.works.plant
    statement = (
        "INSERT INTO notification (key, company_id, subject, event, complaint_id, finding_id, onset, step, rule, audience, person_id, channel,"
        " due_at, urgency, created_at) VALUES ('k', %s, %s, %s, %s, NULL, now(), 0, 'r', 'client', %s, 'smtp', now(), 3, now())"
    )
    for about, event, number in (
        ("complaint", "filed", None), ("complaint", "asked", made), ("finding", "overdue", made), ("digest", None, made),
        ("nonsense", None, None),
    ):  # fmt: skip
        with pytest.raises(psycopg.errors.CheckViolation), plant.as_service("alerting") as connection:
            connection.execute(statement, (plant.company, about, event, number, plant.people["officer"]))
    with pytest.raises(psycopg.errors.InsufficientPrivilege), plant.as_person("officer") as connection:
        connection.execute(statement, (plant.company, "complaint", "filed", made, plant.people["officer"]))
