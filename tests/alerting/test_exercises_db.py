"""Exercises and roll calls in a real database: the real path, marked everywhere, counted nowhere, giving way to what is real."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

import psycopg
import pytest

from alerting import actions, exercises
from alerting.chain import verify
from alerting.exercises import draw_deliveries, draw_roll_calls, keep_exercises
from alerting.ledger import AlarmKey
from alerting.readiness import drawn
from alerting.reassigning import reassign
from alerting.routing import plan
from alerting.store import alarms, performance
from alerting.store.claims import claim
from alerting.store.definitions import load_definitions, load_routes
from alerting.store.exercises import deliveries
from alerting.store.snapshot import read_snapshot
from core.errors import Refused
from core.model import Priority
from tests.alerting.plant import NOW, Plant
from tests.alerting.test_outbox import Clock, Sink, dispatcher, rounds

pytestmark = pytest.mark.db

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def start(plant: Plant, person: str = "officer", at: datetime = NOW, **more: Any) -> int:
    with plant.as_person(person) as connection:
        return exercises.ask(connection, site="a-1", by=plant.people[person], now=at, **more)


def keep(plant: Plant, at: datetime) -> int:
    with plant.as_service("alerting") as connection:
        return keep_exercises(connection, at)


def outcome(plant: Plant, number: int) -> tuple[Any, ...]:
    return plant.rows("SELECT outcome, occurrence_id, answered_by FROM exercise WHERE exercise_id = %s", number)[0]


def on_duty(plant: Plant, times: int = 0, *, of: tuple[str, ...] = ("officer",)) -> int:
    """A duty position of the officer, told first by the route; the deputy five minutes later."""
    with plant.database.connect("owner") as connection:
        row: Any = connection.execute(
            "INSERT INTO roster (company_id, site_id, key, name, name_zh, audience, time_zone, roll_calls)"
            " VALUES (%s, %s, 'gas-desk', 'Gas desk', '气体岗', 'client', 'Asia/Shanghai', %s) RETURNING roster_id",
            (plant.company, plant.site, times),
        ).fetchone()
        connection.execute(
            "INSERT INTO roster_layer (roster_id, company_id, layer, key, begins_on, hand_over, turn_days) VALUES (%s, %s, 0, 'week', %s, %s, 7)",
            (row[0], plant.company, date(2026, 2, 23), time(8)),
        )
        for number, person in enumerate(of):
            connection.execute(
                "INSERT INTO roster_member VALUES (%s, %s, 0, %s, %s)",
                (row[0], plant.company, number, plant.people[person]),
            )
        connection.execute("DELETE FROM route_step")
        connection.execute(
            "INSERT INTO route_step (route_id, company_id, position, after_s, person_id, roster_id, channel)"
            " SELECT r.route_id, r.company_id, v.position, v.after_s, v.person, v.roster, v.channel FROM route r,"
            " (VALUES (0, 0, NULL, %s, 'preferred'), (1, 300, %s, NULL, 'webhook')) v(position, after_s, person, roster, channel)"
            " WHERE r.key = 'urgent'",
            (row[0], plant.people["deputy"]),
        )
    return int(row[0])


def test_an_exercise_walks_the_real_path_and_an_acknowledgement_ends_it(plant: Plant) -> None:
    """The routes of the site, step by step; marked in the chain; resolved by itself as a drill; every chain verifies."""
    number = start(plant, limit="gas")
    assert keep(plant, NOW + SECOND) == 1
    assert plant.waiting() == [("officer", 0, "waiting"), ("deputy", 1, "waiting"), ("underwriter", 0, "waiting")]
    assert plant.rows("SELECT DISTINCT urgency FROM notification") == [(4,)]
    occurrence = outcome(plant, number)[1]
    assert plant.rows("SELECT exercise FROM occurrence WHERE occurrence_id = %s", occurrence) == [(True,)]
    with plant.as_person("officer") as connection:
        actions.acknowledge(connection, occurrence, person_id=plant.people["officer"], now=NOW + MINUTE)
    assert keep(plant, NOW + MINUTE + SECOND) == 1
    assert outcome(plant, number) == ("answered", occurrence, plant.people["officer"])
    assert {state for _, _, state in plant.waiting()} == {"cancelled"}
    assert plant.rows("SELECT resolution, resolved_by FROM occurrence WHERE exercise") == [("test_or_drill", None)]
    assert plant.rows("SELECT state::text, active, occurrence_id FROM alarm") == [("A", False, None)]
    key = AlarmKey(*plant.rows("SELECT definition_id, sensor_id FROM alarm")[0])
    with plant.as_service("alerting") as connection:
        links = alarms.transitions_of(connection, [key])
    assert [(link.event, link.reason) for link, _, _ in links] == [
        ("raise", f"exercise {number} / 演练 {number}"),
        ("acknowledge", None),
        ("exercise_over", f"exercise {number} / 演练 {number}"),
    ]
    assert verify(links) is None
    assert keep(plant, NOW + 2 * MINUTE) == 0
    assert start(plant, at=NOW + HOUR) == number + 1  # and another one walks by the same alarm


def test_the_ladder_goes_on_until_its_end_and_nobody_need_resolve_it(timescale_plant: Plant) -> None:
    """Unanswered: the deputy hears after two minutes, the insurer after five, all of them of an exercise; then it ends by itself."""
    plant = timescale_plant
    number = start(plant, limit="gas", lasts=6 * MINUTE)
    keep(plant, NOW)
    sink, hook, clock = Sink(), Sink(), Clock()
    with dispatcher(plant, clock, smtp=sink, webhook=hook) as subject:
        for at in (NOW, NOW + 2 * MINUTE, NOW + 5 * MINUTE):
            clock.now = at
            rounds(subject, at)
    assert [m.subject for m in sink.sent] == [
        "【演练】非真实报警：【人身安全】可燃气体达25%LEL，罐区",
        "EXERCISE, not a real alarm: [Life safety] Nobody has acknowledged for 5 minutes: Gas at 25 % LEL, Tank farm",
    ]
    assert hook.sent[0].brief.startswith("EXERCISE, not a real alarm: ")
    for message in (*sink.sent, *hook.sent):
        assert message.fields["exercise"] is True
        assert message.lines[0].startswith(("EXERCISE: nothing has happened", "【演练】现场未发生险情"))
        assert message.lines[0] in message.lines[1:] or message.fields["audience"] == "insurer"
    assert keep(plant, NOW + 6 * MINUTE - SECOND) == 0
    assert keep(plant, NOW + 6 * MINUTE) == 1
    assert outcome(plant, number)[0] == "unanswered"


def test_what_is_real_goes_first_and_ends_the_exercise(timescale_plant: Plant) -> None:
    """No message of the exercise goes out once an alarm waits, the exercise ends within a second, and the real call is as ever."""
    plant = timescale_plant
    number = start(plant)
    keep(plant, NOW)
    plant.apply(plant.raised("gas", NOW + SECOND), now=NOW + SECOND)
    with plant.as_service("alerting") as connection:
        first = claim(connection, NOW + 2 * SECOND, NOW + MINUTE)
    assert first is not None
    assert first.settled() is None  # the real one, though the exercise waited longer
    assert getattr(first, "exercise", "?") is None
    sink, hook, clock = Sink(), Sink(), Clock()
    clock.now = NOW + 2 * SECOND
    with dispatcher(plant, clock, smtp=sink, webhook=hook) as subject:
        assert "cancelled" in rounds(subject, clock.now)
    assert all("exercise" not in m.fields or m.fields["exercise"] is False for m in (*sink.sent, *hook.sent))
    assert plant.rows("SELECT DISTINCT outcome FROM notification WHERE state = 'cancelled'") == [
        ("a real alarm goes first",)
    ]
    assert keep(plant, NOW + 2 * SECOND) == 1
    assert outcome(plant, number)[0] == "real_alarm"
    assert plant.alarm("gas")[0] == "B"
    with pytest.raises(Refused, match="what is real goes first"):
        start(plant, at=NOW + MINUTE)


def test_an_exercise_is_never_folded_with_others(timescale_plant: Plant) -> None:
    """One message that lists a real alarm and an exercise would be taken for one of the two."""
    plant = timescale_plant
    start(plant, limit="level")
    keep(plant, NOW)
    with plant.as_service("alerting") as connection:
        found = connection.execute("SELECT count(*) FROM notification WHERE urgency BETWEEN 1 AND 3").fetchone()
    assert found == (0,)


def test_it_is_counted_nowhere(timescale_plant: Plant) -> None:
    """Neither in how alarms go, nor among what ingest judges, nor in what is called without the database."""
    plant = timescale_plant
    start(plant)
    keep(plant, NOW)
    with plant.as_service("ingest") as connection:
        assert "_exercise.life-safety" not in {d.key for d in load_definitions(connection)}
        snapshot = read_snapshot(connection, NOW)
        assert alarms.active(connection) == set()
    assert "_exercise.life-safety" not in {d.definition_key for d in snapshot.definitions}
    assert snapshot.alarms == []
    with plant.as_service("alerting") as connection:
        ids = [each.definition_id for each in performance.limits(connection, plant.site)]
        happened = performance.steps(connection, plant.site, NOW - HOUR, NOW + HOUR, ids, made_up=True)
        assert len(happened.steps.at) == 0
        assert connection.execute(
            "SELECT count(*) FROM v_alarm_definition WHERE key LIKE '\\_exercise%'"
        ).fetchone() == (0,)


def test_who_may_not_start_one_does_not(timescale_plant: Plant) -> None:
    """A stranger sees no such site, an integrator may not, and statements smuggled into the web process fare no better."""
    plant = timescale_plant
    with pytest.raises(Refused, match="There is no site"):
        start(plant, "stranger")
    for person in ("deputy", "underwriter", "operator"):
        with pytest.raises(Refused, match="Only a safety officer"):
            start(plant, person)
    smuggled = "INSERT INTO exercise (company_id, site_id, kind, priority, asked_by, asked_at, lasts_s) VALUES (%(company)s, %(site)s, %(kind)s, 'high', %(by)s, %(now)s, 600)"
    values = {
        "company": plant.company,
        "site": plant.site,
        "kind": "exercise",
        "by": plant.people["officer"],
        "now": NOW,
    }
    for person, change in (
        ("deputy", {"by": plant.people["deputy"]}),
        ("officer", {"kind": "roll_call"}),
        ("officer", {"by": plant.people["deputy"]}),
    ):
        with (
            pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.CheckViolation)),
            plant.as_person(person) as connection,
        ):
            connection.execute(smuggled.encode(), {**values, **change})
    plant.apply(plant.raised("heat"))
    for statement in (
        (
            "INSERT INTO transition (company_id, definition_id, sensor_id, number, at, recorded_at, event, from_state, to_state, suppression, previous, hash)"
            " SELECT company_id, definition_id, sensor_id, transitions + 1, now(), now(), 'exercise_over', 'B', 'A', 'none', chain, chain FROM alarm"
        ),
        "UPDATE occurrence SET resolved_at = now()",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), plant.as_service("alerting") as connection:
            connection.execute(statement.encode())


def test_bad_words_get_a_sentence(timescale_plant: Plant) -> None:
    """No such limit, position, length; one at a time; what is over is not stopped; nobody shelves one."""
    plant = timescale_plant
    for more, said in (
        ({"limit": "nothing"}, "no limit nothing"),
        ({"position": "nobody"}, "no duty position nobody"),
        ({"lasts": timedelta(seconds=10)}, "1 to 60 minutes"),
        ({"lasts": timedelta(hours=9)}, "1 to 60 minutes"),
        ({"priority": "gigantic"}, "A priority is one of"),
        ({"why": "x" * 401}, "401 characters"),
    ):
        with pytest.raises(Refused, match=said):
            start(plant, **more)
    number = start(plant)
    with pytest.raises(Refused, match="runs already"):
        start(plant)
    keep(plant, NOW)
    occurrence = outcome(plant, number)[1]
    with pytest.raises(Refused, match="An exercise is not shelved"), plant.as_person("officer") as connection:
        actions.shelve(
            connection, occurrence, person_id=plant.people["officer"], now=NOW, reason="loud", until=NOW + HOUR
        )
    with plant.as_person("officer") as connection:
        exercises.stop(connection, number, by=plant.people["officer"], now=NOW + SECOND)
    assert keep(plant, NOW + SECOND) == 1
    assert outcome(plant, number)[0] == "stopped"
    with pytest.raises(Refused, match="over already"), plant.as_person("officer") as connection:
        exercises.stop(connection, number, by=plant.people["officer"], now=NOW + MINUTE)


def test_what_could_not_begin_for_long_begins_no_more(timescale_plant: Plant) -> None:
    """Alerting was away: nobody is woken by an exercise that somebody wanted hours ago."""
    plant = timescale_plant
    number = start(plant)
    assert keep(plant, NOW + 6 * MINUTE) == 1
    assert outcome(plant, number) == ("stopped", None, None)
    assert plant.waiting() == []


def test_nobody_to_call_is_said_and_ends_it(timescale_plant: Plant) -> None:
    """A ladder that reaches nobody is a finding of the exercise, not a silence."""
    plant = timescale_plant
    with plant.database.connect("owner") as connection:
        connection.execute("DELETE FROM route_step")
    number = start(plant)
    keep(plant, NOW)
    assert outcome(plant, number)[0] == "nobody_to_call"
    assert plant.rows("SELECT state::text FROM alarm") == [("A",)]


def test_a_position_alone_is_rung_again_and_its_calls_are_left_alone(timescale_plant: Plant) -> None:
    """Three times over the channels of their own order; who looks again for who is on duty does not take them for steps of a route."""
    plant = timescale_plant
    on_duty(plant)
    start(plant, position="gas-desk")
    keep(plant, NOW)
    assert plant.waiting() == [("officer", 0, "waiting"), ("officer", 1, "waiting"), ("officer", 2, "waiting")]
    with plant.as_service("alerting") as connection:
        assert reassign(connection, NOW) == 0
    assert plant.rows("SELECT rule FROM notification ORDER BY step LIMIT 1")[0][0].startswith(
        "exercise of duty position gas-desk, step 0: life-safety alarms, at once; on duty by roster gas-desk, layer week"
    )


def roll_calls(plant: Plant, until: datetime, every: timedelta = MINUTE) -> list[tuple[Any, ...]]:
    """Time goes by; what was drawn, as it was written down."""
    with plant.as_service("alerting") as connection:
        draw_roll_calls(connection, NOW)
    at = NOW
    while at < until:
        at += every
        with plant.as_service("alerting") as connection:
            draw_roll_calls(connection, at)
            keep_exercises(connection, at)
    return plant.rows(
        "SELECT asked_at, began_at, outcome, called_id, local_hour, on_holiday FROM exercise ORDER BY exercise_id"
    )


def test_roll_calls_come_at_drawn_instants_and_are_measured(timescale_plant: Plant) -> None:
    """So many in thirty days, at the instants of the position's own secret number, each once; unanswered after ten minutes."""
    plant = timescale_plant
    roster = on_duty(plant, times=12)
    with plant.as_service("alerting") as connection:
        draw_roll_calls(connection, NOW)
    ((seed,),) = plant.rows("SELECT seed FROM roll_call_draw WHERE roster_id = %s", roster)
    until = NOW + timedelta(days=6)
    expected = drawn(seed, 12, None, "Asia/Shanghai", NOW, until)
    found = roll_calls(plant, until, 10 * MINUTE)
    apart = [at for before, at in zip([NOW, *expected], expected, strict=False) if at - before > HOUR]
    assert {row[0] for row in found} >= set(apart)
    assert {row[0] for row in found} <= set(expected)
    for asked, began, came, called, hour, holiday in found:
        assert came in ("unanswered", None)
        assert timedelta(0) <= began - asked <= HOUR
        assert called == plant.people["officer"]
        local = began + 8 * HOUR
        assert (hour, holiday) == (local.hour, local.weekday() >= 5)


