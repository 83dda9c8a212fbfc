"""Calls to a duty position in a real database: who takes over gets what waits, once, and nobody else can say so."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

import psycopg
import pytest

from alerting import duty
from alerting.duty import Wanted
from alerting.reassigning import reassign
from alerting.store import notifications, unreachable
from alerting.store.backlogs import backlog_readers
from alerting.store.claims import claim
from alerting.store.definitions import load_routes
from core.errors import Refused
from core.model import Priority
from tests.alerting.plant import NOW, Plant
from tests.alerting.test_outbox import Clock, Sink, dispatcher, rounds
from tests.alerting.test_ways_db import gone

pytestmark = pytest.mark.db

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def on_duty(timescale_plant: Plant) -> tuple[Plant, int]:
    """The officer and the deputy in turns of a week, called at once and after five minutes; the insurer's desk last."""
    plant = timescale_plant
    with plant.database.connect("owner") as connection:
        ids: dict[str, int] = {}
        for key, audience, person in (("duty", "client", "officer"), ("desk", "insurer", "underwriter")):
            row: Any = connection.execute(
                "INSERT INTO roster (company_id, site_id, key, name, name_zh, audience, time_zone) VALUES (%s, %s, %s, 'Duty', '值班', %s, 'UTC')"
                " RETURNING roster_id",
                (plant.company, plant.site, key, audience),
            ).fetchone()
            assert row is not None
            ids[key] = row[0]
            connection.execute(
                "INSERT INTO roster_layer (roster_id, company_id, layer, key, begins_on, hand_over, turn_days) VALUES (%s, %s, 0, 'week', %s, %s, 7)",
                (ids[key], plant.company, date(2026, 2, 23), time(8)),
            )
            connection.execute(
                "INSERT INTO roster_member VALUES (%s, %s, 0, 1, %s)", (ids[key], plant.company, plant.people[person])
            )
        connection.execute(
            "INSERT INTO roster_member VALUES (%s, %s, 0, 2, %s)", (ids["duty"], plant.company, plant.people["deputy"])
        )
        connection.execute("DELETE FROM route_step")
        connection.execute(
            "INSERT INTO route_step (route_id, company_id, position, after_s, roster_id, channel)"
            " SELECT r.route_id, r.company_id, v.position, v.after_s, v.roster, v.channel FROM route r, (VALUES (0, 0, %s, 'preferred'),"
            " (1, 300, %s, 'smtp'), (2, 600, %s, 'smtp')) v(position, after_s, roster, channel) WHERE r.key = 'urgent'",
            (ids["duty"], ids["duty"], ids["desk"]),
        )
    return plant, ids["duty"]


def takes_over(
    plant: Plant,
    roster: int,
    who: str | None,
    *,
    by: str = "officer",
    begins: datetime = NOW,
    reason: str = "as agreed",
    **more: object,
) -> int:
    with plant.as_person(by) as connection:
        return duty.take_over(
            connection, roster, by=plant.people[by], person_id=None if who is None else plant.people[who],
            begins_at=begins, ends_at=more.pop("ends", begins + HOUR), now=NOW, reason=reason, **more,  # type: ignore[arg-type]
        )  # fmt: skip


def test_who_takes_over_gets_what_waits_and_gives_it_back(on_duty: tuple[Plant, int]) -> None:
    """What is sent stays; the later step moves with the override, in its own transaction, and back when it is withdrawn."""
    plant, roster = on_duty
    plant.apply(plant.raised("gas"))
    assert plant.waiting() == [("officer", 0, "waiting"), ("officer", 1, "waiting"), ("underwriter", 2, "waiting")]
    with plant.as_service("alerting") as connection:
        assert claim(connection, NOW, NOW + MINUTE) is not None
    override = takes_over(plant, roster, "deputy")
    expected = [
        ("officer", 0, "claimed"),
        ("officer", 1, "cancelled"),
        ("deputy", 1, "waiting"),
        ("underwriter", 2, "waiting"),
    ]
    assert plant.waiting() == expected
    with plant.as_service("alerting") as connection:
        assert reassign(connection, NOW) == 0
    with plant.as_person("officer") as connection:
        duty.withdraw(connection, roster, override, by=plant.people["officer"], now=NOW)
    with plant.as_service("alerting") as connection:  # the row of the books is revived by the sender's process alone
        reassign(connection, NOW)
    assert ("officer", 1, "waiting") in plant.waiting()
    assert ("deputy", 1, "cancelled") in plant.waiting()
    actions = plant.rows("SELECT action FROM journal ORDER BY journal_id")
    assert actions == [("taken_over",), ("duty_given_back",)]


