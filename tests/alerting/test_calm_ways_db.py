"""Calm where other things meet it: exercises, stand-ins over other channels, a sender that is killed, causes that end in a storm."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from alerting import actions
from alerting.exercises import draw_deliveries
from alerting.ledger import AlarmKey
from alerting.outbox import LEASE
from alerting.store import budget, notifications, reassigning
from alerting.store.exercises import deliveries
from alerting.store.notifications import NewNotification
from tests.alerting.plant import NOW, Plant
from tests.alerting.test_calm_db import causes, look, more, moved
from tests.alerting.test_exercises_db import keep, start
from tests.alerting.test_one_way_db import stands_in
from tests.alerting.test_outbox import Clock, Sink, dispatcher, dying, failing, rounds
from tests.alerting.test_reports import Texts, report, take
from tests.alerting.test_ways_db import Hook, Slow, both_ways, flood, gone, second_address

pytestmark = pytest.mark.db

SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)


@pytest.fixture
def calm(timescale_plant: Plant) -> Plant:
    """A site that says nothing of how it wants it; its officer is told of low alarms too, and nobody comes after."""
    plant = timescale_plant
    plant.rows("DELETE FROM site_calm RETURNING 1")
    plant.rows("DELETE FROM route_step WHERE position = 1 RETURNING 1")
    plant.rows("UPDATE route SET priorities = '{life-safety,high,low}' WHERE key = 'urgent' RETURNING 1")
    return plant


def lines(message: object) -> int:
    return sum(line.startswith("- ") for line in message.lines)  # type: ignore[attr-defined]


def of_storms(sink: Sink) -> list[object]:
    return [message for message in sink.sent if message.fields.get("about") == "storm"]


def states(plant: Plant) -> Counter[tuple[object, ...]]:
    return Counter(
        plant.rows("SELECT channel, state FROM notification WHERE subject = 'alarm' AND urgency BETWEEN 1 AND 3")
    )


class TestExercises:
    """An exercise is none of the alarms that calm counts, holds or tells together."""

    def test_it_makes_no_storm(self, calm: Plant) -> None:
        """Nine alarms and an exercise are nine alarms."""
        start(calm, priority="high")
        keep(calm, NOW)
        calm.apply(*more(calm, "level", 9))
        look(calm)
        sink = Sink()
        with dispatcher(calm, Clock(), smtp=sink) as subject:
            rounds(subject, NOW)
        assert calm.rows("SELECT count(*) FROM storm") == [(0,)]
        assert [lines(message) for message in sink.sent] == [9, 0]
        assert [message.fields.get("exercise", False) for message in sink.sent] == [False, True]

    @pytest.mark.parametrize("kind", ["exercise", "delivery"])
    def test_a_storm_neither_holds_it_nor_tells_of_it(self, calm: Plant, kind: str) -> None:
        """It goes out by itself while all else waits for digests: also the delivery test of the day, which would else be an alarm."""
        if kind == "exercise":
            start(calm, priority="high")
        else:
            with calm.as_service("alerting") as connection:
                assert draw_deliveries(connection, NOW, calm.people["underwriter"], deliveries(connection)) == 1
        keep(calm, NOW)
        calm.apply(*more(calm, "level", 12))
        look(calm)
        assert calm.rows("SELECT held_by, count(*) FROM notification WHERE subject = 'alarm' GROUP BY 1 ORDER BY 2") == [
            (None, 1), ("storm", 12),
        ]  # fmt: skip
        sink, clock = Sink(), Clock()
        with dispatcher(calm, clock, smtp=sink) as subject:
            rounds(subject, NOW)
        assert [lines(message) for message in sink.sent] == [12, 0]
        assert sink.sent[-1].fields["exercise"] is True
        keep(calm, NOW + SECOND)
        assert calm.rows("SELECT outcome FROM exercise") == [(None if kind == "exercise" else "delivered",)]

    def test_it_is_not_in_the_budget(self, calm: Plant) -> None:
        """What somebody wanted to try is no message too many."""
        start(calm, priority="high")
        keep(calm, NOW)
        with dispatcher(calm, Clock(), smtp=Sink()) as subject:
            assert rounds(subject, NOW) == ["sent"]
        with calm.as_service("alerting") as connection:
            assert budget.messages_by_day(connection, calm.site, NOW - DAY, NOW + DAY, "Asia/Shanghai") == []


def test_a_call_whose_cause_ends_in_a_storm_waits_for_the_digest(calm: Plant) -> None:
    """It is held for the storm at the first look; no sender goes round with it, and what is less urgent is not kept waiting by it."""
    (effect,) = more(calm, "heat", 1)
    causes(calm, "heat", "heat-1")
    calm.apply(effect, calm.raised("heat"))
    sink, clock = Sink(), Clock()
    with dispatcher(calm, clock, smtp=sink) as subject:
        rounds(subject, NOW)
        clock.now = NOW + MINUTE
        calm.apply(
            calm.cleared("heat", clock.now), *(moved(e, clock.now) for e in more(calm, "level", 12)), now=clock.now
        )
        assert [subject.run_once(clock.now) for _ in range(3)] == ["held", None, None]
        look(calm, clock.now)
        assert rounds(subject, clock.now) == ["sent"]
    assert lines(sink.sent[-1]) == 13
    assert calm.rows("SELECT DISTINCT held_by, state FROM notification WHERE held_by IS NOT NULL") == [
        ("storm", "sent")
    ]


class TestKilled:
    """What went with a message whose sender died goes with it again."""

    def test_a_digest_whose_sender_is_killed_is_one_message_again(self, calm: Plant) -> None:
        """Thirty rode with it, more urgent by their age than the digest itself: none of them goes out alone when the lease is over."""
        calm.apply(*more(calm, "heat", 30))
        look(calm)
        keys: list[str] = []
        with dispatcher(calm, Clock(), smtp=dying(keys)) as subject, pytest.raises(KeyboardInterrupt):
            subject.run_once(NOW)
        sink, clock = Sink(), Clock()
        clock.now = NOW + LEASE
        with dispatcher(calm, clock, smtp=sink) as one, dispatcher(calm, clock, smtp=sink) as two:
            found = [one.run_once(clock.now), two.run_once(clock.now), *rounds(one, clock.now), *rounds(two, clock.now)]
        assert Counter(found)["sent"] == 1
        assert [message.key for message in sink.sent] == keys
        assert states(calm) == {("smtp", "sent"): 30}
        assert calm.rows("SELECT count(DISTINCT told_in) FROM notification WHERE held_by = 'storm'") == [(1,)]

    def test_where_no_digest_comes_each_goes_by_itself(self, calm: Plant) -> None:
        """The digest has ended meanwhile: nothing that rode with it stays behind."""
        calm.apply(*more(calm, "heat", 12))
        look(calm)
        with dispatcher(calm, Clock(), smtp=dying()) as subject, pytest.raises(KeyboardInterrupt):
            subject.run_once(NOW)
        calm.rows(
            "UPDATE notification SET state = 'cancelled', finished_at = %s WHERE subject = 'storm' RETURNING 1", NOW
        )
        sink, clock = Sink(), Clock()
        clock.now = NOW + LEASE
        with dispatcher(calm, clock, smtp=sink) as subject:
            rounds(subject, clock.now)
        assert states(calm) == {("smtp", "sent"): 12}

    def test_who_is_left_of_a_group_is_told_as_ever(self, calm: Plant) -> None:
        """Two alarms in a message that died; one is acknowledged meanwhile: the other comes in its own words, in the group's place."""
        events = more(calm, "heat", 2)
        calm.apply(*events)
        with dispatcher(calm, Clock(), smtp=dying()) as subject, pytest.raises(KeyboardInterrupt):
            subject.run_once(NOW)
        with calm.as_person("officer") as connection:
            key = AlarmKey(events[0].definition_id, events[0].sensor_id)
            actions.acknowledge(connection, key, person_id=calm.people["officer"], now=NOW + SECOND)
        sink, clock = Sink(), Clock()
        clock.now = NOW + LEASE
        with dispatcher(calm, clock, smtp=sink) as subject:
            rounds(subject, clock.now)
        (message,) = sink.sent
        assert message.subject == "【高】可燃气体达25%LEL，罐区"
        assert states(calm) == {("smtp", "sent"): 1, ("smtp", "cancelled"): 1}


