"""Groups, storms and causes on the real queue: what goes together, what is told once, and that life safety waits for none of it."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import ClassVar

import pytest

from alerting import actions
from alerting.outbox import LEASE
from alerting.storms import GRACE, keep_storms
from core.batch import Event
from tests.alerting.plant import NOW, Plant, us
from tests.alerting.test_outbox import Clock, Sink, dispatcher, dying, failing, rounds

pytestmark = pytest.mark.db

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


class Pushed(Sink):
    """A channel that replaces what it has shown."""

    replaces: ClassVar[bool] = True


@pytest.fixture
def calm(plant: Plant) -> Plant:
    """A site that says nothing of how it wants it."""
    plant.rows("DELETE FROM site_calm RETURNING 1")
    plant.rows("DELETE FROM route_step WHERE position = 1 RETURNING 1")  # who is told first is enough here
    return plant


def more(plant: Plant, key: str, count: int) -> list[Event]:
    """So many alarms like `key`, raised now: sensors of their own."""
    definition, sensor = plant.definitions[key]
    made = plant.rows(
        "WITH s AS (INSERT INTO sensor (company_id, site_id, device_id, key, name, name_zh, quantity, unit)"
        "  SELECT company_id, site_id, device_id, key || '-' || i, name, name_zh, quantity, unit"
        "  FROM sensor, generate_series(1, %s) i WHERE sensor_id = %s RETURNING *)"
        " INSERT INTO alarm_definition (company_id, site_id, sensor_id, key, detector, direction, setpoint, deadband, on_delay_s, priority,"
        "  latch, title, title_zh, consequence, consequence_zh, response, response_zh, respond_within_s)"
        " SELECT d.company_id, d.site_id, s.sensor_id, s.key, d.detector, d.direction, d.setpoint, d.deadband, d.on_delay_s, d.priority,"
        "  d.latch, d.title, d.title_zh, d.consequence, d.consequence_zh, d.response, d.response_zh, d.respond_within_s"
        " FROM s, alarm_definition d WHERE d.definition_id = %s RETURNING definition_id, sensor_id",
        count, sensor, definition,
    )  # fmt: skip
    return [Event(int(d), int(s), active=True, at=us(NOW), value=30.0, row=0, late=False) for d, s in made]


def moved(event: Event, at: datetime) -> Event:
    return Event(event.definition_id, event.sensor_id, active=True, at=us(at), value=30.0, row=0, late=False)


def on_one_pump(plant: Plant, events: list[Event]) -> None:
    """Their sensors are those of one machine."""
    plant.rows(
        "WITH z AS (INSERT INTO zone (company_id, site_id, key, name, name_zh) SELECT company_id, site_id, 'hall', 'Hall', '车间' FROM site"
        " WHERE site_id = %s RETURNING *), a AS (INSERT INTO asset (company_id, zone_id, key, kind, name, name_zh) SELECT company_id,"
        " zone_id, 'p1', 'pump', 'Pump P1', '1号泵' FROM z RETURNING asset_id, zone_id) UPDATE sensor s SET asset_id = a.asset_id,"
        " zone_id = a.zone_id FROM a WHERE s.sensor_id = ANY (%s) RETURNING 1",
        plant.site, [event.sensor_id for event in events],
    )  # fmt: skip


def told(plant: Plant) -> Counter[tuple[object, ...]]:
    """(state, held by, told in another) of all calls below life safety."""
    rows = plant.rows(
        "SELECT state, held_by, told_in IS NOT NULL FROM notification WHERE subject = 'alarm' AND urgency > 0 AND step = 0"
    )
    return Counter(rows)


def look(plant: Plant, now: datetime = NOW) -> None:
    with plant.as_service("alerting") as connection:
        keep_storms(connection, now)


def causes(plant: Plant, cause: str, effect: str) -> None:
    """The one alarm explains the other; by their keys."""
    plant.rows(
        "INSERT INTO site_cause (site_id, company_id, cause_id, effect_id) SELECT c.site_id, c.company_id, c.definition_id, e.definition_id"
        " FROM alarm_definition c, alarm_definition e WHERE c.key = %s AND e.key = %s ON CONFLICT DO NOTHING RETURNING 1",
        cause, effect,
    )  # fmt: skip


def rings_too(plant: Plant) -> None:
    """The officer is told by mail at once, and rung after two minutes."""
    plant.rows(
        "WITH r AS (SELECT route_id, company_id FROM route WHERE key = 'urgent'),"
        " a AS (INSERT INTO channel_address (person_id, company_id, channel, address) SELECT %(p)s, company_id, 'sms', '13800000000' FROM r)"
        " INSERT INTO route_step (route_id, company_id, position, after_s, person_id, channel)"
        " SELECT route_id, company_id, 1, 120, %(p)s, 'sms' FROM r RETURNING 1".replace(
            "%(p)s", str(plant.people["officer"])
        )
    )


class TestGroups:
    """Several alarms of one hazard are one message."""

    def test_a_batch_is_one_message_and_every_row_says_so(self, calm: Plant) -> None:
        """Four heads that alarm at once: one message, four rows sent, each names the message."""
        calm.apply(*more(calm, "heat", 4))
        sink = Sink()
        with dispatcher(calm, Clock(), smtp=sink) as subject:
            assert rounds(subject, NOW) == ["sent"]
        assert [m.subject for m in sink.sent] == ["同一危险4条报警：罐区"]
        assert len(str(sink.sent[0].fields["keys"]).split()) == 4
        assert told(calm) == {("sent", None, False): 1, ("sent", "group", True): 3}

    def test_statistics_of_one_asset_are_one_incident_that_names_its_root(self, calm: Plant) -> None:
        """Whatever kind their signals are; the message says where to look first, what that rests on, and that it may be wrong."""
        events = more(calm, "heat", 3)
        on_one_pump(calm, events)
        calm.rows(
            "UPDATE alarm_definition SET detector = 'ewma' WHERE definition_id = ANY (%s) RETURNING 1",
            [event.definition_id for event in events],
        )
        calm.apply(*events)
        sink = Sink()
        with dispatcher(calm, Clock(), smtp=sink) as subject:
            assert rounds(subject, NOW) == ["sent"]
        (message,) = sink.sent
        assert message.subject == "同一异常事件3条报警：罐区 · 1号泵"
        assert message.lines[0].startswith("请先查看")
        assert "可能有误" in message.lines[0]
        assert len(str(message.fields["keys"]).split()) == 3
        assert told(calm) == {("sent", None, False): 1, ("sent", "group", True): 2}

    def test_no_physical_limit_and_no_life_safety_waits_for_an_incident(self, calm: Plant) -> None:
        """An incident of a machine has been told a moment ago: its limit of priority high, its compound of physical limits, and life safety go out at once.

        A compound of statistics joins the incident: it waits.
        """
        first, limit, physical, agreed, pressure, drift = more(
            calm, "heat", 6
        )  # the last two are parts and do not speak
        (gas,) = more(calm, "gas", 1)
        events = [first, limit, physical, agreed, gas]
        on_one_pump(calm, events)
        calm.rows(
            "UPDATE alarm_definition SET detector = 'ewma' WHERE definition_id = ANY (%s) RETURNING 1",
            [first.definition_id, drift.definition_id],
        )
        for event, key, part in ((physical, "_compound.leak", pressure), (agreed, "_compound.drift", drift)):
            calm.rows(
                "UPDATE alarm_definition SET detector = 'compound' WHERE definition_id = %s RETURNING 1",
                event.definition_id,
            )
            calm.rows(
                "UPDATE sensor SET key = %s, is_virtual = true, quantity = 'compound', unit = '1' WHERE sensor_id = %s RETURNING 1",
                key,
                event.sensor_id,
            )
            calm.rows(
                "WITH c AS (INSERT INTO compound (company_id, site_id, sensor_id, key, window_s, in_order, valid_from) VALUES (%s, %s, %s, %s, 60, false,"
                " now()) RETURNING *) INSERT INTO compound_part (compound_id, company_id, position, name, name_zh, definition_id)"
                " SELECT compound_id, company_id, 0, '', '', %s FROM c RETURNING 1",
                calm.company, calm.site, event.sensor_id, key, part.definition_id,
            )  # fmt: skip
        calm.apply(first)
        clock, at = Clock(), NOW + 5 * SECOND
        with dispatcher(calm, clock, smtp=Sink()) as subject:
            assert rounds(subject, NOW) == ["sent"]
            calm.apply(*(moved(each, at) for each in (limit, physical, agreed, gas)), now=at)
            clock.now = at
            rounds(subject, at)
        state = {
            definition: (sent, held)
            for definition, sent, held in calm.rows(
                "SELECT definition_id, state, held_by FROM notification WHERE step = 0 AND audience = 'client'"
            )
        }
        for event in (limit, physical, gas):
            assert state[event.definition_id] == ("sent", None), event
        assert state[agreed.definition_id] == ("waiting", "group")

    def test_the_first_goes_at_once_and_the_others_join_it(self, calm: Plant) -> None:
        """Over a channel that cannot replace: the first alone, what follows together, high ones after two minutes."""
        first, *others = more(calm, "heat", 4)
        calm.apply(first)
        sink, clock = Sink(), Clock()
        with dispatcher(calm, clock, smtp=sink) as subject:
            assert rounds(subject, NOW) == ["sent"]
            for number, event in enumerate(others):
                at = NOW + (number + 1) * 5 * SECOND
                calm.apply(moved(event, at), now=at)
            assert set(rounds(subject, NOW + 20 * SECOND)) == {"held"}
            clock.now = NOW + 2 * MINUTE
            assert rounds(subject, clock.now - SECOND) == []
            assert rounds(subject, clock.now) == ["sent"]
        assert [m.subject for m in sink.sent] == ["【高】可燃气体达25%LEL，罐区", "同一危险4条报警：罐区"]
        assert sink.sent[0].slot == sink.sent[1].slot == sink.sent[1].thread
        assert told(calm) == {("sent", None, False): 1, ("sent", "group", False): 1, ("sent", "group", True): 2}

    def test_a_channel_that_replaces_names_all_of_them_each_time(self, calm: Plant) -> None:
        """What stood there before is named again, for it is gone from the screen."""
        first, second = more(calm, "heat", 2)
        calm.apply(first)
        sink, clock = Pushed(), Clock()
        with dispatcher(calm, clock, smtp=sink) as subject:
            rounds(subject, NOW)
            at = NOW + SECOND
            calm.apply(moved(second, at), now=at)
            assert rounds(subject, at) == ["held"]
            clock.now = NOW + 30 * SECOND
            assert rounds(subject, clock.now) == ["sent"]
        assert sum(line.startswith("- ") for line in sink.sent[1].lines) == 2
        assert sink.sent[0].slot == sink.sent[1].slot != ""
        assert sink.sent[0].key != sink.sent[1].key

    def test_of_many_the_most_urgent_are_named(self, calm: Plant) -> None:
        """At a site without storms thirty lesser ones have waited longer: what is high has a line, and is not among "and 13 more"."""
        calm.rows(
            "INSERT INTO site_calm SELECT site_id, company_id, 600, '{high,medium,low}', false, 10, 5, 600 FROM site WHERE site_id = %s RETURNING 1",
            calm.site,
        )
        calm.rows("UPDATE route SET priorities = '{life-safety,high,low}' WHERE key = 'urgent' RETURNING 1")
        first, *lesser = more(calm, "heat", 33)
        high, lesser = lesser[:3], lesser[3:]
        low = [first.definition_id, *(event.definition_id for event in lesser)]
        calm.rows("UPDATE alarm_definition SET priority = 'low' WHERE definition_id = ANY (%s) RETURNING 1", low)
        sink, clock = Sink(), Clock()
        with dispatcher(calm, clock, smtp=sink) as subject:
            for seconds, events in ((0, [first]), (10, lesser), (60, high)):
                clock.now = NOW + seconds * SECOND
                calm.apply(*(moved(event, clock.now) for event in events), now=clock.now)
                rounds(subject, clock.now)
        assert len(sink.sent) == 2
        keys = str(sink.sent[1].fields["keys"])
        urgent = calm.rows("SELECT key FROM notification WHERE urgency = 1 AND subject = 'alarm' AND state = 'sent'")
        assert len(urgent) == 3
        assert [key for (key,) in urgent if key not in keys] == []

    def test_a_call_made_after_the_clock_was_read_goes_all_the_same(self, calm: Plant) -> None:
        """The dispatcher reads its clock, then ingest's transaction begins and commits, then the call is claimed: due before, made after."""
        calm.apply(*more(calm, "heat", 1))
        calm.rows("UPDATE notification SET created_at = %s WHERE subject = 'alarm' RETURNING 1", NOW + SECOND)
        sink = Sink()
        with dispatcher(calm, Clock(), smtp=sink) as subject:
            assert rounds(subject, NOW) == ["sent"]
        assert len(sink.sent) == 1

    def test_life_safety_is_in_no_group(self, calm: Plant) -> None:
        """Four gas alarms are four messages, at once, whatever else waits."""
        calm.apply(*more(calm, "gas", 4), *more(calm, "heat", 4))
        sink = Sink()
        with dispatcher(calm, Clock(), smtp=sink) as subject:
            assert rounds(subject, NOW) == ["sent"] * 5
        assert [m.urgent for m in sink.sent] == [True] * 4 + [False]
        assert calm.rows(
            "SELECT count(*) FROM notification WHERE urgency = 0 AND (held_by, group_id, told_in) IS NOT NULL"
        ) == [(0,)]

    def test_the_database_holds_no_life_safety(self, calm: Plant) -> None:
        """Not even by a slip in a statement."""
        calm.apply(calm.raised("gas"))
        with calm.as_service("alerting") as connection, pytest.raises(Exception, match="life_safety_waits_for_nothing"):
            connection.execute("UPDATE notification SET held_by = 'storm' WHERE urgency = 0")

    def test_what_is_acknowledged_while_it_waits_is_not_told(self, calm: Plant) -> None:
        """It has its answer, and the next message does not name it."""
        first, second = more(calm, "heat", 2)
        calm.apply(first)
        clock = Clock()
        with dispatcher(calm, clock, smtp=Sink()) as subject:
            rounds(subject, NOW)
            at = NOW + SECOND
            calm.apply(moved(second, at), now=at)
            rounds(subject, at)
            with calm.as_person("officer") as connection:
                key = type(calm.definitions["heat"])(second.definition_id, second.sensor_id)
                actions.acknowledge(connection, key, person_id=calm.people["officer"], now=at + SECOND)
            clock.now = NOW + 5 * MINUTE
            rounds(subject, clock.now)
        assert told(calm)["cancelled", "group", False] == 1

    def test_who_dies_between_sending_and_marking_sends_the_same_again(self, calm: Plant) -> None:
        """One message of all of them, under the same key."""
        calm.apply(*more(calm, "heat", 4))
        keys: list[str] = []
        with dispatcher(calm, Clock(), smtp=dying(keys)) as subject, pytest.raises(KeyboardInterrupt):
            subject.run_once(NOW)
        sink, clock = Sink(), Clock()
        clock.now = NOW + LEASE
        with dispatcher(calm, clock, smtp=sink) as subject:
            assert rounds(subject, clock.now) == ["sent"]
        assert [m.key for m in sink.sent] == keys
        assert told(calm).total() == 4