def test_no_roll_call_falls_into_a_real_alarm(timescale_plant: Plant) -> None:
    """It waits for the end of the alarm for an hour, and is left out then."""
    plant = timescale_plant
    on_duty(plant, times=12)
    plant.apply(plant.raised("gas"))
    assert roll_calls(plant, NOW + timedelta(days=6), 30 * MINUTE) == []
    assert plant.rows("SELECT looked_until > %s FROM roll_call_draw", NOW + timedelta(days=5)) == [(True,)]


def answers(plant: Plant, roster: int, *, at: datetime, answered: int, unanswered: int) -> None:
    """Roll calls of the past, each a day before the other, at the same hour of a Shanghai night."""
    with plant.database.connect("owner") as connection:
        for number in range(answered + unanswered):
            began = at - timedelta(days=number + 1)
            connection.execute(
                "INSERT INTO exercise (company_id, site_id, kind, priority, roster_id, asked_at, lasts_s, began_at, local_hour, on_holiday,"
                " answered_at, ended_at, outcome) VALUES (%s, %s, 'roll_call', 'life-safety', %s, %s, 600, %s, 3, false, %s, %s, %s)",
                (
                    plant.company, plant.site, roster, began, began, began + 20 * SECOND if number < answered else None, began + 10 * MINUTE,
                    "answered" if number < answered else "unanswered",
                ),
            )  # fmt: skip


