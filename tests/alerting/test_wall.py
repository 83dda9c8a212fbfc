"""What a statement smuggled into the web process cannot do, whoever's token it finds there."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from alerting.actions import LONGEST_SHELF
from core.model import Priority
from tests.alerting.plant import NOW, Plant

pytestmark = pytest.mark.db

SECOND = timedelta(seconds=1)

REFUSED = (psycopg.errors.InsufficientPrivilege, psycopg.errors.ForeignKeyViolation)
TRANSITION = (
    "INSERT INTO transition (company_id, definition_id, sensor_id, number, occurrence_id, at, recorded_at, event, from_state,"
    " to_state, suppression, person_id, batch_no, previous, hash)"
    " VALUES (%(company)s, %(definition)s, %(sensor)s, 2, %(occurrence)s, %(now)s, %(now)s, 'acknowledge', 'B', 'C', 'none',"
    " %(person)s, %(batch)s, '', '')"
)
NOTIFICATION = (
    "INSERT INTO notification (key, company_id, occurrence_id, definition_id, sensor_id, onset, step, rule, audience, person_id,"
    " channel, due_at, urgency, created_at) VALUES ('k', %(company)s, %(occurrence)s, %(definition)s, %(sensor)s, %(now)s, 0, 'r',"
    " 'client', %(person)s, 'smtp', %(now)s, 0, %(now)s)"
)


def names(plant: Plant, who: str, **changes: object) -> dict[str, Any]:
    """Ids of the raised gas alarm of company a, in rows that say they are company b's."""
    definition, sensor = plant.definitions["gas"]
    occurrence = plant.alarm("gas")[3]
    ids = {
        "company": plant.other_company, "site": plant.site, "definition": definition, "sensor": sensor,
        "occurrence": occurrence, "person": plant.people[who], "batch": None, "now": NOW,
    }  # fmt: skip
    return {**ids, **changes}


FOREIGN = {
    "a transition, which takes the number of the next one": TRANSITION,
    "a notification": NOTIFICATION,
    "a comment": "INSERT INTO occurrence_comment (company_id, occurrence_id, person_id, at, body)"
    " VALUES (%(company)s, %(occurrence)s, %(person)s, %(now)s, 'x')",
    "an occurrence, which leaves no place for the real one": "INSERT INTO occurrence (company_id, site_id, definition_id,"
    " sensor_id, began_at, evidence_from) VALUES (%(company)s, %(site)s, %(definition)s, %(sensor)s, %(now)s, %(now)s)",
    "an alarm, which would hide the real one": "INSERT INTO alarm (company_id, site_id, definition_id, sensor_id, changed_at, chain)"
    " VALUES (%(company)s, %(site)s, %(definition)s, %(sensor)s, %(now)s, '')",
}


@pytest.mark.parametrize("what", FOREIGN)
def test_a_row_of_one_company_names_nothing_of_another(timescale_plant: Plant, what: str) -> None:
    """A token of company b cannot write rows of company b that hang on company a's alarm: they would stand in its way."""
    plant = timescale_plant
    plant.apply(plant.raised("gas"))
    ids = names(plant, "stranger")
    if "an occurrence" in what or "an alarm" in what:
        ids["definition"], ids["sensor"] = plant.definitions["heat"]  # nothing has happened to it yet
    with pytest.raises(REFUSED), plant.as_person("stranger") as connection:
        connection.execute(FOREIGN[what], ids)


def test_nobody_calls_anothers_readings_their_evidence(timescale_plant: Plant) -> None:
    """Evidence shows the readings of an occurrence's sensor, so an occurrence cannot name another company's."""
    plant = timescale_plant
    sensor = plant.definitions["gas"].sensor_id
    with plant.database.connect("owner") as connection:
        connection.execute(
            "WITH s AS (INSERT INTO site (company_id, key, name, name_zh, time_zone) VALUES (%(b)s, 'b-1', 'B', 'B', 'UTC')"
            "  RETURNING site_id), d AS (INSERT INTO device (company_id, site_id, key, kind) SELECT %(b)s, site_id, 'dev-b', 'gas'"
            "  FROM s RETURNING device_id, site_id), n AS (INSERT INTO sensor (company_id, site_id, device_id, key, name, name_zh,"
            "  quantity, unit) SELECT %(b)s, site_id, device_id, 'x', 'x', 'x', 'lel', '%%' FROM d RETURNING sensor_id, site_id)"
            " INSERT INTO alarm_definition (company_id, site_id, sensor_id, key, detector, direction, setpoint, priority, title,"
            "  title_zh, consequence, consequence_zh, response, response_zh, respond_within_s)"
            " SELECT %(b)s, site_id, sensor_id, 'own', 'limit', 'high', 1, 'low', '', '', '', '', '', '', 1 FROM n",
            {"b": plant.other_company},
        )
    with pytest.raises(psycopg.errors.ForeignKeyViolation), plant.as_person("stranger") as connection:
        connection.execute(
            "INSERT INTO occurrence (company_id, site_id, definition_id, sensor_id, began_at, evidence_from, shared)"
            " SELECT company_id, site_id, definition_id, %s, now(), '-infinity', true FROM alarm_definition",
            (sensor,),
        )


