"""Ratings and complaints against the real schema: acts, walls, and statements that are smuggled past the rules."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest

from api.store.voice import to_rate
from core.errors import Refused
from risk import complaints, ratings
from risk.rating import Tap, Thing
from risk.store.ratings import over_since
from tests.alerting.plant import NOW
from tests.risk.conftest import Works
from tests.risk.voices import OCCURRENCE, Voices, voices

pytestmark = pytest.mark.db
DAY = timedelta(days=1)
NUISANCE = Tap(False, "no_danger", "又是误报")


@pytest.fixture
def both(works: Works) -> Voices:
    return voices(works)


@pytest.fixture
def subject(timescale_works: Works) -> Voices:
    return voices(timescale_works)


def test_a_rating_is_one_a_person_and_thing_and_can_be_changed(both: Voices) -> None:
    """Said anew it is the same row, and the journal has both."""
    subject = both
    occurrence = subject.occurrence()
    first = subject.does("officer", ratings.rate, OCCURRENCE, occurrence, tap=NUISANCE)
    assert (
        subject.does("officer", ratings.rate, OCCURRENCE, occurrence, tap=Tap(True, "in_time"), now=NOW + DAY) == first
    )
    assert subject.does("deputy", ratings.rate, OCCURRENCE, occurrence, tap=NUISANCE) != first
    rows = subject.works.plant.rows(
        "SELECT useful, reason, words, changed_at - rated_at FROM rating ORDER BY rating_id"
    )
    assert rows == [(True, "in_time", "", DAY), (False, "no_danger", "又是误报", timedelta(0))]
    told = subject.works.plant.rows("SELECT action, old, new, reason FROM journal ORDER BY journal_id")
    assert told[1] == (
        "rating_given", {"useful": False, "reason": "no_danger"}, {"useful": True, "reason": "in_time"}, "in_time",
    )  # fmt: skip


def test_what_cannot_be_rated(subject: Voices) -> None:
    """Another company's, what is not over, an exercise, made-up history, and what is not there: a sentence each, nothing kept."""
    own, drill = subject.occurrence(), subject.occurrence("heat", resolution="test_or_drill")
    still, made_up = subject.occurrence("level", resolution=None), subject.occurrence(simulated=True)
    tried = subject.occurrence(exercise=True)  # however somebody has resolved it
    impairment = 999_999
    for who, thing, number, said in (
        ("stranger", OCCURRENCE, own, "nothing here that you could rate"),
        ("officer", OCCURRENCE, still, "once it is over"),
        ("officer", OCCURRENCE, drill, "not rated"),
        ("officer", OCCURRENCE, made_up, "not rated"),
        ("officer", OCCURRENCE, tried, "not rated"),
        ("officer", Thing.IMPAIRMENT, impairment, "nothing here"),
        ("underwriter", OCCURRENCE, own, "own people"),
        ("luo", OCCURRENCE, own, "own people"),
    ):
        with pytest.raises(Refused, match=said):
            subject.does(
                who, ratings.rate, thing, number, tap=NUISANCE if thing is OCCURRENCE else Tap(False, "unclear")
            )
    for tap, said in (
        (Tap(False, "no_danger", "x" * 1_000_000), "1000000 characters"),
        (Tap(False, "no_danger", "a\x00b"), "cannot be shown"),
        (Tap(True, "no_danger"), "reasons that are offered"),
    ):
        with pytest.raises(Refused, match=said):
            subject.does("officer", ratings.rate, OCCURRENCE, own, tap=tap)
    assert subject.works.plant.rows("SELECT count(*) FROM rating") == [(0,)]
    with subject.works.plant.as_service("alerting") as connection:
        assert [over.number for over in over_since(connection, NOW - DAY)] == [own]
    with subject.as_person("officer") as connection:
        offered = to_rate(connection, subject.id_of("officer"), subject.works.plant.company, NOW)
    assert [each.number for each in offered] == [own]


SMUGGLED = (
    "INSERT INTO rating (company_id, site_id, occurrence_id, person_id, useful, reason, rated_at, changed_at)"
    " VALUES (%(company)s, %(site)s, %(occurrence)s, %(person)s, false, 'no_danger', %(at)s, %(at)s)"
)