class TestStorms:
    """Beyond a rate, one digest a person; the list has every alarm."""

    def test_a_storm_of_many_is_a_few_messages(self, calm: Plant) -> None:
        """300 alarms at once: one message at the beginning, one at the end, and life safety as ever."""
        calm.apply(*more(calm, "heat", 300), calm.raised("gas"))
        sink, clock = Sink(), Clock()
        with dispatcher(calm, clock, smtp=sink) as subject:
            assert set(rounds(subject, NOW)) == {"sent", "held"}
            assert [m.urgent for m in sink.sent] == [True]
            look(calm, NOW)
            assert rounds(subject, NOW) == ["sent"]
            assert sink.sent[-1].subject == "【报警风暴】报警多得处理不过来：罐区"
            assert "另有280条" in sink.sent[-1].lines
            clock.now = NOW + 11 * MINUTE
            look(calm, clock.now)
            assert "sent" in rounds(subject, clock.now)
        storms = [m for m in sink.sent if m.fields.get("about") == "storm"]
        assert [m.fields["event"] for m in storms] == ["begun", "ended"]
        ((began_at, ended_at, alarms),) = calm.rows("SELECT began_at, ended_at, alarms FROM storm")
        assert (began_at, ended_at, alarms) == (NOW, NOW + 10 * MINUTE, 301)
        assert told(calm) == {("sent", "storm", True): 300}
        assert calm.rows("SELECT count(*) FROM occurrence") == [(301,)]

    def test_what_comes_in_a_storm_waits_for_the_next_digest(self, calm: Plant) -> None:
        """Ten minutes later, not at once; and everything held is told by the end."""
        first, *others = more(calm, "heat", 40)
        calm.apply(*others)
        sink, clock = Sink(), Clock()
        with dispatcher(calm, clock, smtp=sink) as subject:
            for minute in range(26):
                clock.now = NOW + minute * MINUTE
                if minute == 3:
                    calm.apply(moved(first, clock.now), now=clock.now)
                look(calm, clock.now)
                rounds(subject, clock.now)
        events = [m.fields.get("event") for m in sink.sent]
        assert events == ["begun", "ended"]
        assert told(calm) == {("sent", "storm", True): 40}

    def test_a_digest_that_does_not_arrive_leaves_nothing_held(self, calm: Plant) -> None:
        """The channel is away: each row waits for a next digest, and goes by itself where none comes."""
        calm.apply(*more(calm, "heat", 12))
        clock = Clock()
        with dispatcher(calm, clock, smtp=failing(permanent=False)) as subject:
            rounds(subject, NOW)
            look(calm, NOW)
            assert rounds(subject, NOW) == ["retried"]
        assert told(calm) == {("waiting", "storm", False): 12}
        sink = Sink()
        with dispatcher(calm, clock, smtp=sink) as subject:
            clock.now = NOW + GRACE + 12 * MINUTE  # and nobody keeps storms
            rounds(subject, clock.now)
        assert {state for state, _, _ in told(calm)} == {"sent"}

    def test_nobody_answers_a_storm_and_one_call_is_made(self, calm: Plant) -> None:
        """40 high alarms whose ladder rings the same person after two minutes: the digest goes unanswered, and one call is made, not 40."""
        rings_too(calm)
        calm.apply(*more(calm, "heat", 40))
        mail, phone, clock = Sink(), Sink(), Clock()
        with dispatcher(calm, clock, smtp=mail, sms=phone) as subject:
            for second in (0, 1, 60, 119, 121, 122, 200, 300):
                clock.now = NOW + second * SECOND
                look(calm, clock.now)
                rounds(subject, clock.now)
                look(calm, clock.now)
                rounds(subject, clock.now)
                assert len(phone.sent) == (1 if second >= 121 else 0), second
        assert phone.sent[0].fields.get("about") is None  # the alarm itself, with its link to acknowledge; no digest
        assert calm.rows(
            "SELECT count(*) FILTER (WHERE state = 'sent'), count(*) FILTER (WHERE held_by = 'storm' AND state = 'waiting')"
            " FROM notification WHERE subject = 'alarm' AND step = 1"
        ) == [(1, 39)]

    def test_a_call_that_ended_before_it_was_said_has_not_spoken(self, calm: Plant) -> None:
        """The alarm that was to speak for the storm is put aside in that second: another one rings, or nobody would."""
        rings_too(calm)
        calm.apply(*more(calm, "heat", 40))
        mail, phone, clock = Sink(), Sink(), Clock()
        with dispatcher(calm, clock, smtp=mail, sms=phone) as subject:
            look(calm, NOW)
            rounds(subject, NOW)
            clock.now = NOW + 121 * SECOND
            look(calm, clock.now)
            ended = calm.rows(
                "UPDATE notification SET state = 'cancelled', finished_at = %s, outcome = 'shelved'"
                " WHERE subject = 'alarm' AND step = 1 AND held_by IS NULL AND storm_id IS NOT NULL RETURNING 1",
                clock.now,
            )
            assert ended == [(1,)]
            look(calm, clock.now)
            rounds(subject, clock.now)
        assert len(phone.sent) == 1

    def test_who_has_acknowledged_one_alarm_of_a_storm_is_not_rung(self, calm: Plant) -> None:
        """Somebody is there; the rest is told in digests."""
        rings_too(calm)
        first, *others = more(calm, "heat", 40)
        calm.apply(first, *others)
        mail, phone, clock = Sink(), Sink(), Clock()
        with dispatcher(calm, clock, smtp=mail, sms=phone) as subject:
            look(calm, NOW)
            rounds(subject, NOW)
            ((occurrence,),) = calm.rows(
                "SELECT occurrence_id FROM alarm WHERE definition_id = %s", first.definition_id
            )
            with calm.as_person("officer") as connection:
                actions.acknowledge(connection, int(occurrence), person_id=calm.people["officer"], now=NOW + MINUTE)
            for second in (121, 180, 300):
                clock.now = NOW + second * SECOND
                look(calm, clock.now)
                rounds(subject, clock.now)
        assert phone.sent == []

    def test_doing_it_again_at_once_changes_nothing(self, calm: Plant) -> None:
        """Two processes keep storms: one storm, one digest a person."""
        calm.apply(*more(calm, "heat", 12))
        for _ in range(3):
            look(calm, NOW)
        assert calm.rows("SELECT count(*) FROM storm") == [(1,)]
        assert calm.rows("SELECT event, count(*) FROM notification WHERE subject = 'storm' GROUP BY 1") == [
            ("begun", 1)
        ]