def test_a_person_who_leaves_while_calls_wait_is_passed_over(on_duty: tuple[Plant, int]) -> None:
    """Nobody is on duty then: whoever is left of the roster is told, and the rule says so."""
    plant, _ = on_duty
    plant.apply(plant.raised("gas"))
    plant.rows("UPDATE person SET active = false WHERE key = 'officer' RETURNING 1")
    with plant.as_service("alerting") as connection:
        assert reassign(connection, NOW) == 2
    assert [row for row in plant.waiting() if row[2] == "waiting"] == [
        ("deputy", 0, "waiting"), ("deputy", 1, "waiting"), ("underwriter", 2, "waiting"),
    ]  # fmt: skip
    rule = plant.rows("SELECT rule, audience FROM notification WHERE state = 'waiting' ORDER BY step")
    assert rule[0][0].startswith(
        "route urgent (client), step 0: life-safety alarms, at once; on duty by roster duty, nobody:"
    )
    assert "over webhook, by their own order" in rule[0][0]
    assert rule[2][1] == "insurer"


def test_a_step_that_was_moved_beyond_the_hand_over_goes_to_the_next_shift(on_duty: tuple[Plant, int]) -> None:
    """A call that was held up is resolved again for when it goes out."""
    plant, _ = on_duty
    plant.apply(plant.raised("gas"))
    with plant.as_service("alerting") as connection:
        connection.execute("UPDATE notification SET due_at = due_at + interval '1 day' WHERE step = 1")
        assert reassign(connection, NOW) == 1
    assert ("deputy", 1, "waiting") in plant.waiting()


def second_roster(plant: Plant, like: int) -> int:
    """The fire desk, filled as the duty is and told at once beside it by the same channel."""
    plant.rows(
        "INSERT INTO roster (company_id, site_id, key, name, name_zh, audience, time_zone)"
        " SELECT company_id, site_id, 'fire', 'Fire', '消防', audience, time_zone FROM roster WHERE roster_id = %s RETURNING 1", like,
    )  # fmt: skip
    [(fire,)] = plant.rows("SELECT roster_id FROM roster WHERE key = 'fire'")
    plant.rows(
        "INSERT INTO roster_layer SELECT %s, company_id, layer, key, begins_on, hand_over, turn_days FROM roster_layer WHERE roster_id = %s RETURNING 1",
        fire, like,
    )  # fmt: skip
    plant.rows(
        "INSERT INTO roster_member SELECT %s, company_id, layer, position, person_id FROM roster_member WHERE roster_id = %s RETURNING 1",
        fire, like,
    )  # fmt: skip
    add_step(plant, "roster_id", fire, "preferred")
    return int(fire)


def add_step(plant: Plant, column: str, whom: int, channel: str) -> None:
    """Told at once, beside the duty."""
    person, roster = (whom, None) if column == "person_id" else (None, whom)
    plant.rows(
        "INSERT INTO route_step (route_id, company_id, position, after_s, person_id, roster_id, channel)"
        " SELECT route_id, company_id, 0, 0, %s, %s, %s FROM route WHERE key = 'urgent' RETURNING 1", person, roster, channel,
    )  # fmt: skip


def at_once(plant: Plant) -> list[tuple[str, str]]:
    return sorted((who, state) for who, step, state in plant.waiting() if step == 0)


def settle(plant: Plant) -> None:
    """As every second: it changes things once."""
    for expected in (None, 0):
        with plant.as_service("alerting") as connection:
            found = reassign(connection, NOW)
            assert expected is None or found == expected