@pytest.mark.parametrize(
    ("answered", "unanswered", "waits"),
    [(2, 2, 300.0), (5, 0, 300.0), (3, 1, 300.0), (3, 2, 0.0), (0, 5, 0.0), (4, 1, 150.0)],
)
def test_who_does_not_answer_at_night_is_backed_sooner_then(
    timescale_plant: Plant, answered: int, unanswered: int, waits: float
) -> None:
    """Of five roll calls at least: two unanswered bring the deputy at once, one brings them after half the wait; by day all is as it was."""
    plant = timescale_plant
    roster = on_duty(plant)
    night = datetime(2026, 3, 2, 19, tzinfo=NOW.tzinfo)  # 03:00 of a Tuesday in Shanghai
    answers(plant, roster, at=night, answered=answered, unanswered=unanswered)
    with plant.as_service("ingest") as connection:
        routes = load_routes(connection, [plant.site], night)[plant.site]
    calls = plan(Priority.LIFE_SAFETY, routes, onset=night, now=night)
    deputy = next(call for call in calls if call.person_id == plant.people["deputy"])
    assert (deputy.at - night).total_seconds() == waits
    assert ("sooner than the route says, for duty position gas-desk answered" in deputy.rule) == (waits < 300)
    noon = night + 9 * HOUR
    calls = plan(Priority.LIFE_SAFETY, routes, onset=noon, now=noon)
    assert next(call.at for call in calls if call.person_id == plant.people["deputy"]) == noon + 5 * MINUTE


