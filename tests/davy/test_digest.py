"""The daily digest: counted as things stood at its end, decided once, sent where there was something to say."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from alerting import notices
from alerting.digest import from_json
from alerting.store.notices import digest_readers
from davy.duties.notices import tallies
from tests.alerting.plant import NOW, make_plant
from tests.database import TestDatabase
from tests.davy.risky_plant import HOUR, RiskyPlant
from tests.davy.test_notices import A_DAY, EIGHT, risky

pytestmark = pytest.mark.db


@pytest.fixture
def subject(timescale_database: TestDatabase) -> RiskyPlant:
    return risky(make_plant(timescale_database))


def acknowledged(subject: RiskyPlant, at: datetime) -> None:
    """Somebody takes on the one alarm there is."""
    subject.write(
        "INSERT INTO transition (company_id, definition_id, sensor_id, number, occurrence_id, at, recorded_at, event, from_state,"
        " to_state, suppression, previous, hash) SELECT company_id, definition_id, sensor_id, transitions + 1, occurrence_id,"
        " %(at)s, %(at)s, 'acknowledge', 'B', 'C', 'none', '', '' FROM alarm RETURNING 1",
        at=at,
    )
    subject.write("UPDATE alarm SET state = 'C', changed_at = %(at)s, transitions = transitions + 1 RETURNING 1", at=at)


def test_a_digest_goes_out_once_a_day_and_person(subject: RiskyPlant) -> None:
    """At eight local time, whatever routes and channels name the person; the next one begins where it ended."""
    subject.hears("again", "insurer", "underwriter", "digest", channel="webhook")
    subject.plant.apply(subject.plant.raised("gas", EIGHT - HOUR), now=EIGHT - HOUR)
    subject.plant.rows("UPDATE notification SET state = 'cancelled' RETURNING 1")
    assert subject.send_digests(NOW) == 1
    assert subject.send_digests(NOW) == subject.send_digests(NOW + 15 * HOUR) == 0
    assert subject.sent(NOW)[0] == ["[Daily digest] 2026-03-01: something to report at 1 of 1 companies"]
    assert subject.send_digests(NOW + 16 * HOUR) == 1
    first, second = subject.tallies()
    assert datetime.fromisoformat(first["until"]) == datetime.fromisoformat(second["since"])
    assert (first["companies"][0]["occurrences"], second["companies"][0]["occurrences"]) == (1, 0)
    assert second["companies"][0]["unacknowledged"] == 1


def test_a_digest_counts(subject: RiskyPlant) -> None:
    """Occurrences and how fast they were answered, findings, impairments within the period, sensors heard."""
    plant = subject.plant
    plant.apply(plant.raised("gas", EIGHT - HOUR), now=EIGHT - HOUR)
    acknowledged(subject, EIGHT - HOUR + timedelta(seconds=90))
    subject.finding(due_at=EIGHT - 3 * HOUR, since=EIGHT - 2 * A_DAY)
    subject.finding(due_at=NOW + A_DAY, since=EIGHT - HOUR, simulated=True)
    ended = subject.impairment(began_at=EIGHT - 3 * A_DAY, expected_until=EIGHT - A_DAY)
    subject.restore(ended, EIGHT - 23 * HOUR)
    subject.impairment(began_at=EIGHT - 2 * HOUR, expected_until=NOW)
    assert subject.send_digests(NOW) == 1
    (tally,) = subject.tallies()
    assert tally["companies"] == [
        {
            "company": "Alpha Petro", "company_zh": "甲石化", "occurrences": 1, "life_safety": 1, "unacknowledged": 0,
            "counted": 1, "unanswered": 0, "answered_p50_s": 90.0, "answered_p90_s": 90.0, "findings_new": 0, "findings_closed": 0, "findings_open": 1,
            "findings_overdue": 1, "major_overdue": 1, "impairments_open": 1, "impairment_s": 3 * 3600.0, "sensors": 3,
            "heard": 0,
            "fell_silent": 0,
        }
    ]  # fmt: skip


def heard(subject: RiskyPlant, at: datetime) -> None:
    """Every sensor speaks for the last time."""
    subject.write(
        "INSERT INTO latest SELECT sensor_id, company_id, %(at)s, %(at)s, 1, 0 FROM sensor"
        " ON CONFLICT (sensor_id) DO UPDATE SET received_at = excluded.received_at RETURNING 1",
        at=at,
    )


def test_nothing_to_say_is_not_said(subject: RiskyPlant) -> None:
    """A quiet day sends no digest; a sensor that was never heard is not there yet, one that fell silent is news."""
    assert subject.send_digests(EIGHT) == 0
    heard(subject, EIGHT + A_DAY - timedelta(seconds=10))
    assert subject.send_digests(EIGHT + A_DAY) == 0
    assert subject.sent(EIGHT + A_DAY) == ([], [])
    assert subject.queued() == [("digest", None, "underwriter", "cancelled")] * 2
    assert subject.plant.rows("SELECT DISTINCT outcome FROM notification") == [("nothing to say",)]
    assert subject.send_digests(EIGHT + 2 * A_DAY) == 1


def test_what_comes_after_a_quiet_end_waits_for_the_next(database: TestDatabase) -> None:
    """An end is decided once, on each kind of database, whatever happens in the hours after it and however often it is looked."""
    subject = risky(make_plant(database))
    assert subject.send_digests(EIGHT) == 0
    subject.plant.apply(subject.plant.raised("gas", EIGHT + HOUR), now=EIGHT + HOUR)
    subject.impairment(began_at=EIGHT + HOUR, expected_until=NOW)
    for hours in (1, 2, 8, 23):
        assert subject.send_digests(EIGHT + hours * HOUR) == 0
    assert subject.send_digests(EIGHT + A_DAY) == 1
    quiet, told = (from_json(row) for row in subject.tallies())
    assert (quiet.until, quiet.says_something) == (EIGHT, False)
    assert (told.since, told.until) == (EIGHT, EIGHT + A_DAY)
    assert (told.companies[0].occurrences, told.companies[0].impairments_open) == (1, 1)


def test_a_digest_after_quiet_days_reaches_back_to_the_last_that_was_told(subject: RiskyPlant) -> None:
    """So that what was learnt of only after its day is not lost between two digests."""
    subject.impairment(began_at=EIGHT - HOUR, expected_until=NOW)
    assert subject.send_digests(EIGHT) == 1
    subject.plant.rows(
        "UPDATE impairment SET restored_at = %s, restored_by = reported_by, restore_proof = 'ran 30 min' RETURNING 1",
        EIGHT,
    )
    assert subject.send_digests(EIGHT + A_DAY) == 0
    subject.plant.apply(subject.plant.raised("gas", EIGHT + HOUR, late=True), now=EIGHT + A_DAY + HOUR)
    assert subject.send_digests(EIGHT + 2 * A_DAY) == 1
    told = from_json(subject.tallies()[-1])
    assert (told.since, told.companies[0].occurrences) == (EIGHT, 1)


def test_a_digest_that_is_late_counts_as_of_its_end(subject: RiskyPlant) -> None:
    """Davy was down at eight: what was acknowledged, closed, restored or begun since changes no number of that day."""
    subject.plant.apply(subject.plant.raised("gas", EIGHT - HOUR), now=EIGHT - HOUR)
    finding = subject.finding(due_at=EIGHT - HOUR, since=EIGHT - 3 * HOUR)
    subject.finding(due_at=EIGHT + HOUR, since=EIGHT - 3 * HOUR)
    impairment = subject.impairment(began_at=EIGHT - 2 * HOUR, expected_until=NOW)
    with subject.plant.as_service("alerting") as connection:
        (reader,) = digest_readers(connection)
        ((_, then),) = tallies(connection, [(reader, (EIGHT - A_DAY, EIGHT))])
    acknowledged(subject, EIGHT + HOUR)
    subject.restore(impairment, EIGHT + HOUR)
    subject.impairment(began_at=EIGHT + HOUR, expected_until=NOW)
    subject.finding(due_at=NOW, since=EIGHT + HOUR)
    subject.write(
        "WITH f AS (UPDATE finding SET state = 'closed', closed_at = %(at)s, verified_by = %(who)s, claimed_at = %(at)s,"
        "  claimed_by = owner_id WHERE finding_id = %(id)s RETURNING company_id, finding_id)"
        " INSERT INTO finding_event (company_id, finding_id, at, person_id, event, from_state, to_state)"
        " SELECT company_id, finding_id, %(at)s, %(who)s, 'verified', 'claimed_done', 'closed' FROM f RETURNING 1",
        at=EIGHT + HOUR, who=subject.plant.people["officer"], id=finding,
    )  # fmt: skip
    assert subject.send_digests(NOW) == 1
    told = from_json(subject.tallies()[-1])
    assert told == then
    (company,) = told.companies
    assert (company.unacknowledged, company.counted, company.unanswered, company.answered_p90_s) == (1, 1, 1, None)
    assert (company.findings_open, company.findings_overdue, company.findings_closed, company.findings_new) == (
        2,
        1,
        0,
        2,
    )
    assert (company.impairments_open, company.impairment_s) == (1, 7200.0)


def test_a_digest_is_written_once_by_whoever_comes_first(subject: RiskyPlant) -> None:
    """Two processes that decide at the same moment: the second finds the row, even where it would say something and the first not."""
    with subject.plant.as_service("alerting") as connection:
        (reader,) = digest_readers(connection)
        ((_, quiet),) = tallies(connection, [(reader, (EIGHT - A_DAY, EIGHT))])
        assert notices.queue_digests(connection, [(reader, quiet)], NOW) == 0
    subject.impairment(began_at=EIGHT - HOUR, expected_until=NOW)
    with subject.plant.as_service("alerting") as connection:
        ((_, loud),) = tallies(connection, [(reader, (EIGHT - A_DAY, EIGHT))])
        assert loud.says_something
        assert notices.queue_digests(connection, [(reader, loud)], NOW) == 0
        assert notices.queue_digests(connection, [(reader, quiet)], NOW) == 0
    assert subject.queued() == [("digest", None, "underwriter", "cancelled")]


def test_each_reader_is_told_of_the_companies_they_look_after(subject: RiskyPlant) -> None:
    """Counted once for all readers of a period, told to each of theirs alone."""
    plant = subject.plant
    subject.looks_after("operator")
    plant.rows("INSERT INTO person_company VALUES (%s, %s) RETURNING 1", plant.people["operator"], plant.other_company)
    subject.hears("house-2", "insurer", "operator", "digest")
    subject.impairment(began_at=EIGHT - HOUR, expected_until=NOW)
    assert subject.send_digests(NOW) == 2
    told = plant.rows("SELECT person_id, tally FROM notification WHERE subject = 'digest'")
    companies = {person: [each["company"] for each in tally["companies"]] for person, tally in told}
    assert companies == {
        plant.people["underwriter"]: ["Alpha Petro"],
        plant.people["operator"]: ["Alpha Petro", "Beta Coal"],
    }