def test_one_person_at_two_duty_positions_is_replaced_at_one_and_stays_at_the_other(on_duty: tuple[Plant, int]) -> None:
    """One message told both; whoever takes over one position is told as well, and at last nobody who is off duty is."""
    plant, duty_roster = on_duty
    fire = second_roster(plant, duty_roster)
    plant.apply(plant.raised("gas"))
    assert at_once(plant) == [("officer", "waiting")]
    takes_over(plant, duty_roster, "deputy")
    settle(plant)
    assert at_once(plant) == [("deputy", "waiting"), ("officer", "waiting")]
    takes_over(plant, duty_roster, "officer")
    takes_over(plant, fire, "deputy")
    settle(plant)
    assert at_once(plant) == [("deputy", "waiting"), ("officer", "waiting")]
    takes_over(plant, duty_roster, "deputy")
    settle(plant)
    assert at_once(plant) == [("deputy", "waiting"), ("officer", "cancelled")]


def test_who_is_told_by_name_is_told_whoever_takes_over(on_duty: tuple[Plant, int]) -> None:
    """And whoever takes over from them hears of it too; handed on once more, it leaves only who had it for the duty."""
    plant, roster = on_duty
    add_step(plant, "person_id", plant.people["officer"], "smtp")
    plant.apply(plant.raised("gas"))
    assert at_once(plant) == [("officer", "waiting")]
    takes_over(plant, roster, "deputy")
    settle(plant)
    assert at_once(plant) == [("deputy", "waiting"), ("officer", "waiting")]
    takes_over(plant, roster, "officer")
    settle(plant)
    assert at_once(plant) == [("deputy", "cancelled"), ("officer", "waiting")]
    takes_over(plant, roster, "deputy")
    settle(plant)
    assert at_once(plant) == [("deputy", "waiting"), ("officer", "waiting")]


def test_nothing_is_taken_from_who_has_it_for_somebody_it_never_reached(on_duty: tuple[Plant, int]) -> None:
    """The deputy's message has failed already: the officer's is the one that is left."""
    plant, roster = on_duty
    plant.apply(plant.raised("gas"))
    takes_over(plant, roster, "deputy")
    settle(plant)
    plant.rows("UPDATE notification SET state = 'failed' WHERE state = 'waiting' AND step = 1 RETURNING 1")
    plant.rows("UPDATE notification SET state = 'waiting' WHERE state = 'cancelled' AND step = 1 RETURNING 1")
    settle(plant)
    assert ("officer", 1, "waiting") in plant.waiting()


def test_what_goes_over_another_channel_stays_a_call_to_the_duty_position(on_duty: tuple[Plant, int]) -> None:
    """Passed on from a dead channel it is still the person's; taken over, it goes to who is on duty, by the step's own channel."""
    plant, roster = on_duty
    plant.apply(plant.raised("gas"))
    with plant.as_service("alerting") as connection:
        claimed = claim(connection, NOW, NOW + MINUTE)
        assert claimed is not None
        assert notifications.pass_on(connection, claimed.notification_id, "webhook", NOW)
        assert notifications.mark_finished(connection, claimed.notification_id, claimed.attempt, NOW, "failed", "gone")
    settle(plant)
    assert at_once(plant) == [("officer", "failed"), ("officer", "waiting")]
    takes_over(plant, roster, "deputy")
    settle(plant)
    assert at_once(plant) == [("deputy", "waiting"), ("officer", "cancelled"), ("officer", "failed")]