FORGED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a transition by somebody else": (TRANSITION, "officer", {"person": "deputy"}),
    "a transition by ingest": (TRANSITION, "officer", {"batch": 7}),
    "a transition by nobody": (TRANSITION, "officer", {"person": None}),
    "a transition by an underwriter": (TRANSITION, "underwriter", {}),
    "a message to somebody whom no route names": (NOTIFICATION, "officer", {"person": "stranger"}),
    "a comment by somebody else": (FOREIGN["a comment"], "officer", {"person": "deputy"}),
    "a journal entry by somebody else": (
        "INSERT INTO journal (company_id, person_id, actor, action, subject, reason) VALUES (%(company)s, %(person)s, '', '', '', '')",
        "officer",
        {"person": "deputy"},
    ),
    "a history of limits that never was": (
        "INSERT INTO journal (company_id, person_id, actor, action, subject, reason) VALUES (%(company)s, %(person)s, '', 'limit_added', 'limit a/b', '')",
        "officer",
        {},
    ),
}


@pytest.mark.parametrize("what", FORGED)
def test_nobody_writes_in_the_name_of_somebody_else(timescale_plant: Plant, what: str) -> None:
    """Who did what is evidence: the database writes down only the person whose token it is, and only what people do."""
    plant = timescale_plant
    plant.apply(plant.raised("gas"))
    statement, who, changes = FORGED[what]
    ids = names(plant, who, company=plant.company)
    for name, value in changes.items():
        ids[name] = plant.people[value] if isinstance(value, str) else value
    with pytest.raises(REFUSED), plant.as_person(who) as connection:
        connection.execute(statement, ids)


def test_an_onlooker_changes_nothing(timescale_plant: Plant) -> None:
    """An underwriter's token neither silences an alarm nor opens evidence to itself."""
    plant = timescale_plant
    plant.apply(plant.raised("gas"))
    with plant.as_person("underwriter") as connection:
        for statement in (
            "UPDATE alarm SET state = 'C'",
            "UPDATE occurrence SET shared = true",
            "UPDATE notification SET state = 'cancelled'",
        ):
            assert connection.execute(statement).rowcount == 0, statement


def test_a_message_can_be_cancelled_but_not_called_sent(timescale_plant: Plant) -> None:
    """The queue is the proof of what was sent: only who sends may say so, and what is over stays as it was."""
    plant = timescale_plant
    plant.apply(plant.raised("gas"))
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        plant.as_person("officer") as connection,
    ):
        connection.execute("UPDATE notification SET state = 'sent'")
    with plant.as_service("alerting") as connection:
        connection.execute("UPDATE notification SET state = 'sent', outcome = 'receipt'")
    with plant.as_person("officer") as connection:
        assert connection.execute("UPDATE notification SET state = 'cancelled', outcome = ''").rowcount == 0


def test_contact_data_is_read_by_who_sends_alone(timescale_plant: Plant) -> None:
    """Pages show names; addresses and telephone numbers are for the process that calls."""
    for column in ("email", "phone"):
        with (
            pytest.raises(psycopg.errors.InsufficientPrivilege),
            timescale_plant.as_person("officer") as connection,
        ):
            connection.execute(f"SELECT {column} FROM person")  # noqa: S608 - two literals
    with pytest.raises(psycopg.errors.InsufficientPrivilege), timescale_plant.as_person("officer") as connection:
        connection.execute("SELECT address FROM channel_address")