def test_a_rating_that_is_smuggled_past_the_rules(subject: Voices) -> None:
    """The schema holds them: in one's own name, now, of what is over and is no exercise."""
    plant = subject.works.plant
    own, still = subject.occurrence(), subject.occurrence("level", resolution=None)
    tried = subject.occurrence(exercise=True)
    fine = {
        "company": plant.company,
        "site": plant.site,
        "occurrence": own,
        "person": plant.people["officer"],
        "at": NOW,
    }
    for wrong in (
        {"person": plant.people["deputy"]},
        {"occurrence": still},
        {"occurrence": tried},
        {"at": datetime.now(UTC) + DAY},
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), subject.as_person("officer") as connection:
            connection.execute(SMUGGLED, {**fine, **wrong})
    with pytest.raises(psycopg.errors.InsufficientPrivilege), subject.as_person("luo") as connection:
        connection.execute(SMUGGLED, {**fine, "person": subject.engineers["luo"]})
    with subject.as_person("officer") as connection:
        connection.execute(SMUGGLED, fine)
    with subject.as_person("deputy") as connection:
        assert connection.execute("UPDATE rating SET useful = true, reason = 'clear'").rowcount == 0


def test_the_recommendation_is_asked_once_in_ninety_days(subject: Voices) -> None:
    """However many pages are open; and by no statement either."""
    site = subject.works.plant.site
    subject.does("officer", ratings.recommend, site_id=site, score=9, words="及时")
    with pytest.raises(Refused, match="within the last 90 days"):
        subject.does("officer", ratings.recommend, site_id=site, score=0, now=NOW + 89 * DAY)
    with pytest.raises(psycopg.errors.InsufficientPrivilege), subject.as_person("officer") as connection:
        connection.execute(
            "INSERT INTO nps_answer (company_id, site_id, person_id, score, answered_at) VALUES (%s, %s, %s, 0, %s)",
            (subject.works.plant.company, site, subject.id_of("officer"), NOW),
        )
    subject.does("officer", ratings.recommend, site_id=site, score=0, now=NOW + 90 * DAY)
    with pytest.raises(Refused, match="no such site"):
        subject.does("stranger", ratings.recommend, site_id=site, score=5)


def test_a_service_is_noted_by_the_insurer_and_rated_by_the_client(subject: Voices) -> None:
    """Of the items of the standard, on a day that can be; the client's people do not note one themselves."""
    told: dict[str, Any] = {
        "site_id": subject.works.plant.site, "item": "training", "what": "粉尘防爆培训", "served_by": "某技术服务机构",
        "given_on": NOW.date(),
    }  # fmt: skip
    for wrong, said in (
        ({"item": "party"}, "from the list"),
        ({"what": " "}, "what was done"),
        ({"given_on": date(2020, 1, 1)}, "look at the date"),
        ({"given_on": NOW.date() + 2 * DAY}, "look at the date"),
    ):
        with pytest.raises(Refused, match=said):
            subject.does("luo", ratings.note_service, **{**told, **wrong})
    for who in ("officer", "underwriter"):
        with pytest.raises(Refused, match="risk engineers"):
            subject.does(who, ratings.note_service, **told)
    service = subject.does("luo", ratings.note_service, **told)
    subject.does("officer", ratings.rate, Thing.GIVEN, service, tap=Tap(True, "clear"))
    with pytest.raises(Refused, match="nothing here"):
        subject.does("stranger", ratings.rate, Thing.GIVEN, service, tap=Tap(True, "clear"))


def test_a_complaint_from_filing_to_the_complainants_own_verdict(both: Voices) -> None:
    """Each step by whoever may take it, each in the journal; reopened it owes a new conclusion, and the first answer stays the first."""
    subject = both
    made = subject.solved()
    subject.does("officer", complaints.reopen, made, reason="夜间仍然报警", now=NOW + DAY)
    assert subject.works.plant.rows(
        "SELECT state, reopened, solved_at, answered_at = %s, conclude_due_at > answer_due_at FROM complaint", NOW
    ) == [("acknowledged", 1, None, True, True)]
    subject.does("luo", complaints.analyse, made, cause="limit", facts="延时过短。", now=NOW + 2 * DAY)
    subject.does("luo", complaints.solve, made, measures="延时 30 s。", now=NOW + 2 * DAY)
    subject.does("officer", complaints.accept, made, words="好了", now=NOW + 3 * DAY)
    assert subject.works.plant.rows("SELECT state, closed_by FROM complaint") == [("closed", subject.id_of("officer"))]
    told = subject.works.plant.rows(
        "SELECT action, person_id, reason FROM journal WHERE subject = %s ORDER BY journal_id", f"complaint/{made}"
    )
    assert [row[0].removeprefix("complaint_") for row in told] == [
        "filed", "acknowledged", "analysed", "solved", "reopened", "analysed", "solved", "accepted",
    ]  # fmt: skip
    assert told[4] == ("complaint_reopened", subject.id_of("officer"), "夜间仍然报警")
    again: dict[str, Any] = {"reason": "x"}
    for act, words in ((complaints.accept, {}), (complaints.reopen, again)):
        with pytest.raises(Refused, match="file a new one that follows it"):
            subject.does("officer", act, made, **words)
    assert subject.filed(follows_id=made) != made


