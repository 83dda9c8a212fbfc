"""Findings, impairments and days become messages: each once, to whom it concerns, only while it still stands."""

from __future__ import annotations

import signal
from datetime import timedelta

import psycopg
import pytest

from alerting.channels.webhook import Webhook
from alerting.outbox import LEASE
from tests.alerting.plant import NOW, Plant, make_plant
from tests.alerting.receivers import SECRET, webhook_receiver
from tests.alerting.test_outbox import rounds
from tests.alerting.workers import working
from tests.database import TestDatabase
from tests.davy.risky_plant import HOUR, RiskyPlant

pytestmark = pytest.mark.db
A_DAY = timedelta(days=1)
EIGHT = NOW - 8 * HOUR  # 8 o'clock in Shanghai


def risky(plant: Plant) -> RiskyPlant:
    made = RiskyPlant(plant)
    made.looks_after("underwriter")
    made.hears("house", "client", "officer", "impairments", "findings")
    made.hears("control", "insurer", "underwriter", "impairments", "findings", "digest")
    return made


@pytest.fixture
def subject(timescale_database: TestDatabase) -> RiskyPlant:
    return risky(make_plant(timescale_database))


def test_an_impairment_is_told_of_three_times(database: TestDatabase) -> None:
    """Begun, overrun, restored: each once however often it is looked at, on each kind of database."""
    subject = risky(make_plant(database))
    made = subject.impairment(began_at=NOW, expected_until=NOW + HOUR)
    assert subject.tell(NOW) == 1
    assert subject.tell(NOW) == subject.tell(NOW + HOUR / 2) == 0
    assert subject.sent(NOW) == (["[Impairment] Out of service: fire pump, Tank farm"], ["sent"])
    assert subject.tell(NOW + HOUR) == 2
    told, _ = subject.sent(NOW + HOUR)
    assert sorted(told) == [
        "[Impairment] Out of service for longer than expected: fire pump, Tank farm",
        "【防护停用】消防泵逾期未恢复，罐区",
    ]
    subject.restore(made, NOW + 2 * HOUR)
    assert subject.tell(NOW + 2 * HOUR) == 1
    assert subject.tell(NOW + 3 * HOUR) == 0
    assert subject.sent(NOW + 3 * HOUR)[0] == ["[Impairment ended] Back in service: fire pump, Tank farm"]
    assert {state for *_, state in subject.queued()} == {"sent"}


def test_a_finding_is_told_of(subject: RiskyPlant) -> None:
    """Its owner that it is theirs and that it is late; the officer's route that it is late; the insurer where it is major."""
    subject.finding(due_at=NOW + HOUR)
    subject.finding(due_at=NOW + HOUR, grade="general")
    assert subject.tell(NOW) == 2
    assert subject.tell(NOW + HOUR) == 5
    assert subject.tell(NOW + HOUR) == 0
    assert [(event, who) for _, event, who, _ in subject.queued()] == [
        ("assigned", "deputy"), ("assigned", "deputy"), ("overdue", "officer"), ("overdue", "deputy"), ("overdue", "underwriter"),
        ("overdue", "officer"), ("overdue", "deputy"),
    ]  # fmt: skip
    assert subject.plant.rows("SELECT DISTINCT channel FROM notification WHERE event = 'assigned'") == [("webhook",)]


def test_an_extension_that_is_missed_too_is_told_again(subject: RiskyPlant) -> None:
    """More time cancels what waits; when that has passed as well, it is another message under another key."""
    made = subject.finding(due_at=NOW)
    assert subject.tell(NOW) == 4
    subject.plant.rows("UPDATE finding SET due_at = %s WHERE finding_id = %s RETURNING 1", NOW + HOUR, made)
    assert subject.sent(NOW)[1] == ["cancelled", "cancelled", "cancelled", "sent"]
    assert subject.tell(NOW + HOUR) == 3
    keys = subject.plant.rows("SELECT count(*), count(DISTINCT key) FROM notification WHERE event = 'overdue'")
    assert keys == [(6, 6)]


def test_a_claim_that_nobody_verified_is_still_overdue(subject: RiskyPlant) -> None:
    """Only verification stops the clock: it is told, is sent, and counts in the digest."""
    made = subject.finding(due_at=EIGHT - HOUR, since=EIGHT - A_DAY)
    subject.plant.rows(
        "UPDATE finding SET state = 'claimed_done', claimed_at = %s, claimed_by = owner_id WHERE finding_id = %s RETURNING 1",
        NOW - HOUR, made,
    )  # fmt: skip
    subject.tell(NOW)
    _, outcomes = subject.sent(NOW)
    assert outcomes.count("sent") == 3
    assert subject.send_digests(NOW) == 1
    (tally,) = subject.tallies()
    assert tally["companies"][0]["major_overdue"] == 1


def test_a_major_finding_that_nobody_puts_in_hand_is_told_of(subject: RiskyPlant) -> None:
    """After the days of packs/findings.yaml, to both sides' routes; until it has a deadline of its own."""
    subject.waiting_finding(reported_at=NOW - A_DAY)
    assert subject.tell(NOW + A_DAY) == 0
    assert subject.tell(NOW + 2 * A_DAY) == 2
    told, outcomes = subject.sent(NOW + 2 * A_DAY)
    assert outcomes == ["sent", "sent"], told
    assert subject.tell(NOW + 3 * A_DAY) == 0


