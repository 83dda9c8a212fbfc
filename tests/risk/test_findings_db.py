"""What people do to findings, on both kinds of database: the states, the events, and every refusal."""

from __future__ import annotations

import threading

import pytest

from core.errors import Refused
from core.photo import prepare
from risk import findings as acts
from risk.score.facts import Overdue
from risk.store.site_facts import Window, overdue
from tests.alerting.plant import NOW
from tests.risk.conftest import DAY, Works, picture

pytestmark = pytest.mark.db


def test_the_whole_life_is_in_its_events(works: Works) -> None:
    """Reported, graded and put in hand, put off, said to be done, sent back, done, verified, opened again."""
    plant = works.plant
    finding = works.report()
    works.does("officer", acts.plan, finding, plan=works.plan("deputy"), grade="major")
    works.does("third", acts.extend, finding, due_at=NOW + 9 * DAY, reason="备件未到")
    works.does("deputy", acts.claim, finding, note="已更换", now=NOW + DAY)
    works.does("officer", acts.send_back, finding, reason="仍有渗漏", now=NOW + DAY)
    works.does("deputy", acts.claim, finding, note="重新紧固", now=NOW + 2 * DAY)
    works.does("officer", acts.verify, finding, note="皂液试验无泡", now=NOW + 3 * DAY)
    assert works.state(finding) == "closed"
    works.does("third", acts.reopen, finding, reason="又漏了", due_at=NOW + 20 * DAY, now=NOW + 4 * DAY)
    officer, deputy, third = plant.people["officer"], plant.people["deputy"], works.third
    assert works.events(finding) == [
        ("reported", officer, None, "reported"),
        ("graded", officer, "reported", "reported"),
        ("assigned", officer, "reported", "rectifying"),
        ("extended", third, "rectifying", "rectifying"),
        ("claimed_done", deputy, "rectifying", "claimed_done"),
        ("sent_back", officer, "claimed_done", "rectifying"),
        ("claimed_done", deputy, "rectifying", "claimed_done"),
        ("verified", officer, "claimed_done", "closed"),
        ("reopened", third, "closed", "rectifying"),
    ]
    assert plant.rows(
        "SELECT state, reopened, claimed_by, verified_by, closed_at, due_at, grade, graded_by FROM finding"
    ) == [("rectifying", 2, None, None, None, NOW + 20 * DAY, "major", officer)]
    ((old, new),) = plant.rows("SELECT old, new FROM finding_event WHERE event = 'extended'")
    assert old == {"due_at": (NOW + 7 * DAY).isoformat()}
    assert new == {"due_at": (NOW + 9 * DAY).isoformat()}
    ((old, new),) = plant.rows("SELECT old, new FROM finding_event WHERE event = 'graded'")
    assert (old, new) == ({"grade": "general", "graded_by": None}, {"grade": "major"})


@pytest.mark.parametrize("who", ["deputy", "officer"])
def test_neither_owner_nor_claimer_verifies(timescale_works: Works, who: str) -> None:
    """The deputy is responsible, the officer said it is done: only the third may look."""
    works = timescale_works
    finding = works.claimed(owner="deputy", by="officer")
    with pytest.raises(Refused, match="cannot verify it: another person looks"):
        works.does(who, acts.verify, finding, note="看过了", now=NOW + 2 * DAY)
    assert works.state(finding) == "claimed_done"
    works.does("third", acts.verify, finding, note="看过了", now=NOW + 2 * DAY)
    assert works.state(finding) == "closed"


def test_nothing_begins_before_it_is_graded_and_settled(timescale_works: Works) -> None:
    """A suspected grade is confirmed by a person, and each of the five is named when it is missing."""
    works = timescale_works
    finding = works.report()
    with pytest.raises(Refused, match="only suspected"):
        works.does("officer", acts.plan, finding, plan=works.plan())
    with pytest.raises(Refused, match="Still missing: measures, deadline"):
        works.does("officer", acts.plan, finding, plan=works.plan(measures=" ", due_at=None), grade="major")
    for owner in ("stranger", "underwriter"):
        with pytest.raises(Refused, match="your own colleagues"):
            works.does("officer", acts.plan, finding, plan=works.plan(owner), grade="major")
    with pytest.raises(Refused, match="finding is reported, not yet put in hand"):
        works.does("officer", acts.claim, finding, note="fertig")
    assert works.state(finding) == "reported"
    assert [event for event, *_ in works.events(finding)] == ["reported"], "what is refused leaves nothing"
    works.does("third", acts.grade, finding, grade="general")
    works.does("officer", acts.plan, finding, plan=works.plan())
    assert works.state(finding) == "rectifying"
    with pytest.raises(Refused, match="changed with a reason"):
        works.does("officer", acts.grade, finding, grade="major")
    works.does("officer", acts.grade, finding, grade="major", note="需停产")