def test_a_persons_own_order_holds_when_a_channel_dies(on_duty: tuple[Plant, int]) -> None:
    """What is dead is not chosen again; of the living, the next of their order is, before any other."""
    plant, _ = on_duty
    officer = plant.people["officer"]
    for channel in ("voice", "sms"):
        plant.rows(
            "INSERT INTO channel_address (person_id, company_id, channel, address) VALUES (%s, %s, %s, 'x') RETURNING 1",
            officer, plant.company, channel,
        )  # fmt: skip
    with plant.as_person("officer") as connection:
        wish = Wanted(language="en", time_zone="UTC", urgent=["voice", "sms"])
        duty.prefer(connection, wish, by=officer, now=NOW)
    plant.apply(plant.raised("gas"))
    [(first, channel)] = plant.rows("SELECT notification_id, channel FROM notification WHERE step = 0")
    assert channel == "voice"
    with plant.as_service("alerting") as connection:
        assert notifications.own_order(connection, first) == ["voice", "sms"]
    plant.rows("UPDATE channel_address SET dead_at = %s, dead_why = 'gone' WHERE channel = 'voice' RETURNING 1", NOW)
    with plant.as_service("alerting") as connection:
        known = load_routes(connection, [plant.site], NOW)[plant.site][0].people[officer]
    assert known.channel("preferred", Priority.LIFE_SAFETY) == "sms"
    yes, no = Sink(), Sink(gone)
    with dispatcher(plant, Clock(), voice=no, sms=yes, smtp=yes, webhook=yes) as subject:
        assert rounds(subject, NOW) == ["passed on", "sent"]
    assert [row[0] for row in plant.rows("SELECT channel FROM notification WHERE state = 'sent'")] == ["sms"]


def test_where_nothing_reaches_whoever_is_on_duty_everybody_else_of_the_roster_is_told(
    on_duty: tuple[Plant, int],
) -> None:
    """As where nobody is: for life safety, once, and a turn of somebody else takes it back from nobody who has it."""
    plant, _ = on_duty
    plant.apply(plant.raised("gas"))
    hook = Sink()
    with dispatcher(plant, Clock(), smtp=Sink(gone), webhook=hook) as subject:
        assert rounds(subject, NOW) == ["failed", "sent"]
    assert at_once(plant) == [("deputy", "sent"), ("officer", "failed")]
    [(rule,)] = plant.rows("SELECT rule FROM notification WHERE step = 0 AND state = 'sent'")
    told = f"nothing reaches person {plant.people['officer']}, who is on duty; everybody of the roster is told"
    assert told in rule


def test_the_rest_of_a_roster_is_left_what_waits_for_it(on_duty: tuple[Plant, int]) -> None:
    """Looked at again, it is nobody else's: whoever is on duty has failed."""
    plant, _ = on_duty
    plant.apply(plant.raised("gas"))
    with dispatcher(plant, Clock(), smtp=Sink(gone), webhook=Sink()) as subject:
        assert subject.run_once(NOW) == "failed"
    settle(plant)
    assert at_once(plant) == [("deputy", "waiting"), ("officer", "failed")]


def test_who_is_on_duty_counts_as_told_by_a_route(on_duty: tuple[Plant, int]) -> None:
    """Cut off, they are reported; and what was learnt late is told to the duty of the first step."""
    plant, _ = on_duty
    with plant.as_service("alerting") as connection:
        routed = {way.person_id for way in unreachable.ways(connection) if way.routed}
        readers = backlog_readers(connection, plant.site, ["life-safety"])
    assert {plant.people["officer"], plant.people["deputy"], plant.people["underwriter"]} <= routed
    assert [(each.person_id, each.channel) for each in readers] == [
        (plant.people["officer"], "smtp"), (plant.people["deputy"], "webhook"),
    ]  # fmt: skip


def test_who_stood_in_long_ago_is_no_longer_told(on_duty: tuple[Plant, int]) -> None:
    """A call may still wait for who stood in lately; half a year later they are not of the route."""
    plant, roster = on_duty
    plant.rows("DELETE FROM roster_member WHERE person_id = %s RETURNING 1", plant.people["deputy"])
    insert = (
        "INSERT INTO roster_override (roster_id, company_id, person_id, begins_at, ends_at, made_at, made_by)"
        " SELECT %s, %s, %s, now() - interval '1 day' * (%s + 1), now() - interval '1 day' * %s, now() - interval '1 day' * (%s + 1), %s RETURNING 1"
    )
    found = "SELECT count(*) FROM v_route_person WHERE person_id = %s AND roster_id = %s AND position = 0"
    for ago, there in ((180, 0), (7, 1)):
        plant.rows(insert, roster, plant.company, plant.people["deputy"], ago, ago, ago, plant.people["officer"])
        assert plant.rows(found, plant.people["deputy"], roster) == [(there,)]


