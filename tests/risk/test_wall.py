"""What a statement smuggled into the web process cannot do to findings and impairments, whoever's token it finds there."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from core.photo import prepare
from risk import findings as acts
from risk import impairments
from tests.alerting.plant import NOW
from tests.risk.conftest import DAY, Works, picture
from tests.risk.test_impairments_db import begun

pytestmark = pytest.mark.db

REFUSED = (psycopg.errors.InsufficientPrivilege, psycopg.errors.CheckViolation, psycopg.errors.ForeignKeyViolation)
EVENT = (
    "INSERT INTO finding_event (company_id, finding_id, at, person_id, event, to_state)"
    " VALUES (%(company)s, %(finding)s, %(now)s, %(person)s, 'verified', 'closed')"
)
FINDING = (
    "INSERT INTO finding (company_id, site_id, source, title, grade, reported_at, reported_by)"
    " VALUES (%(company)s, %(site)s, 'person', 'x', 'major', %(now)s, %(person)s)"
)
PHOTO = (
    "INSERT INTO finding_photo (company_id, finding_id, at, person_id, shows, width, height, jpeg, sha256)"
    " VALUES (%(company)s, %(finding)s, %(now)s, %(person)s, 'after', 1, 1, '', '')"
)
IMPAIRMENT = (
    "INSERT INTO impairment (company_id, site_id, kind, what, reason, interim_measures, began_at, expected_until, reported_at,"
    " reported_by) VALUES (%(company)s, %(site)s, 'other', 'x', 'x', 'x', %(now)s, %(later)s, %(now)s, %(person)s)"
)


def ids(works: Works, finding: int, person: str, **changes: Any) -> dict[str, Any]:
    plant = works.plant
    return {
        "company": plant.company, "site": plant.site, "finding": finding, "person": works.id_of(person), "now": NOW,
        "later": NOW + DAY, **changes,
    }  # fmt: skip


def refused(works: Works, who: str, statement: str, values: dict[str, Any]) -> None:
    with pytest.raises(REFUSED), works.as_person(who) as connection:
        connection.execute(statement, values)


@pytest.mark.parametrize(
    "statement", [EVENT, FINDING, PHOTO, IMPAIRMENT], ids=["event", "finding", "photo", "impairment"]
)
def test_nobody_writes_in_the_name_of_somebody_else(timescale_works: Works, statement: str) -> None:
    """Neither for a colleague, nor as the insurer, nor for another company, nor onto another's finding or site."""
    works = timescale_works
    finding = works.report()
    refused(works, "officer", statement, ids(works, finding, "deputy"))
    refused(works, "underwriter", statement, ids(works, finding, "underwriter"))
    refused(works, "operator", statement, ids(works, finding, "operator"))
    refused(works, "stranger", statement, ids(works, finding, "stranger"))
    refused(works, "stranger", statement, ids(works, finding, "stranger", company=works.plant.other_company))


FORGED = {
    "verified by a colleague's name": "state = 'closed', closed_at = now(), verified_by = %(third)s",
    "verified by the claimer": "state = 'closed', closed_at = now(), verified_by = %(deputy)s",
    "closed by nobody": "state = 'closed', closed_at = now()",
    "another claimer, so that the first may verify": "claimed_by = %(third)s",
    "another owner, so that the first may verify": "owner_id = %(third)s",
    "graded by somebody else": "grade = 'major', graded_by = %(third)s",
    "graded by nobody any more": "graded_by = NULL",
    "back to reported, where no deadline runs": "state = 'reported', claimed_by = NULL, claimed_at = NULL",
    "a stranger made responsible": "state = 'rectifying', claimed_by = NULL, claimed_at = NULL, owner_id = %(stranger)s",
    "put off by the owner": "due_at = due_at + interval '1 year'",
    "no deadline": "due_at = NULL",
    "another title": "title = 'harmless'",
    "marked as simulated": "simulated = true",
}


def test_the_rules_hold_in_the_database_too(timescale_works: Works) -> None:
    """The deputy is responsible and said that it is done; their own token closes, moves and hides nothing."""
    works = timescale_works
    finding = works.claimed("deputy", "deputy")
    people = {who: works.id_of(who) for who in ("third", "deputy", "stranger")}
    for change in FORGED.values():
        refused(works, "deputy", f"UPDATE finding SET {change} WHERE finding_id = {finding}", people)  # noqa: S608
        assert works.state(finding) == "claimed_done"


def test_an_owner_hands_over_to_nobody_in_the_database(timescale_works: Works) -> None:
    """While work goes on, another person does that; and so for the deadline."""
    works = timescale_works
    finding = works.in_hand("deputy")
    values = {"finding": finding, "third": works.third}
    refused(works, "deputy", "UPDATE finding SET owner_id = %(third)s WHERE finding_id = %(finding)s", values)
    refused(
        works, "deputy", "UPDATE finding SET due_at = due_at + interval '1 d' WHERE finding_id = %(finding)s", values
    )
    works.does("officer", acts.extend, finding, due_at=NOW + 8 * DAY, reason="备件未到")