def test_the_insurer_sees_no_names(timescale_plant: Plant) -> None:
    """Positions, outcomes and seconds; who was called, who answered and what was typed stay with the company."""
    plant = timescale_plant
    number = start(plant, why="Old Wang does not answer")
    keep(plant, NOW)
    with plant.as_person("officer") as connection:
        actions.acknowledge(connection, outcome(plant, number)[1], person_id=plant.people["officer"], now=NOW + MINUTE)
    keep(plant, NOW + MINUTE)
    asked = "SELECT outcome, asked_by, why, called_id, answered_by FROM v_exercise"
    with plant.as_person("underwriter") as connection:
        assert connection.execute(asked.encode()).fetchall() == [("answered", None, None, None, None)]
    with plant.as_person("stranger") as connection:
        assert connection.execute(asked.encode()).fetchall() == []
    with pytest.raises(psycopg.errors.InsufficientPrivilege), plant.as_person("underwriter") as connection:
        connection.execute("SELECT why, called_id FROM exercise")


def delivered(plant: Plant, at: datetime) -> list[Any]:
    """A delivery test of a day: asked for, begun; gives what the operator's receiver got."""
    with plant.as_service("alerting") as connection:
        assert draw_deliveries(connection, at, plant.people["underwriter"], deliveries(connection)) == 1
        assert draw_deliveries(connection, at, plant.people["underwriter"], deliveries(connection)) == 0
        keep_exercises(connection, at)
    sink, clock = Sink(), Clock()
    clock.now = at + SECOND
    with dispatcher(plant, clock, smtp=sink) as subject:
        rounds(subject, clock.now)
    return list(sink.sent)