def test_what_a_complaint_refuses(subject: Voices) -> None:
    """A sentence each: texts, places, roles, order, and whose word it is."""
    occurrence = subject.occurrence()
    for words, said in (
        ({"title": ""}, "needs a title"), ({"body": " "}, "what happened"), ({"body": "x" * 1_000_000}, "1000000 characters"),
        ({"title": "a\x1bb"}, "cannot be shown"), ({"site_id": 999_999}, "no such site"), ({"follows_id": 999_999}, "no complaint 999999"),
        ({"about": (OCCURRENCE, 999_999)}, "not at this site"),
    ):  # fmt: skip
        with pytest.raises(Refused, match=said):
            subject.filed(**words)
    with pytest.raises(Refused, match="no such site"):
        subject.filed("stranger")
    with pytest.raises(Refused, match="own people"):
        subject.filed("underwriter")
    with pytest.raises(Refused, match="who called"):
        subject.filed("luo")
    made = subject.filed(about=(OCCURRENCE, occurrence))
    with pytest.raises(Refused, match="still open"):
        subject.filed(follows_id=made)
    with pytest.raises(Refused, match="complaint is received"):
        subject.does("luo", complaints.solve, made, measures="x")
    with pytest.raises(Refused, match="complaint is received"):
        subject.does("officer", complaints.accept, made)
    for who in ("officer", "underwriter"):
        with pytest.raises(Refused, match="risk engineers"):
            subject.does(who, complaints.take, made)
    subject.answered(made)
    with pytest.raises(Refused, match="take it over first"):
        subject.does("shi", complaints.solve, made, measures="x")
    with pytest.raises(Refused, match="see to this complaint already"):
        subject.does("luo", complaints.take, made)
    subject.does("shi", complaints.take, made)
    subject.does("shi", complaints.solve, made, measures="x")
    with pytest.raises(Refused, match="Who complained says"):
        subject.does("deputy", complaints.accept, made)
    with pytest.raises(Refused, match="There is no complaint"):
        subject.does("stranger", complaints.accept, made)


def test_the_longer_clock_and_one_extension(subject: Voices) -> None:
    """30 working days where more must be found out; 30 days more by another person than the owner."""
    now = datetime.now(UTC)  # the schema looks at its own clock whether the time is over
    made = subject.filed(now=now)
    subject.does("luo", complaints.take, made, now=now)
    subject.does("luo", complaints.analyse, made, cause="other", facts="待现场核实", further=True, now=now)
    ((answer, conclude),) = subject.works.plant.rows("SELECT answer_due_at, conclude_due_at FROM complaint")
    assert conclude - answer >= 28 * DAY  # twenty working days more
    for who, until, said in (
        ("luo", conclude + DAY, "another person"), ("shi", conclude + 31 * DAY, "30 days"), ("shi", conclude, "later than"),
    ):  # fmt: skip
        with pytest.raises(Refused, match=said):
            subject.does(who, complaints.extend, made, until=until, reason="等检测报告", now=now)
    subject.does("shi", complaints.extend, made, until=conclude + 30 * DAY, reason="等检测报告", now=now)
    with pytest.raises(Refused, match="once"):
        subject.does("shi", complaints.extend, made, until=conclude + 31 * DAY, reason="again", now=now)


def test_a_complaint_by_telephone(subject: Voices) -> None:
    """Noted by whoever took the call; the verdict is any colleague's of the caller, and never the insurer's."""
    made = subject.solved(now=NOW)
    phone = subject.filed("luo", caller="王班长")
    assert subject.works.plant.rows(
        "SELECT road, filed_by, noted_by, complainant FROM complaint WHERE complaint_id = %s", phone
    ) == [("phone", None, subject.engineers["luo"], "王班长")]
    subject.answered(phone)
    subject.does("luo", complaints.solve, phone, measures="x")
    with pytest.raises(Refused, match="own people"):
        subject.does("luo", complaints.accept, phone)
    subject.does("deputy", complaints.accept, phone)
    assert subject.state(phone) == "closed"
    subject.works.plant.rows("UPDATE person SET active = false WHERE key = 'officer' RETURNING 1")
    subject.does("third", complaints.accept, made)  # who complained has left