class TestStandIns:
    """A message that goes another way is told in a digest or a group like any other: once."""

    def test_an_alarm_is_in_a_digest_once(self, calm: Plant) -> None:
        """The route names two channels: one digest, twelve lines, and all rows are told."""
        both_ways(calm, calm.raised("gas"))
        calm.apply(*more(calm, "heat", 12))
        look(calm)
        mail, hook = Sink(), Hook()
        with dispatcher(calm, Clock(), smtp=mail, webhook=hook) as subject:
            rounds(subject, NOW)
        assert [lines(message) for message in (*of_storms(mail), *of_storms(hook))] == [12]
        assert states(calm) == {("smtp", "sent"): 12, ("webhook", "sent"): 12}

    def test_what_waits_over_two_ways_is_told_once(self, calm: Plant) -> None:
        """Mail has failed, the webhook stands in, neither has gone when the storm begins."""
        calm.apply(*more(calm, "heat", 12))
        stands_in(calm)
        look(calm)
        mail, hook = Sink(), Hook()
        with dispatcher(calm, Clock(), smtp=mail, webhook=hook) as subject:
            rounds(subject, NOW)
        assert [lines(message) for message in (*mail.sent, *hook.sent)] == [12]
        assert states(calm) == {("smtp", "sent"): 12, ("webhook", "sent"): 12}

    def test_what_led_to_the_person_meanwhile_is_not_told_again(self, calm: Plant) -> None:
        """The mail is tried again and arrives, while what stood in for it waits for the digest."""
        calm.apply(*more(calm, "heat", 1))
        stands_in(calm)
        calm.rows("UPDATE notification SET attempt = 1 WHERE channel = 'smtp' RETURNING 1")
        calm.apply(*more(calm, "level", 12))
        look(calm)
        mail, hook = Sink(), Hook()
        with dispatcher(calm, Clock(), smtp=mail, webhook=hook) as subject:
            rounds(subject, NOW)
        assert sorted(lines(message) for message in (*mail.sent, *hook.sent)) == [0, 12]
        assert calm.rows("SELECT state, outcome FROM notification WHERE passed_on") == [("cancelled", "told over smtp")]

    def test_who_has_only_a_stand_in_gets_a_digest_too(self, calm: Plant) -> None:
        """Of one person nothing is held but what goes another way: it is not left until the hold runs out."""
        calm.rows("UPDATE route SET priorities = '{life-safety,high}' WHERE key = 'urgent' RETURNING 1")
        second_address(calm)
        calm.apply(*more(calm, "heat", 1))
        hook = Hook()
        with dispatcher(calm, Clock(), smtp=failing(permanent=True)) as subject:
            assert rounds(subject, NOW) == ["failed"]
        with calm.as_service("alerting") as connection:
            ((failed,),) = connection.execute("SELECT notification_id FROM notification").fetchall()
            assert notifications.pass_on(connection, failed, "webhook", NOW)
        flood(calm, 1)
        calm.rows(
            "UPDATE route_step SET person_id = %s, channel = 'webhook' WHERE position = 11 RETURNING 1",
            calm.people["deputy"],
        )
        calm.rows("UPDATE route_step SET position = 0 WHERE position = 11 RETURNING 1")
        calm.apply(*more(calm, "level", 12))
        look(calm)
        with dispatcher(calm, Clock(), webhook=hook) as subject:
            rounds(subject, NOW)
        assert sorted(lines(message) for message in of_storms(hook)) == [1, 12]

    def test_a_digest_whose_address_is_dead_goes_another_way_with_all_it_holds(self, calm: Plant) -> None:
        """The mailbox is gone: the webhook's digest tells of the same alarms, once, and no row stays behind."""
        second_address(calm)
        calm.apply(*more(calm, "heat", 30))
        look(calm)
        hook = Hook()
        with dispatcher(calm, Clock(), smtp=Sink(gone), webhook=hook) as subject:
            rounds(subject, NOW)
        (message,) = hook.sent
        assert (lines(message), message.fields["messages"]) == (20, 30)
        assert states(calm) == {("smtp", "sent"): 30}
        assert calm.rows("SELECT state FROM notification WHERE subject = 'storm' ORDER BY channel") == [
            ("failed",),
            ("sent",),
        ]

    def test_a_digest_that_its_gateway_lost_goes_another_way_with_all_it_held(self, calm: Plant) -> None:
        """A text that was taken and did not arrive: nothing that it told of counts as told, and the webhook tells of all of it, once."""
        second_address(calm)
        calm.apply(*more(calm, "heat", 30))
        look(calm)
        texts, hook, clock = Texts(), Hook(), Clock()
        with dispatcher(calm, clock, smtp=texts) as subject:
            rounds(subject, NOW)
        report(calm, "SM1", NOW + SECOND, arrived=False)
        assert take(calm, NOW + SECOND, smtp=texts, webhook=hook) == 1
        assert states(calm) == {("smtp", "waiting"): 30}
        clock.now = NOW + 2 * SECOND
        with dispatcher(calm, clock, smtp=texts, webhook=hook) as subject:
            rounds(subject, clock.now)
        assert [message.fields["messages"] for message in (*texts.sent, *hook.sent)] == [30, 30]
        assert states(calm) == {("smtp", "sent"): 30}

    def test_a_digest_that_arrived_has_brought_what_it_told_of(self, calm: Plant) -> None:
        """The gateway says so once, and each of its alarms is delivered."""
        calm.apply(*more(calm, "heat", 12))
        look(calm)
        with dispatcher(calm, Clock(), smtp=Texts()) as subject:
            rounds(subject, NOW)
        report(calm, "SM1", NOW + SECOND, arrived=True, said="delivered")
        assert take(calm, NOW + SECOND) == 1
        assert calm.rows("SELECT count(*) FROM notification WHERE delivered_at = %s", NOW + SECOND) == [(13,)]

    def test_what_stands_in_goes_with_its_group(self, calm: Plant) -> None:
        """Four of one hazard over the other way are one message there, and nothing is told twice."""
        calm.apply(*more(calm, "heat", 4))
        stands_in(calm)
        calm.rows("UPDATE notification SET state = 'failed', finished_at = %s WHERE channel = 'smtp' RETURNING 1", NOW)
        hook = Hook()
        with dispatcher(calm, Clock(), webhook=hook) as subject:
            assert rounds(subject, NOW) == ["sent"]
        assert [lines(message) for message in hook.sent] == [4]

    def test_what_is_being_sent_another_way_joins_no_group(self, calm: Plant) -> None:
        """One of four is on its way by mail at this moment: the webhook's message tells of three, and the fourth ends."""
        calm.apply(*more(calm, "heat", 4))
        stands_in(calm)
        calm.rows("UPDATE notification SET state = 'failed', finished_at = %s WHERE channel = 'smtp' RETURNING 1", NOW)
        ((taken,),) = calm.rows(
            "UPDATE notification SET state = 'claimed', attempt = 1, lease_until = %s, finished_at = NULL"
            " WHERE notification_id = (SELECT max(notification_id) FROM notification WHERE channel = 'smtp') RETURNING notification_id",
            NOW + MINUTE,
        )
        hook, clock = Hook(), Clock()
        with dispatcher(calm, clock, webhook=hook) as subject:
            assert "sent" in rounds(subject, NOW)
            calm.rows(
                "UPDATE notification SET state = 'sent', sent_at = %s WHERE notification_id = %s RETURNING 1",
                NOW,
                taken,
            )
            clock.now = NOW + 3 * MINUTE
            rounds(subject, clock.now)
        assert [lines(message) for message in hook.sent] == [3]
        assert calm.rows("SELECT outcome FROM notification WHERE passed_on AND state = 'cancelled'") == [
            ("told over smtp",)
        ]