def test_a_delivery_test_goes_to_the_operator_and_its_time_is_kept(timescale_plant: Plant) -> None:
    """Once a day and site, to nobody else, marked; from the transaction to the receipt."""
    plant = timescale_plant
    (message,) = delivered(plant, NOW)
    assert message.subject.startswith("EXERCISE, not a real alarm")
    assert "delivery test" in message.text
    assert plant.waiting() == [("underwriter", 0, "sent")]
    keep(plant, NOW + 2 * SECOND)
    with plant.as_service("alerting") as connection:
        tested = next(each for each in deliveries(connection) if each.site_id == plant.site)
    assert (tested.outcome, tested.took_s) == ("delivered", 1.0)
    assert plant.rows("SELECT count(*) FROM alarm_definition WHERE key = '_delivery.late'") == [(0,)]


def test_a_delivery_that_somebody_answers_has_arrived_all_the_same(timescale_plant: Plant) -> None:
    """A person of the site acknowledges what they see in the list, just as it has arrived: it has shown what it is for."""
    plant = timescale_plant
    delivered(plant, NOW)
    ((occurrence,),) = plant.rows("SELECT occurrence_id FROM exercise")
    with plant.as_person("officer") as connection:
        actions.acknowledge(connection, occurrence, person_id=plant.people["officer"], now=NOW + SECOND)
    keep(plant, NOW + 2 * SECOND)
    assert plant.rows("SELECT outcome, delivered_at, answered_by FROM exercise") == [
        ("delivered", NOW + SECOND, plant.people["officer"])
    ]