def test_what_was_put_off_for_one_is_told_at_once_to_who_takes_over_awake(on_duty: tuple[Plant, int]) -> None:
    """Quiet hours are the person's, not the step's; given back, it waits for the morning again."""
    plant, roster = on_duty
    quiet = Wanted(language="en", time_zone="UTC", quiet=(time(7), time(10)), quiet_high=True)
    with plant.as_person("officer") as connection:
        duty.prefer(connection, quiet, by=plant.people["officer"], now=NOW)
    plant.rows("UPDATE route SET priorities = '{life-safety,high}' WHERE key = 'urgent' RETURNING 1")
    plant.apply(plant.raised("heat"))
    due = "SELECT due_at FROM notification WHERE step = 0 AND state = 'waiting' AND roster_id = %s"
    assert plant.rows(due, roster) == [(NOW + 2 * HOUR,)]
    override = takes_over(plant, roster, "deputy")
    settle(plant)
    assert plant.rows(due, roster) == [(NOW,)]
    with plant.as_person("officer") as connection:
        duty.withdraw(connection, roster, override, by=plant.people["officer"], now=NOW)
    settle(plant)
    assert plant.rows(due, roster) == [(NOW + 2 * HOUR,)]


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"begins": NOW - 3 * HOUR}, "This time is over already; what was, stays as it was."),
        ({"ends": NOW + timedelta(days=90)}, "for at most 62 days"),
        ({"begins": NOW + timedelta(days=400)}, "more than a year ahead"),
        ({"who": "stranger"}, "Choose one of the people of this duty position's own side."),
        ({"who": "underwriter"}, "Choose one of the people of this duty position's own side."),
        ({"who": None, "reason": ""}, "Say why nobody is on duty then."),
        ({"by": "underwriter"}, "Only a safety officer or integrator of the company changes its duty."),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(on_duty: tuple[Plant, int], more: dict[str, object], sentence: str) -> None:
    """An override in the past, without an end in sight, or for somebody who is not of this side."""
    plant, roster = on_duty
    who = more.pop("who", "deputy")
    with pytest.raises(Refused, match=sentence.replace(".", r"\.")):
        takes_over(plant, roster, who, **more)  # type: ignore[arg-type]


def test_the_database_holds_it_too(on_duty: tuple[Plant, int]) -> None:
    """A smuggled statement puts nobody of another company on duty, in no other name, and changes nobody's wishes."""
    plant, roster = on_duty
    insert = (
        "INSERT INTO roster_override (roster_id, company_id, person_id, begins_at, ends_at, made_at, made_by)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)"
    )
    for person, by in (("stranger", "officer"), ("deputy", "deputy")):
        values = (roster, plant.company, plant.people[person], NOW, NOW + HOUR, NOW, plant.people[by])
        with pytest.raises(psycopg.errors.InsufficientPrivilege), plant.as_person("officer") as connection:
            connection.execute(insert, values)
    with pytest.raises(psycopg.errors.InsufficientPrivilege), plant.as_person("officer") as connection:
        connection.execute(
            "INSERT INTO person_preference (person_id, company_id, time_zone, changed_at) VALUES (%s, %s, 'UTC', %s)",
            (plant.people["deputy"], plant.company, NOW),
        )
    with plant.as_person("stranger") as connection:
        assert connection.execute("SELECT count(*) FROM roster").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM person_preference WHERE company_id IS NOT NULL").fetchone() == (
            0,
        )
        changed = connection.execute(
            "UPDATE person SET language = 'zh' WHERE person_id <> %s", (plant.people["stranger"],)
        )
        assert changed.rowcount == 0