def test_a_digest_is_in_no_fold(calm: Plant) -> None:
    """A robot that takes few messages, others that wait for the same person: the digest goes by itself, and all arrives."""
    calm.apply(*more(calm, "heat", 3))
    calm.rows("UPDATE notification SET attempt = 1 RETURNING 1")  # tried before: of no storm
    calm.apply(*more(calm, "level", 12))
    look(calm)
    slow, clock = Slow(), Clock()
    with dispatcher(calm, clock, smtp=slow) as subject:
        assert subject.run_once(NOW - SECOND) is None
        calm.rows("UPDATE notification SET due_at = %s WHERE attempt = 1 RETURNING 1", NOW - SECOND)
        subject.run_once(NOW - SECOND)
        calm.rows("UPDATE channel_peer SET tokens = 6, filled_at = %s WHERE tokens IS NOT NULL RETURNING 1", NOW)
        for second in range(0, 60, 3):
            clock.now = NOW + second * SECOND
            rounds(subject, clock.now)
    assert len(of_storms(slow)) == 1
    assert states(calm) == {("smtp", "sent"): 15}


def test_who_is_on_duty_again_waits_for_nothing_old(calm: Plant) -> None:
    """A call that a storm held, taken from somebody and given back: the hold of then does not keep it."""
    calm.apply(*more(calm, "heat", 12))
    look(calm)
    calm.rows(
        "UPDATE notification SET state = 'cancelled', finished_at = %s, outcome = %s RETURNING 1",
        NOW,
        reassigning.SOMEBODY_ELSE,
    )
    key, company, occurrence = calm.rows(
        "SELECT key, company_id, occurrence_id FROM notification WHERE subject = 'alarm' LIMIT 1"
    )[0]
    row = NewNotification(
        key, company, occurrence, 0, 0, NOW, 0, "", "client", calm.people["officer"], "smtp", NOW + MINUTE, 1, NOW, None, None, NOW + MINUTE
    )  # fmt: skip
    with calm.as_service("alerting") as connection:
        assert reassigning.revive(connection, [row]) == {key}
    assert calm.rows("SELECT lease_until, held_by, storm_id FROM notification WHERE state = 'waiting'") == [
        (None, None, None)
    ]
