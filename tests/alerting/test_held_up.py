"""After an outage: who is told of what, when the database is back. One thing at a time, and nothing that is over."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest

from alerting import actions
from alerting.apply import apply_events
from alerting.delivery import Claimed, called_off
from alerting.outbox import SETTLING
from alerting.store import claims, notifications
from core.batch import Event
from tests.alerting.plant import NOW, Plant
from tests.alerting.test_outbox import Clock, Sink, dispatcher, rounds

pytestmark = pytest.mark.db

MINUTE = timedelta(minutes=1)
BACK = NOW + 13 * MINUTE  # the database is there again


def drain(plant: Plant, *events: Event, at: datetime = NOW) -> None:
    """A batch out of the spool: judged `at`, written down when the database is back."""
    with plant.as_service("ingest") as connection:
        apply_events(connection, events, now=at, batch_no=1, tells=False)


def all_is_applied(plant: Plant, now: datetime = BACK) -> None:
    """The first batch that is not late, as ingest does it."""
    with plant.as_service("ingest") as connection:
        actions.call_for_the_untold(connection, now)


def beat(plant: Plant, at: datetime, spooled: int) -> None:
    """Ingest says how its spool stands."""
    with plant.as_service("ingest") as connection:
        connection.execute(
            """
            INSERT INTO ingest_status (worker, beat_at, state, report)
            VALUES ('w', %(at)s, 'judging', jsonb_build_object('spool', jsonb_build_object('batches', %(spooled)s::int)))
            ON CONFLICT (worker) DO UPDATE SET beat_at = excluded.beat_at, report = excluded.report
            """,
            {"at": at, "spooled": spooled},
        )


def sent(plant: Plant, begin: datetime, minutes: Iterable[int]) -> list[tuple[int, str]]:
    """(minute, subject) of all that goes out over both channels when the outbox looks at these minutes."""
    found: list[tuple[int, str]] = []
    clock = Clock()
    sink = Sink(lambda message: found.append((round((clock.now - begin) / MINUTE), message.subject)))
    with dispatcher(plant, clock, smtp=sink, webhook=sink) as subject:
        for minute in minutes:
            clock.now = begin + minute * MINUTE
            rounds(subject, clock.now)
    return found


def test_what_holds_is_told_from_the_first_step_on_and_says_since_when(plant: Plant) -> None:
    """Thirteen minutes late: one message now that says so, the deputy two minutes later; not three people at once."""
    drain(plant, plant.raised("heat"))
    assert plant.waiting() == []
    all_is_applied(plant)
    assert plant.waiting() == [("officer", 0, "waiting"), ("deputy", 1, "waiting")]
    bodies: list[str] = []
    sink, hook, clock = Sink(lambda message: bodies.append(message.text)), Sink(), Clock()
    with dispatcher(plant, clock, smtp=sink, webhook=hook) as subject:
        for minute in (0, 1, 2, 3):
            clock.now = BACK + minute * MINUTE
            rounds(subject, clock.now)
            assert len(hook.sent) == (minute >= 2)
    assert [message.subject for message in sink.sent] == ["【高】已持续13分钟未恢复：可燃气体达25%LEL，罐区"]
    assert "16:00" in bodies[0]  # in the site's zone
    assert "直至" in bodies[0]
    assert "16:13" in bodies[0]
    assert plant.alarm("heat")[0] == "B"
    all_is_applied(plant, BACK + MINUTE)
    assert len(plant.waiting()) == 2, "it is called for once"


def test_what_is_over_calls_nobody(plant: Plant) -> None:
    """It waits on the page for whoever looks, as it would have; if it begins again, that is news."""
    drain(plant, plant.raised("heat"))
    drain(plant, plant.cleared("heat", NOW + MINUTE), at=NOW + MINUTE)
    all_is_applied(plant)
    assert plant.waiting() == []
    assert plant.alarm("heat")[0] == "D"
    plant.apply(plant.raised("heat", BACK + MINUTE), now=BACK + MINUTE)
    assert plant.waiting() == [("officer", 0, "waiting"), ("deputy", 1, "waiting")]


def test_life_safety_is_queued_as_it_was_called(plant: Plant) -> None:
    """Ingest has called from the spool, or should have: the books get what belongs to its keys, overdue steps at once."""
    drain(plant, plant.raised("gas"))
    assert plant.waiting() == [("officer", 0, "waiting"), ("deputy", 1, "waiting"), ("underwriter", 0, "waiting")]
    assert len(sent(plant, BACK, [0])) == 3


def test_an_alarm_that_was_called_before_the_outage_is_not_called_again(plant: Plant) -> None:
    """It flickers meanwhile: that belongs to the call that nobody has answered."""
    plant.apply(plant.raised("heat"))
    drain(plant, plant.cleared("heat", NOW + MINUTE), at=NOW + MINUTE)
    drain(plant, plant.raised("heat", NOW + 2 * MINUTE), at=NOW + 2 * MINUTE)
    all_is_applied(plant)
    assert plant.waiting() == [("officer", 0, "waiting"), ("deputy", 1, "waiting")]


def test_a_person_who_answers_at_once_is_not_called(plant: Plant) -> None:
    """Acknowledged on the page before the last of the drain: nothing is left to tell."""
    drain(plant, plant.raised("heat"))
    occurrence_id = plant.alarm("heat")[3]
    with plant.as_person("officer") as connection:
        actions.acknowledge(connection, occurrence_id, person_id=plant.people["officer"], now=BACK)
    all_is_applied(plant)
    assert plant.waiting() == []


def test_a_ladder_that_was_held_up_goes_on_step_by_step(plant: Plant) -> None:
    """Both steps were queued and are overdue: the first goes out now, the second its two minutes later."""
    plant.apply(plant.raised("heat"))
    assert [minute for minute, _ in sent(plant, BACK, range(4))] == [0, 2]


def test_life_safety_that_was_held_up_goes_out_at_once(plant: Plant) -> None:
    """Everybody who should have heard by now hears now."""
    plant.apply(plant.raised("gas"))
    assert [minute for minute, _ in sent(plant, BACK, range(2))] == [0, 0, 0]


@pytest.fixture
def latched(plant: Plant) -> Plant:
    """The plant, its high alarm latching."""
    with plant.database.connect("owner") as owner:
        owner.execute("UPDATE alarm_definition SET latch = true WHERE key = 'heat'")
    return plant


def test_what_latches_is_told_though_its_condition_is_over(latched: Plant) -> None:
    """It stands until a person has acknowledged it: somebody must hear of it, and that it is over; once."""
    drain(latched, latched.raised("heat"))
    drain(latched, latched.cleared("heat", NOW + MINUTE), at=NOW + MINUTE)
    all_is_applied(latched)
    assert latched.alarm("heat")[:2] == ("E", False)
    bodies: list[str] = []
    sink, hook, clock = Sink(lambda message: bodies.append(message.text)), Sink(), Clock()
    clock.now = BACK
    with dispatcher(latched, clock, smtp=sink, webhook=hook) as subject:
        assert rounds(subject, BACK) == ["sent"]
    assert [message.subject for message in sink.sent] == ["【高】报警已锁定，待人员核实：可燃气体达25%LEL，罐区"]
    assert "报警条件已消除" in bodies[0]
    assert "直至" in bodies[0]
    all_is_applied(latched, BACK + MINUTE)
    assert latched.waiting() == [("officer", 0, "sent"), ("deputy", 1, "waiting")]


def test_what_latches_and_was_queued_goes_out(latched: Plant) -> None:
    """Over before anybody could be told is no reason where it waits for a person all the same."""
    latched.apply(latched.raised("heat"))
    drain(latched, latched.cleared("heat", NOW + MINUTE), at=NOW + MINUTE)
    assert [minute for minute, _ in sent(latched, BACK, range(4))] == [0, 2]


def test_what_latches_and_was_told_is_not_told_again(latched: Plant) -> None:
    """Called in time and over twenty minutes later: a restart of ingest, which looks for the untold, finds nothing."""
    latched.apply(latched.raised("heat"))
    end = NOW + 20 * MINUTE
    latched.apply(latched.cleared("heat", end), now=end)
    all_is_applied(latched, end + MINUTE)
    assert len(latched.waiting()) == 2


def test_what_latches_and_was_put_aside_is_known(latched: Plant) -> None:
    """Shelved and taken off the shelf after its end: a person has it in hand, so nobody is called."""
    latched.apply(latched.raised("heat"))
    latched.apply(latched.cleared("heat", NOW + MINUTE), now=NOW + MINUTE)
    alarm = latched.definitions["heat"]
    with latched.as_person("officer") as connection:
        who = latched.people["officer"]
        actions.shelve(connection, alarm, person_id=who, now=BACK, reason="repair", until=BACK + MINUTE)
        actions.unshelve(connection, alarm, person_id=who, now=BACK + timedelta(seconds=1))
    before = latched.waiting()
    all_is_applied(latched, BACK + MINUTE)
    assert latched.waiting() == before


def test_what_latched_in_the_past_calls_nobody(latched: Plant) -> None:
    """Learnt of an hour late, and out of the spool: as in time, it is written down as past."""
    hour = NOW + 60 * MINUTE
    drain(latched, latched.raised("heat"), latched.cleared("heat", NOW + MINUTE), at=hour)
    all_is_applied(latched, hour + MINUTE)
    assert latched.waiting() == []


def test_what_was_queued_waits_until_ingest_has_said_what_is_over(plant: Plant) -> None:
    """While batches lie in the spool, and until ingest has been heard at all: what they end is told to nobody."""
    plant.apply(plant.raised("heat"))
    beat(plant, NOW, 0)
    sink, clock = Sink(), Clock()
    with dispatcher(plant, clock, smtp=sink, webhook=sink) as subject:
        clock.now = BACK
        assert rounds(subject, BACK) == []
        beat(plant, BACK + timedelta(seconds=2), 40)
        assert rounds(subject, BACK + timedelta(seconds=5)) == []
        drain(plant, plant.cleared("heat", NOW + MINUTE), at=NOW + MINUTE)
        beat(plant, BACK + timedelta(seconds=6), 0)
        clock.now = BACK + timedelta(seconds=7)
        assert rounds(subject, clock.now) == ["cancelled"]  # and its whole call with it
    assert sink.sent == []
    assert plant.rows("SELECT DISTINCT outcome FROM notification") == [("over before anybody could be told",)]


def test_a_call_that_was_called_off_swallows_no_danger(plant: Plant) -> None:
    """Queued, over before anybody could be told, raised again within a quarter of an hour: nobody knows of it, so it calls."""
    plant.apply(plant.raised("heat"))
    plant.apply(plant.cleared("heat", NOW + MINUTE), now=NOW + MINUTE)
    back = NOW + 5 * MINUTE
    assert sent(plant, back, [0]) == []
    assert plant.waiting() == [("officer", 0, "cancelled"), ("deputy", 1, "cancelled")]
    again = NOW + 7 * MINUTE
    plant.apply(plant.raised("heat", again), now=again)
    assert [minute for minute, _ in sent(plant, again, range(4))] == [0, 2]


def test_the_whole_call_is_called_off(plant: Plant) -> None:
    """Nobody was told in time, and the deputy is not due yet: who comes later on the ladder does not hear of it alone."""
    plant.apply(plant.raised("heat"))
    plant.apply(plant.cleared("heat", NOW + MINUTE), now=NOW + MINUTE)
    assert sent(plant, NOW + 1.5 * MINUTE, [0, 1, 2]) == []
    assert plant.rows("SELECT DISTINCT outcome FROM notification") == [("over before anybody could be told",)]


def test_who_was_told_before_is_backed_by_those_behind_them(plant: Plant) -> None:
    """The officer heard in time, the sender was away, it is over: the ladder goes on, and what begins again belongs to it."""
    plant.apply(plant.raised("heat"))
    assert len(sent(plant, NOW, [0])) == 1
    plant.apply(plant.cleared("heat", NOW + MINUTE), now=NOW + MINUTE)
    plant.apply(plant.raised("heat", NOW + 6 * MINUTE), now=NOW + 6 * MINUTE)
    plant.apply(plant.cleared("heat", NOW + 7 * MINUTE), now=NOW + 7 * MINUTE)
    assert len(sent(plant, NOW + 8 * MINUTE, [0, 1])) == 1
    assert plant.waiting() == [("officer", 0, "sent"), ("deputy", 1, "sent")]


def test_raised_again_while_its_call_is_called_off(plant: Plant) -> None:
    """Between the look at the queue and the end of the call: what is wanted again goes out."""
    plant.apply(plant.raised("heat"))
    plant.apply(plant.cleared("heat", NOW + MINUTE), now=NOW + MINUTE)
    with plant.as_service("alerting") as connection:
        claimed = claims.claim(connection, BACK, BACK + MINUTE)
    assert isinstance(claimed, Claimed)
    assert called_off(claimed, BACK)
    plant.apply(plant.raised("heat", NOW + 2 * MINUTE), now=NOW + 2 * MINUTE)
    with plant.as_service("alerting") as connection:
        assert not notifications.call_off(connection, claimed.notification_id, BACK, "over")
    assert plant.waiting() == [("officer", 0, "claimed"), ("deputy", 1, "waiting")]


def test_ingest_that_is_gone_holds_nobody_up_for_long(plant: Plant) -> None:
    """It does not come back: after a quarter of a minute what was queued goes out all the same."""
    plant.apply(plant.raised("heat"))
    beat(plant, NOW, 0)
    sink, clock = Sink(), Clock()
    with dispatcher(plant, clock, smtp=sink, webhook=sink) as subject:
        clock.now = BACK
        assert rounds(subject, BACK) == []
        clock.now = BACK + SETTLING
        assert rounds(subject, clock.now) == ["sent"]


def test_what_is_in_time_never_waits_for_the_spool(plant: Plant) -> None:
    """Nor does life safety, however late."""
    beat(plant, NOW, 40)
    plant.apply(plant.raised("heat"))
    assert len(sent(plant, NOW, [0])) == 1
    plant.apply(plant.raised("gas"))
    beat(plant, BACK, 40)
    assert len(sent(plant, BACK, [0])) == 3