def test_an_owner_neither_puts_off_nor_hands_over_alone(timescale_works: Works) -> None:
    """Else they could step aside, put it off or verify it, and step back."""
    works = timescale_works
    finding = works.in_hand(owner="deputy")
    with pytest.raises(Refused, match="another person approves"):
        works.does("deputy", acts.extend, finding, due_at=NOW + 30 * DAY, reason="忙")
    with pytest.raises(Refused, match="cannot hand the finding over alone"):
        works.does("deputy", acts.plan, finding, plan=works.plan("third", due_at=None))
    with pytest.raises(Refused, match="moved by an extension"):
        works.does("officer", acts.plan, finding, plan=works.plan("deputy", due_at=NOW + 30 * DAY))
    works.does("deputy", acts.plan, finding, plan=works.plan("deputy", due_at=None, measures="换阀"))
    works.does("officer", acts.plan, finding, plan=works.plan("third", due_at=None))
    assert works.plant.rows("SELECT owner_id, due_at FROM finding") == [(works.third, NOW + 7 * DAY)]


@pytest.mark.parametrize("who", ["underwriter", "operator"])
def test_only_the_company_s_own_people_act(timescale_works: Works, who: str) -> None:
    """The insurer reads; the operator keeps the machine running."""
    with pytest.raises(Refused, match="own people"):
        timescale_works.does(
            who, acts.report, site_id=timescale_works.plant.site, zone_id=None, title="x", grade="general"
        )


def test_another_company_s_places_and_findings_are_not_there(timescale_works: Works) -> None:
    """A stranger names our site, our finding: there is none."""
    works = timescale_works
    finding = works.report()
    with pytest.raises(Refused, match="no such site or zone"):
        works.report("stranger")
    with pytest.raises(Refused, match="There is no finding"):
        works.does("stranger", acts.note, finding, note="x")
    with pytest.raises(Refused, match="no such site or zone"):
        works.report(zone_id=999_999)


def test_words_are_asked_for_and_bounded(timescale_works: Works) -> None:
    """An act without a word is half an act; a novel is none."""
    works = timescale_works
    with pytest.raises(Refused, match="needs a title"):
        works.report(title="  ")
    with pytest.raises(Refused, match="201 characters; it may have 200"):
        works.report(title="x" * 201)
    with pytest.raises(Refused, match="general or major"):
        works.report(grade="重大")
    finding = works.in_hand()
    for act, sentence in ((acts.claim, "what was done"), (acts.note, "needs a text")):
        with pytest.raises(Refused, match=sentence):
            works.does("deputy", act, finding, note="\n ")


def test_an_occurrence_has_one_open_finding(works: Works) -> None:
    """Two people click at once: one finding, and both are led to it; after it is closed, a new one."""
    plant = works.plant
    plant.apply(plant.raised("gas"))
    occurrence = plant.alarm("gas")[3]
    made: list[int] = []

    def click(who: str) -> None:
        made.append(works.report(who, occurrence_id=occurrence))

    threads = [threading.Thread(target=click, args=(who,)) for who in ("officer", "deputy", "third")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 1
    assert plant.rows("SELECT source, occurrence_id FROM finding") == [("occurrence", occurrence)]
    with pytest.raises(Refused, match="no occurrence 424242"):
        works.report(occurrence_id=424242)


def test_photos_are_kept_with_their_hash_and_bounded(works: Works) -> None:
    """Before and after, twenty at most, none once it is closed."""
    finding = works.in_hand()
    photo = prepare(picture(80, 60))
    for _ in range(acts.MOST_PHOTOS):
        works.does("deputy", acts.add_photo, finding, photo=photo, shows="before")
    with pytest.raises(Refused, match="20 photos already"):
        works.does("deputy", acts.add_photo, finding, photo=photo, shows="after")
    assert works.plant.rows("SELECT DISTINCT sha256 = sha256(jpeg), width, height FROM finding_photo") == [
        (True, 80, 60)
    ]
    closed = works.claimed()
    works.does("officer", acts.verify, closed, note="好", now=NOW + 2 * DAY)
    with pytest.raises(Refused, match="finding is closed"):
        works.does("deputy", acts.add_photo, closed, photo=photo, shows="after")


def test_a_past_day_stays_as_overdue_as_it_was(timescale_works: Works) -> None:
    """Extended, claimed, sent back, verified and reopened later: the score of the days before reads the same steps."""
    works = timescale_works
    finding = works.in_hand("deputy")
    window = Window(works.plant.site, "UTC", NOW, NOW + 10 * DAY)

    def days() -> list[Overdue]:
        with works.plant.as_service("alerting") as connection:
            return overdue(connection, window)[0]

    assert days() == [Overdue("general", 3.0)]
    later = NOW + 10 * DAY
    works.does("officer", acts.extend, finding, due_at=later + 30 * DAY, reason="r", now=later)
    assert days() == [Overdue("general", 3.0)]
    works.does("deputy", acts.claim, finding, note="n", now=later + DAY)
    works.does("officer", acts.verify, finding, note="n", now=later + 2 * DAY)
    assert days() == [Overdue("general", 3.0)]
    works.does("officer", acts.reopen, finding, reason="r", due_at=later + 60 * DAY, now=later + 3 * DAY)
    assert days() == [Overdue("general", 3.0)]