class TestCauses:
    """What a known cause explains calls nobody, while it holds and is told."""

    def test_an_effect_calls_nobody_while_its_cause_holds(self, calm: Plant) -> None:
        """It is in the list; the cause's message says how many; when the cause is over and it is not, it calls."""
        (effect,) = more(calm, "heat", 1)
        causes(calm, "heat", "heat-1")
        calm.apply(effect, calm.raised("heat"))
        sink, clock = Sink(), Clock()
        with dispatcher(calm, clock, smtp=sink) as subject:
            rounds(subject, NOW)
            assert len(sink.sent) == 1
            assert sink.sent[0].fields["effects"] == 1
            assert told(calm) == {("sent", None, False): 1, ("waiting", "cause", False): 1}
            clock.now = NOW + MINUTE
            calm.apply(calm.cleared("heat", clock.now), now=clock.now)
            assert rounds(subject, clock.now + 30 * SECOND) == ["held"]
            clock.now += 15 * MINUTE
            rounds(subject, clock.now)
        assert told(calm)["waiting", "cause", False] == 0
        assert {state for state, _, _ in told(calm)} == {"sent"}
        assert calm.rows("SELECT count(*) FROM occurrence WHERE definition_id = %s", effect.definition_id) == [(1,)]

    def test_two_that_name_each_other_do_not_silence_each_other(self, calm: Plant) -> None:
        """Somebody is called in any case."""
        events = more(calm, "heat", 1)
        causes(calm, "heat", "heat-1")
        causes(calm, "heat-1", "heat")
        calm.apply(*events, calm.raised("heat"))
        sink = Sink()
        with dispatcher(calm, Clock(), smtp=sink) as subject:
            rounds(subject, NOW)
        assert len(sink.sent) == 1

    def test_a_lesser_cause_silences_nothing_graver(self, calm: Plant) -> None:
        """A low alarm is no reason not to call for a high one, and nothing is for life safety."""
        causes(calm, "level", "heat")
        causes(calm, "heat", "gas")
        calm.apply(calm.raised("level"), calm.raised("heat"), calm.raised("gas"))
        sink = Sink()
        with dispatcher(calm, Clock(), smtp=sink) as subject:
            rounds(subject, NOW)
        assert {m.fields["priority"] for m in sink.sent} == {"life-safety", "high"}