def test_what_is_put_right_meanwhile_is_not_sent(subject: RiskyPlant) -> None:
    """Claimed, looked at again, cancelled with the reason."""
    made = subject.impairment(began_at=NOW, expected_until=NOW + HOUR)
    subject.tell(NOW + HOUR)
    subject.restore(made, NOW + HOUR)
    assert subject.sent(NOW + HOUR) == ([], ["cancelled"] * 3)
    assert subject.plant.rows("SELECT DISTINCT outcome FROM notification") == [("restored",)]


def test_simulated_history_calls_nobody(subject: RiskyPlant) -> None:
    """The demo's past is shown, not told."""
    subject.finding(due_at=NOW - A_DAY, simulated=True, since=NOW - 2 * A_DAY)
    subject.impairment(began_at=NOW - A_DAY, expected_until=NOW - HOUR, simulated=True)
    assert subject.tell(NOW) == 0
    assert subject.send_digests(NOW) == 0


def test_who_no_longer_looks_after_a_company_hears_nothing_of_it(subject: RiskyPlant) -> None:
    """A route that was left behind does not outlive the right to know; nor does a person's leaving."""
    subject.impairment(began_at=NOW, expected_until=NOW + HOUR)
    subject.plant.rows("DELETE FROM person_company RETURNING 1")
    subject.plant.rows("UPDATE person SET active = false WHERE key = 'officer' RETURNING 1")
    assert subject.tell(NOW + HOUR) == 0
    assert subject.send_digests(NOW) == 0


def test_killed_between_sending_and_marking_a_notice_is_sent_again_under_the_same_key(subject: RiskyPlant) -> None:
    """At least once, for findings and impairments as for alarms: the receiver can drop the second."""
    subject.finding(due_at=NOW + HOUR)
    subject.tell(NOW)
    with webhook_receiver() as (received, port):
        subject.plant.rows(
            "UPDATE channel_address SET address = %s WHERE channel = 'webhook' RETURNING 1", f"http://127.0.0.1:{port}/"
        )
        with working(subject.plant, port, NOW, step="sent", nth=1) as killed:
            assert killed.wait(timeout=60) == -signal.SIGKILL
        with subject.sending(NOW, webhook=Webhook({"deputy-hook": SECRET}, [f"127.0.0.1:{port}"])) as sending:
            assert rounds(sending, NOW) == []
            assert rounds(sending, NOW + LEASE) == ["sent"]
    keys = [request.headers["webhook-id"] for request in received]
    assert len(keys) == 2
    assert keys[0] == keys[1] == subject.plant.rows("SELECT key FROM notification")[0][0]


NOTICE = (
    "INSERT INTO notification (key, company_id, subject, event, impairment_id, onset, step, rule, audience, person_id, channel,"
    " due_at, urgency, created_at) VALUES ('k', %(company)s, %(subject)s, 'begun', %(impairment)s, %(now)s, 0, 'r', 'client',"
    " %(person)s, 'smtp', %(now)s, 0, %(now)s)"
)


def test_pages_tell_nobody_of_an_impairment(subject: RiskyPlant) -> None:
    """Only the clock does: a statement smuggled into the web process neither queues such a message nor cancels one."""
    made = subject.impairment(began_at=NOW, expected_until=NOW + HOUR)
    subject.tell(NOW)
    ids = {
        "company": subject.plant.company, "subject": "impairment", "impairment": made, "now": NOW,
        "person": subject.plant.people["officer"],
    }  # fmt: skip
    with pytest.raises(psycopg.errors.InsufficientPrivilege), subject.plant.as_person("officer") as connection:
        connection.execute(NOTICE, ids)
    with subject.plant.as_person("officer") as connection:
        assert connection.execute("UPDATE notification SET state = 'cancelled'").rowcount == 0
    with pytest.raises(psycopg.errors.InsufficientPrivilege), subject.plant.as_service("ingest") as connection:
        connection.execute(NOTICE, ids)


def test_a_message_is_about_one_thing(subject: RiskyPlant) -> None:
    """The schema holds it: no notice without its impairment, none of another company's, no digest that a company could read."""
    made = subject.impairment(began_at=NOW, expected_until=NOW + HOUR)
    ids = {
        "company": subject.plant.company,
        "subject": "impairment",
        "impairment": made,
        "now": NOW,
        "person": subject.plant.people["officer"],
    }
    for wrong, error in (
        ({"impairment": None}, psycopg.errors.CheckViolation),
        ({"subject": "finding"}, psycopg.errors.CheckViolation),
        ({"company": None}, psycopg.errors.CheckViolation),
        ({"company": subject.plant.other_company}, psycopg.errors.ForeignKeyViolation),
    ):
        with pytest.raises(error), subject.plant.as_service("alerting") as connection:
            connection.execute(NOTICE, {**ids, **wrong})
    subject.hears("digests", "insurer", "underwriter", "digest")
    subject.plant.apply(subject.plant.raised("gas", EIGHT - HOUR), now=EIGHT - HOUR)
    assert subject.send_digests(NOW) == 1
    with subject.plant.as_person("underwriter") as connection:
        assert connection.execute("SELECT count(*) FROM notification WHERE subject = 'digest'").fetchone() == (0,)
