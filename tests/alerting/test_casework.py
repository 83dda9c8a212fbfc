"""What people add to an occurrence: none of it moves the alarm, and each side writes its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import psycopg
import pytest

from alerting import actions, casework, notices
from alerting.notice import AssignmentNotice
from alerting.store.casework import given_since
from alerting.store.claims import claim
from api.store.timeline import timeline
from core.errors import Refused
from tests.alerting.plant import NOW, Plant

pytestmark = pytest.mark.db

MINUTE = timedelta(minutes=1)


@pytest.fixture
def opened(plant: Plant) -> int:
    """The occurrence of a gas alarm."""
    return plant.apply(plant.raised("gas")).opened[0]


def test_the_insurers_acknowledgement_is_a_second_record(plant: Plant, opened: int) -> None:
    """Who, when, in what words; no transition, no call cancelled, no state changed; once a person."""
    before = plant.rows("SELECT * FROM alarm"), plant.rows("SELECT count(*) FROM transition"), plant.waiting()
    with plant.as_person("underwriter") as connection:
        casework.acknowledge_for_insurer(
            connection, opened, person_id=plant.people["underwriter"], now=NOW, words=" We ring you "
        )
    assert (plant.rows("SELECT * FROM alarm"), plant.rows("SELECT count(*) FROM transition"), plant.waiting()) == before
    assert plant.rows("SELECT name, at, words FROM insurer_acknowledgement") == [("Wu Underwriter", NOW, "We ring you")]
    with pytest.raises(Refused, match="already"), plant.as_person("underwriter") as connection:
        casework.acknowledge_for_insurer(connection, opened, person_id=plant.people["underwriter"], now=NOW)
    for who in ("officer", "operator"):
        with pytest.raises(Refused, match="is the insurer's"), plant.as_person(who) as connection:
            casework.acknowledge_for_insurer(connection, opened, person_id=plant.people[who], now=NOW)


@pytest.mark.parametrize(
    ("who", "name", "ago"),
    [
        ("officer", "Wu Underwriter", "0 s"),  # the client does not write it
        ("underwriter", "Li Deputy", "0 s"),  # nor the insurer under another name
        ("underwriter", "Wu Underwriter", "1 h"),  # nor for an earlier hour
    ],
)
def test_the_wall_holds_the_record_itself(plant: Plant, opened: int, who: str, name: str, ago: str) -> None:
    """Whatever statement web is made to run."""
    with plant.database.connect("owner") as connection:
        connection.execute(
            "CREATE OR REPLACE FUNCTION davy_just_now(instant timestamptz) RETURNS boolean LANGUAGE sql STABLE"
            " RETURN instant BETWEEN now() - interval '5 minutes' AND now() + interval '1 minute'"
        )
    with pytest.raises(psycopg.errors.InsufficientPrivilege), plant.as_person(who) as connection:
        connection.execute(
            "INSERT INTO insurer_acknowledgement (company_id, occurrence_id, person_id, name, at) VALUES (%s, %s, %s, %s, now() - %s::interval)",
            (plant.company, opened, plant.people["underwriter"], name, ago),
        )


def test_who_sees_to_it_is_one_of_the_companys_own(plant: Plant, opened: int) -> None:
    """Named, changed and taken back, each in the journal with who it was before; open occurrences only."""
    officer, deputy = plant.people["officer"], plant.people["deputy"]

    def give(to: int | None, who: str = "officer") -> None:
        with plant.as_person(who) as connection:
            casework.assign(connection, opened, person_id=plant.people[who], now=NOW, assignee_id=to)

    give(deputy)
    give(officer)
    give(None)
    with pytest.raises(Refused, match="nothing was changed"):
        give(None)
    for wrong in ("underwriter", "stranger"):
        with pytest.raises(Refused, match="company's own people"):
            give(plant.people[wrong])
    with pytest.raises(Refused, match="insurer's people do not act"):
        give(deputy, "underwriter")
    kept = plant.rows(
        "SELECT person_id, subject, (old ->> 'assignee_id')::int, (new ->> 'assignee_id')::int FROM journal ORDER BY journal_id"
    )
    assert kept == [
        (officer, f"occurrence/{opened}", *change) for change in ((None, deputy), (deputy, officer), (officer, None))
    ]
    with pytest.raises(psycopg.errors.CheckViolation), plant.as_person("officer") as connection:
        connection.execute("UPDATE occurrence SET assignee_id = %s", (plant.people["stranger"],))


def test_who_is_given_an_occurrence_is_told_once(plant: Plant, opened: int) -> None:
    """By somebody else, over their channel, as no call; not who takes it themselves, nor once it is resolved or another's."""
    officer, deputy = plant.people["officer"], plant.people["deputy"]
    now = datetime.now(UTC)  # of the database: it says itself when somebody was named

    def give(who: str, to: int) -> None:
        with plant.as_person(who) as connection:
            casework.assign(connection, opened, person_id=plant.people[who], now=NOW, assignee_id=to)

    def told() -> int:
        with plant.as_service("alerting") as connection:
            return notices.queue(connection, given_since(connection, now - timedelta(days=1)), now)

    with plant.database.connect("owner") as connection:
        connection.execute("UPDATE notification SET state = 'cancelled', finished_at = now()")
    give("officer", officer)
    assert told() == 0
    give("officer", deputy)
    assert [told(), told()] == [1, 0]
    with plant.as_service("alerting") as connection:
        found = claim(connection, now + timedelta(minutes=1), now + timedelta(minutes=2))
    assert isinstance(found, AssignmentNotice)
    assert (found.person_id, found.occurrence_id, found.by, found.settled()) == (deputy, opened, "陈安全", None)
    assert plant.rows("SELECT count(*) FROM notification WHERE subject = 'occurrence' AND occurrence_id IS NULL") == [
        (1,)
    ]
    give("deputy", officer)
    assert told() == 1
    with plant.as_person("officer") as connection:
        shown = [row for row in timeline(connection, opened) if row.kind == "notification" and row.person_id == deputy]
    assert "claimed" in {row.detail for row in shown}
    with pytest.raises(psycopg.errors.InsufficientPrivilege), plant.as_person("officer") as connection:
        connection.execute(
            "INSERT INTO notification (key, company_id, subject, event, assigned_id, onset, step, rule, audience, person_id, channel,"
            " due_at, urgency, created_at) VALUES ('x', %s, 'occurrence', 'assigned', %s, now(), 0, '', 'client', %s, 'smtp', now(), 3, now())",
            (plant.company, opened, deputy),
        )