def test_wishes_are_kept_and_heeded(on_duty: tuple[Plant, int]) -> None:
    """Quiet hours put off what can wait; a channel without an address and a zone that does not exist get a sentence."""
    plant, _ = on_duty
    right = Wanted(
        language="en", time_zone="Asia/Shanghai", urgent=["smtp"], quiet=(time(15), time(18)), quiet_high=True
    )
    with plant.as_person("officer") as connection:
        duty.prefer(connection, right, by=plant.people["officer"], now=NOW)
    with plant.as_service("ingest") as connection:
        known = load_routes(connection, [plant.site], NOW)[plant.site][0].people[plant.people["officer"]]
    assert (known.reachable, known.time_zone, known.quiet_high) == (("smtp",), "Asia/Shanghai", True)
    plant.apply(plant.raised("heat"))
    due = plant.rows("SELECT DISTINCT due_at FROM notification WHERE person_id = %s", plant.people["officer"])
    assert due == [(NOW + 2 * HOUR,)]
    for wrong, sentence in (
        (Wanted(language="en", time_zone="Mars/Olympus"), "There is no time zone Mars/Olympus"),
        (Wanted(language="en", time_zone="UTC", urgent=["webhook"]), "There is no address for the channel webhook"),
        (Wanted(language="en", time_zone="UTC", quiet=(time(7), time(7))), "then there would be no hour left"),
        (Wanted(language="en", time_zone="UTC", other=["smtp", "smtp"]), "A channel stands twice"),
    ):
        with plant.as_person("officer") as connection, pytest.raises(Refused, match=sentence):
            duty.prefer(connection, wrong, by=plant.people["officer"], now=NOW)


def test_a_note_is_for_a_shift_and_stays_with_its_side(on_duty: tuple[Plant, int]) -> None:
    """The next reads it; the insurer's people do not; an empty one is refused."""
    plant, roster = on_duty
    with plant.as_person("officer") as connection:
        duty.leave_note(
            connection, roster, by=plant.people["officer"], hand_over_at=NOW + HOUR, body=" Pump 3 leaks. ", now=NOW
        )
        with pytest.raises(Refused, match="needs a text"):
            duty.leave_note(connection, roster, by=plant.people["officer"], hand_over_at=NOW, body=" ", now=NOW)
    with plant.as_person("deputy") as connection:
        assert connection.execute("SELECT body FROM roster_note").fetchall() == [("Pump 3 leaks.",)]
    with plant.as_person("underwriter") as connection:
        assert connection.execute("SELECT count(*) FROM roster_note").fetchone() == (0,)


def test_nobody_takes_over_whom_life_safety_does_not_reach(on_duty: tuple[Plant, int]) -> None:
    """By no way: refused, with the channel. By another than the step's: for a reason. The same for a step by their own order."""
    plant, roster = on_duty
    with pytest.raises(
        Refused, match=r"has no address for smtp, .*; it would go over webhook instead. If that is meant, say why"
    ):
        takes_over(plant, roster, "deputy", reason=" ")
    assert plant.rows("SELECT count(*) FROM roster_override") == [(0,)]
    takes_over(plant, roster, "deputy", reason="the officer is ill")
    assert plant.rows("SELECT reason FROM roster_override") == [("the officer is ill",)]
    takes_over(plant, roster, "officer", reason="")  # reached by every step: nothing to say
    plant.rows(
        "UPDATE channel_address SET dead_at = now(), dead_why = 'gone' WHERE person_id = %s RETURNING 1",
        plant.people["deputy"],
    )
    nothing = (
        "has no address for {}, by which life safety calls this duty position, nor any other that works; an integrator"
    )
    with pytest.raises(Refused, match=nothing.format("any channel")):
        takes_over(plant, roster, "deputy")
    plant.rows("DELETE FROM route_step WHERE channel LIKE 'preferred%%' RETURNING 1")
    with pytest.raises(Refused, match=nothing.format("smtp")):
        takes_over(plant, roster, "deputy")
    plant.rows("UPDATE route SET priorities = '{high}' WHERE key = 'urgent' RETURNING 1")
    takes_over(plant, roster, "deputy", reason="")  # where life safety does not call it, as before