def test_what_does_not_arrive_is_an_alarm_until_one_does(timescale_plant: Plant) -> None:
    """A real one, of the site's own routes; ingest neither judges nor clears it."""
    plant = timescale_plant
    with plant.as_service("alerting") as connection:
        draw_deliveries(connection, NOW, plant.people["underwriter"], deliveries(connection))
        keep_exercises(connection, NOW)
    assert keep(plant, NOW + 61 * SECOND) == 1
    late = "SELECT a.state::text, a.active, o.exercise FROM alarm a JOIN alarm_definition d USING (definition_id) JOIN occurrence o USING (occurrence_id)"
    assert plant.rows(f"{late} WHERE d.key = '_delivery.late'") == [("B", True, False)]
    with plant.as_service("ingest") as connection:
        assert alarms.active(connection) == set()
        assert "_delivery.late" not in {d.key for d in load_definitions(connection)}
    delivered(plant, NOW + timedelta(days=1))
    keep(plant, NOW + timedelta(days=1, seconds=2))
    assert plant.rows(f"{late} WHERE d.key = '_delivery.late'") == [("D", False, False)]


def test_an_alarm_that_stands_or_begins_holds_no_delivery_test_back(timescale_plant: Plant) -> None:
    """A site whose alarm has waited for weeks is tested each day, to its end; its alarm and the people it calls are left alone."""
    plant = timescale_plant
    plant.apply(plant.raised("gas"))
    for weeks in (0, 3):
        at = NOW + timedelta(weeks=weeks, days=weeks > 0)
        with plant.as_service("alerting") as connection:
            assert draw_deliveries(connection, at, plant.people["underwriter"], deliveries(connection)) == 1
            keep_exercises(connection, at)
        plant.apply(plant.raised("heat", at + SECOND), now=at + SECOND)
        before = [row for row in called(plant) if not row[0].startswith("_exercise")]
        assert keep(plant, at + SECOND) == 0
        sink, clock = Sink(), Clock()
        clock.now = at + 2 * SECOND
        with dispatcher(plant, clock, smtp=sink, webhook=Sink()) as subject:
            rounds(subject, clock.now)
        assert sum(message.subject.startswith("EXERCISE") for message in sink.sent) == 1
        keep(plant, at + 3 * SECOND)
        with plant.as_service("alerting") as connection:
            tested = next(each for each in deliveries(connection) if each.site_id == plant.site)
        assert (tested.outcome, tested.took_s) == ("delivered", 2.0)
        assert [row for row in called(plant) if not row[0].startswith("_exercise")] == before
        assert (plant.alarm("gas")[0], plant.alarm("heat")[0]) == ("B", "B")


def called(plant: Plant) -> list[tuple[Any, ...]]:
    return plant.rows(
        "SELECT d.key, n.person_id, n.step, n.due_at FROM notification n JOIN alarm_definition d USING (definition_id) ORDER BY 1, 2, 3, 4"
    )