def test_photos_stay_with_the_client(plant: Plant, opened: int) -> None:
    """Twenty at most; the insurer's people neither add nor see one."""
    photo = SimpleNamespace(jpeg=b"jpeg", width=4, height=3, sha256=b"s" * 32)
    with plant.as_person("deputy") as connection:
        for _ in range(casework.MOST_PHOTOS):
            casework.add_photo(connection, opened, person_id=plant.people["deputy"], now=NOW, photo=photo)
    with pytest.raises(Refused, match="20 photos already"), plant.as_person("officer") as connection:
        casework.add_photo(connection, opened, person_id=plant.people["officer"], now=NOW, photo=photo)
    with pytest.raises(Refused, match="do not act"), plant.as_person("underwriter") as connection:
        casework.add_photo(connection, opened, person_id=plant.people["underwriter"], now=NOW, photo=photo)
    for who, seen in (("officer", 20), ("underwriter", 0), ("stranger", 0)):
        with plant.as_person(who) as connection:
            found = connection.execute("SELECT count(*) FROM occurrence_photo").fetchone()
        assert found == (seen,)


def test_no_service_can_do_what_is_a_persons(plant: Plant, opened: int) -> None:
    """Nothing resolves itself by age, and nothing else does either: the database takes it from no service, whoever it names."""
    for role in ("ingest", "alerting"):
        for event in ("acknowledge", "reset", "resolve", "shelve", "unshelve"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), plant.as_service(role) as connection:
                connection.execute(
                    "INSERT INTO transition (company_id, definition_id, sensor_id, number, at, recorded_at, event, from_state, to_state,"
                    " suppression, person_id, previous, hash) VALUES (%s, %s, %s, 9, now(), now(), %s, 'B', 'C', 'none', %s, '', '')",
                    (plant.company, *plant.definitions["gas"], event, plant.people["officer"]),
                )
        with pytest.raises(psycopg.errors.InsufficientPrivilege), plant.as_service(role) as connection:
            connection.execute("UPDATE occurrence SET resolved_at = now() WHERE occurrence_id = %s", (opened,))


def test_years_close_nothing(plant: Plant, opened: int) -> None:
    """Whatever the timers do in ten years, the life-safety alarm that nobody has answered still waits, and its case is open."""
    with plant.as_service("alerting") as connection:
        for year in range(1, 11):
            later = NOW + timedelta(days=365 * year)
            actions.expire_shelves(connection, later)
            actions.realarm(connection, later)
            actions.call_for_what_still_holds(connection, later)
    assert plant.alarm("gas") == ("B", True, "none", opened)
    assert plant.rows("SELECT resolved_at, resolution FROM occurrence") == [(None, None)]


def test_the_insurer_cannot_put_life_safety_aside(plant: Plant, opened: int) -> None:
    """Not by the action, whatever their role, and not by a statement."""
    for who in ("underwriter", "operator"):
        with pytest.raises(Refused), plant.as_person(who) as connection:
            actions.shelve(
                connection, opened, person_id=plant.people[who], now=NOW, reason="r", until=NOW + 30 * MINUTE
            )
    with plant.as_person("underwriter") as connection:
        assert connection.execute("UPDATE alarm SET suppression = 'shelved'").rowcount == 0