def test_two_who_say_at_once_that_it_is_settled(subject: Voices) -> None:
    """One closes it, the other is told that it is closed; never both."""
    phone = subject.filed("luo", caller="王班长")
    subject.answered(phone)
    subject.does("luo", complaints.solve, phone, measures="x")
    outcomes: list[str] = []

    def verdict(who: str) -> None:
        try:
            if who == "officer":
                subject.does(who, complaints.accept, phone)
            else:
                subject.does(who, complaints.reopen, phone, reason="未解决")
            outcomes.append("done")
        except Refused as refused:
            outcomes.append(str(refused))

    threads = [threading.Thread(target=verdict, args=(who,)) for who in ("officer", "deputy")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(outcomes)[-1] == "done"
    assert len(outcomes) == 2
    assert outcomes.count("done") == 1


def test_who_sees_a_complaint(subject: Voices) -> None:
    """The company and the insurer's risk engineers; an underwriter its clocks and no word; another company nothing."""
    subject.filed()
    for who, complaint, clock, rating in (
        ("officer", 1, 1, 1), ("luo", 1, 1, 0), ("underwriter", 0, 1, 0), ("stranger", 0, 0, 0),
    ):  # fmt: skip
        subject.works.plant.rows("DELETE FROM rating RETURNING 1")
        subject.does("officer", ratings.rate, OCCURRENCE, subject.occurrence(), tap=NUISANCE)
        with subject.as_person(who) as connection:
            counts = [
                connection.execute("SELECT count(*) FROM complaint").fetchone(),
                connection.execute("SELECT count(*) FROM v_complaint_clock").fetchone(),
                connection.execute("SELECT count(*) FROM rating").fetchone(),
            ]
        assert counts == [(complaint,), (clock,), (rating,)], who


def test_a_complaint_that_is_smuggled_past_the_rules(subject: Voices) -> None:
    """Nothing closes itself, no clock is moved, no word is put into another's mouth, whatever statement reaches the database."""
    made = subject.solved()
    for who, statement in (
        ("luo", "UPDATE complaint SET state = 'closed', closed_at = now(), closed_by = davy_person()"),
        ("deputy", "UPDATE complaint SET state = 'closed', closed_at = now(), closed_by = davy_person()"),
        ("officer", "UPDATE complaint SET measures = 'nothing'"),
        ("luo", "UPDATE complaint SET conclude_due_at = conclude_due_at + interval '1 year'"),
        ("officer", "UPDATE complaint SET filed_at = now()"),
        ("officer", "DELETE FROM complaint"),
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), subject.as_person(who) as connection:
            connection.execute(statement)
    with subject.as_person("underwriter") as connection:
        assert connection.execute("UPDATE complaint SET state = 'acknowledged'").rowcount == 0
    assert subject.state(made) == "solved"
    with pytest.raises(psycopg.errors.InsufficientPrivilege), subject.works.plant.as_service("alerting") as connection:
        connection.execute("UPDATE complaint SET state = 'closed'")


UNREADABLE = (
    "INSERT INTO complaint (company_id, site_id, title, body, road, filed_at, filed_by, complainant, answer_due_at, conclude_due_at)"
    " SELECT %(company)s, %(site)s, 't', 'b', 'page', now(), davy_person(), 'Chen', d, d FROM (SELECT %(due)s::timestamptz AS d) x"
)


@pytest.mark.parametrize("due", ["infinity", "20000-01-01 00:00+00"])
def test_the_clocks_of_a_complaint_can_be_read_by_whoever_tells_of_them(subject: Voices, due: str) -> None:
    """The duty that tells of complaints reads those of all companies: one row would keep findings and impairments of all from being told."""
    plant = subject.works.plant
    made = subject.solved()
    with pytest.raises(psycopg.errors.CheckViolation), subject.as_person("officer") as connection:
        connection.execute(UNREADABLE, {"company": plant.company, "site": plant.site, "due": due})
    with pytest.raises(psycopg.errors.CheckViolation), subject.as_person("officer") as connection:
        connection.execute(
            "UPDATE complaint SET state = 'acknowledged', solved_at = NULL, reopened = 1, conclude_due_at = %s WHERE complaint_id = %s",
            (due, made),
        )