def test_newest_values_are_not_for_the_insurer(timescale_plant: Plant) -> None:
    """What is measured now is as much a raw reading as what was measured before."""
    plant = timescale_plant
    with plant.as_service("ingest") as connection:
        connection.execute(
            "INSERT INTO latest (sensor_id, company_id, measured_at, received_at, value, quality) VALUES (%s, %s, %s, %s, 1, 0)",
            (plant.definitions["gas"].sensor_id, plant.company, NOW, NOW),
        )
    for who, seen in (("officer", 1), ("underwriter", 0)):
        with plant.as_person(who) as connection:
            assert connection.execute("SELECT count(*) FROM latest").fetchone() == (seen,)


SHELVE = "UPDATE alarm SET suppression = 'shelved', suppressed_until = %(until)s, transitions = %(number)s WHERE definition_id = %(definition)s"
SHELVED = (
    "INSERT INTO transition (company_id, definition_id, sensor_id, number, occurrence_id, at, recorded_at, event, from_state,"
    " to_state, suppression, person_id, until, previous, hash) VALUES (%(company)s, %(definition)s, %(sensor)s, 2, %(occurrence)s,"
    " %(now)s, %(now)s, 'shelve', 'B', 'B', 'shelved', %(person)s, %(until)s, '', '')"
)
NEW = (
    "INSERT INTO alarm (company_id, site_id, definition_id, sensor_id, changed_at, chain, suppression, suppressed_until)"
    " SELECT company_id, site_id, definition_id, sensor_id, now(), '', 'shelved', 'infinity' FROM alarm_definition WHERE key = 'heat'"
)


@pytest.mark.parametrize("who", ["operator", "deputy", "officer", "stranger"])
def test_no_statement_puts_an_alarm_aside_without_proof(timescale_plant: Plant, who: str) -> None:
    """Not the insurer's operator, not an integrator, and a safety officer only as the page does: with its transition."""
    plant = timescale_plant
    plant.apply(plant.raised("gas"))
    ids = names(plant, who, company=plant.company)
    for statement in (
        "UPDATE alarm SET suppression = 'shelved', suppressed_until = NULL",
        "UPDATE alarm SET suppression = 'shelved', suppressed_until = now() + interval '30 min'",
        "UPDATE alarm SET suppression = 'by_design', suppressed_until = 'infinity'",
        "UPDATE alarm SET state = 'A', active = false, onset = NULL",
        "UPDATE alarm SET transitions = transitions + 1",
        NEW,
    ):
        try:
            with plant.as_person(who) as connection:
                assert connection.execute(statement.encode(), ids).rowcount == 0
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.CheckViolation):
            pass
    assert plant.alarm("gas")[:3] == ("B", True, "none")
    assert plant.rows("SELECT count(*) FROM alarm WHERE suppression <> 'none'") == [(0,)]


@pytest.mark.parametrize(
    ("key", "longest"), [("gas", Priority.LIFE_SAFETY), ("heat", Priority.HIGH), ("level", Priority.LOW)]
)
def test_a_shelf_ends_within_the_longest_of_its_priority_in_the_database_too(
    timescale_plant: Plant, key: str, longest: Priority
) -> None:
    """The trigger knows the same longest times as the page, and takes the end from the transition alone."""
    plant = timescale_plant
    plant.apply(*(plant.raised(each) for each in sorted({"gas", key})))
    definition, sensor = plant.definitions[key]
    ids = names(
        plant,
        "officer",
        company=plant.company,
        definition=definition,
        sensor=sensor,
        occurrence=plant.alarm(key)[3],
        number=2,
    )
    at_most = NOW + LONGEST_SHELF[longest]

    def shelve(said: datetime, written: datetime | None) -> None:
        with plant.as_person("officer") as connection:
            connection.execute(SHELVED, {**ids, "until": said})
            assert connection.execute(SHELVE.encode(), {**ids, "until": written}).rowcount == 1

    for said, written in ((at_most + SECOND, at_most + SECOND), (at_most - SECOND, at_most), (at_most, None)):
        with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.CheckViolation)):
            shelve(said, written)
    shelve(at_most, at_most)
    with pytest.raises(psycopg.errors.InsufficientPrivilege), plant.as_person("officer") as connection:
        connection.execute(SHELVE.encode(), {**ids, "until": at_most + SECOND})