def test_events_and_photos_stay_as_they_were_written(timescale_works: Works) -> None:
    """Append-only: no role of a process changes or removes them."""
    works = timescale_works
    works.claimed()
    for statement in (
        "UPDATE finding_event SET note = ''",
        "DELETE FROM finding_event",
        "DELETE FROM finding_photo",
        "UPDATE finding_photo SET jpeg = ''",
        "DELETE FROM finding",
        "DELETE FROM impairment",
    ):
        refused(works, "officer", statement, {})
        with pytest.raises(REFUSED), works.plant.as_service("alerting") as connection:
            connection.execute(statement)


def test_the_insurer_sees_findings_without_people(timescale_works: Works) -> None:
    """State, grade and deadline; no event, no photo, no name. And changes nothing."""
    works = timescale_works
    finding = works.claimed()
    works.does("deputy", acts.add_photo, finding, photo=prepare(picture(8, 8)), shows="after", now=NOW + DAY)
    impairment = begun(works)
    with works.as_person("underwriter") as connection:
        for table, seen in (
            ("finding", 1),
            ("impairment", 1),
            ("finding_event", 0),
            ("finding_photo", 0),
            ("v_impairment", 1),
        ):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (seen,)  # noqa: S608
        shown = "SELECT title, description, measures, funds, contingency, owner, photos FROM v_finding"
        assert connection.execute(shown).fetchall() == [("法兰渗漏", None, None, None, None, None, 0)]
        for column in ("description", "measures", "funds", "contingency"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(f"SELECT {column} FROM finding")  # noqa: S608
        assert connection.execute("SELECT count(*) FROM person WHERE company_id IS NOT NULL").fetchone() == (0,)
        steps = connection.execute("SELECT event, to_state FROM v_finding_step ORDER BY event_id").fetchall()
        assert steps[-2:] == [("claimed_done", "claimed_done"), ("photo_added", "claimed_done")]
        assert connection.execute("UPDATE finding SET measures = 'x'").rowcount == 0
        assert connection.execute("UPDATE impairment SET interim_measures = 'x'").rowcount == 0
    with works.as_person("stranger") as connection:
        for table in (
            "finding",
            "impairment",
            "finding_event",
            "finding_photo",
            "v_finding_step",
            "v_finding",
            "v_impairment",
        ):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)  # noqa: S608
        assert connection.execute("UPDATE finding SET measures = 'x'").rowcount == 0
    with works.as_person("third") as connection:
        assert connection.execute(shown).fetchall() == [
            ("法兰渗漏", "", "换垫片", "200元，维修费", "禁火，巡检", "Li Deputy", 1)
        ]
    values = {"id": impairment, "third": works.third}
    statement = "UPDATE impairment SET restored_at = now(), restored_by = %(third)s, restore_proof = 'x' WHERE impairment_id = %(id)s"
    refused(works, "officer", statement, values)


def test_what_is_restored_stays_restored(timescale_works: Works) -> None:
    """Proof is not taken back."""
    works = timescale_works
    impairment = begun(works)
    works.does("officer", impairments.restore, impairment, restored_at=NOW, proof="ok")
    with works.as_person("officer") as connection:
        assert connection.execute("UPDATE impairment SET restored_at = NULL, restored_by = NULL").rowcount == 0


def test_davy_itself_opens_only_what_it_found(timescale_works: Works) -> None:
    """The service that looks for silent detectors writes in no person's name and closes nothing."""
    works = timescale_works
    finding = works.report()
    for statement in (
        FINDING,
        EVENT,
        (
            "INSERT INTO finding (company_id, site_id, source, title, grade, reported_at) VALUES (%(company)s, %(site)s, 'person', 'x',"
            " 'major', %(now)s)"
        ),
        "UPDATE finding SET state = 'closed' WHERE finding_id = %(finding)s",
    ):
        with pytest.raises(REFUSED), works.plant.as_service("alerting") as connection:
            connection.execute(statement, ids(works, finding, "officer"))


@pytest.mark.parametrize("instant", ["infinity", "20000-01-01 00:00+00"])
def test_instants_can_be_read_by_whoever_tells_of_them(timescale_works: Works, instant: str) -> None:
    """The duty that tells of deadlines reads those of all companies: one row would keep everybody from being told."""
    works = timescale_works
    finding, impairment = works.in_hand(), begun(works)
    refused(works, "officer", IMPAIRMENT, ids(works, finding, "officer", later=instant))
    for statement in (
        "UPDATE impairment SET expected_until = %(later)s WHERE impairment_id = %(impairment)s",
        "UPDATE finding SET due_at = %(later)s WHERE finding_id = %(finding)s",
    ):
        with pytest.raises(psycopg.errors.CheckViolation), works.as_person("officer") as connection:
            connection.execute(statement.encode(), {"later": instant, "impairment": impairment, "finding": finding})
