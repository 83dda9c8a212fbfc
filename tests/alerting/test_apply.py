"""Events written down: set-based, chained, once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

import psycopg
import pytest

from alerting.actions import acknowledge
from alerting.alarm import Alarm, Happening, State, Suppression, step
from alerting.apply import apply_events, lock_all
from alerting.chain import verify
from alerting.ledger import AlarmKey
from alerting.store.alarms import lock, transitions_of
from alerting.store.definitions import load_definitions
from core.batch import Event
from core.db import transaction
from core.errors import Refused
from tests.alerting.plant import NOW, Plant, us
from tests.ingest.rig import wait_for

pytestmark = pytest.mark.db

MINUTE = timedelta(minutes=1)


def test_a_raise_opens_an_occurrence_and_calls_its_route(plant: Plant) -> None:
    """One event: an alarm, an occurrence with its evidence window, a transition, and each step of both routes."""
    applied = plant.apply(plant.raised("gas", NOW - MINUTE, value=31.5))
    assert (len(applied.transitions), applied.notifications) == (1, 3)
    state, active, suppression, occurrence = plant.alarm("gas")
    assert (state, active, suppression, applied.opened) == ("B", True, "none", (occurrence,))
    assert plant.rows("SELECT began_at, normal_at, first_value, evidence_from, historic FROM occurrence") == [
        (NOW - MINUTE, None, 31.5, NOW - 31 * MINUTE, False)
    ]
    assert plant.waiting() == [("officer", 0, "waiting"), ("deputy", 1, "waiting"), ("underwriter", 0, "waiting")]
    assert plant.rows("SELECT key, onset, due_at, audience FROM notification WHERE step = 1") == [
        (f"{plant.definitions['gas'][0]}-{plant.definitions['gas'][1]}-{us(NOW - MINUTE)}-1-{plant.people['deputy']}-webhook",
         NOW - MINUTE, NOW + MINUTE, "client")
    ]  # fmt: skip


def test_what_replayed_history_raises_is_marked_until_something_real_joins(plant: Plant) -> None:
    """It calls as always; its transition and occurrence carry the mark, within the chain; what is real is never taken for it."""
    applied = plant.apply(replace(plant.raised("gas", NOW - MINUTE), replayed=True))
    assert applied.notifications == 3
    marks = "SELECT o.replayed, t.replayed, t.event FROM occurrence o JOIN transition t USING (occurrence_id) ORDER BY t.number"
    assert plant.rows(marks) == [(True, True, "raise")]
    plant.apply(replace(plant.cleared("gas"), replayed=True), now=NOW)
    plant.apply(plant.raised("gas", NOW + MINUTE), now=NOW + MINUTE)
    assert plant.rows(marks) == [(False, True, "raise"), (False, True, "clear"), (False, False, "raise")]
    with plant.as_service("ingest") as connection:
        rows = transitions_of(connection, [plant.definitions["gas"]])
    assert verify(rows) is None
    forged = [(replace(rows[0][0], replayed=False), *rows[0][1:]), *rows[1:]]
    assert verify(forged) is not None


def test_the_same_event_again_is_nothing(plant: Plant) -> None:
    """A batch that was committed and comes again after a crash changes nothing."""
    plant.apply(plant.raised("heat"))
    again = plant.apply(plant.raised("heat"), now=NOW + MINUTE)
    assert (again.transitions, again.opened, again.notifications) == ((), (), 0)
    assert plant.rows("SELECT count(*) FROM transition") == [(1,)]


def test_several_events_of_one_alarm_are_taken_in_order(plant: Plant) -> None:
    """Raise, clear, raise in one batch: three transitions, one occurrence, one call (chatter belongs to it)."""
    plant.apply(plant.raised("heat"), plant.cleared("heat", NOW + MINUTE), plant.raised("heat", NOW + 2 * MINUTE))
    assert plant.rows("SELECT number, event, from_state::text, to_state::text, batch_no FROM transition ORDER BY number") == [
        (1, "raise", "A", "B", 1), (2, "clear", "B", "D", 1), (3, "raise", "D", "B", 1),
    ]  # fmt: skip
    assert plant.rows("SELECT count(*) FROM occurrence") == [(1,)]
    assert plant.waiting() == [("officer", 0, "waiting"), ("deputy", 1, "waiting")]


def test_a_recurrence_before_resolution_joins(plant: Plant) -> None:
    """Back in normal (acknowledged before) and there again: the same occurrence, no longer normal."""
    plant.apply(plant.raised("heat"))
    with plant.as_person("officer") as connection:
        acknowledge(connection, plant.definitions["heat"], person_id=plant.people["officer"], now=NOW + MINUTE)
    plant.apply(plant.cleared("heat", NOW + 2 * MINUTE), now=NOW + 2 * MINUTE)
    assert plant.rows("SELECT normal_at, evidence_until FROM occurrence") == [(NOW + 2 * MINUTE, NOW + 32 * MINUTE)]
    plant.apply(plant.raised("heat", NOW + 3 * MINUTE), now=NOW + 3 * MINUTE)
    assert plant.rows("SELECT normal_at, evidence_until FROM occurrence") == [(None, None)]
    assert plant.waiting()[-2:] == [("officer", 0, "waiting"), ("deputy", 1, "waiting")]


def test_the_past_is_written_down_but_calls_nobody(plant: Plant) -> None:
    """More than 15 minutes old: historic, no calls; life safety sends one message, and the next live one calls in full."""
    long_ago = NOW - timedelta(hours=3)
    plant.apply(plant.raised("heat", long_ago), plant.cleared("heat", long_ago + MINUTE))
    assert plant.waiting() == []
    assert plant.rows("SELECT historic FROM occurrence") == [(True,)]
    again = [long_ago + timedelta(minutes=30 * i) for i in range(3)]
    flapping = [e for at in again for e in (plant.raised("gas", at), plant.cleared("gas", at + MINUTE))]
    plant.apply(*flapping)
    assert plant.waiting() == [("officer", 0, "waiting")]
    assert plant.rows("SELECT onset FROM notification") == [(again[-1],)]
    plant.apply(plant.raised("heat", NOW - 14 * MINUTE))
    assert plant.waiting().count(("deputy", 1, "waiting")) == 1


def test_a_late_pair_leaves_a_running_alarm_alone(plant: Plant) -> None:
    """A late raise and clear beside an active alarm must not clear it; where it is not active they are both written."""
    plant.apply(plant.raised("heat"))
    late = [plant.raised("heat", NOW - 5 * MINUTE, late=True), plant.cleared("heat", NOW - 4 * MINUTE, late=True)]
    assert plant.apply(*late).transitions == ()
    assert plant.alarm("heat")[:2] == ("B", True)
    other = [plant.raised("gas", NOW - 5 * MINUTE, late=True), plant.cleared("gas", NOW - 4 * MINUTE, late=True)]
    assert len(plant.apply(*other).transitions) == 2
    assert plant.alarm("gas")[:2] == ("E", False)


class Counting(psycopg.Cursor[Any]):
    """A cursor that keeps what it was asked."""

    statements: ClassVar[list[str]] = []

    def execute(self, query: Any, *args: Any, **kwargs: Any) -> Any:
        Counting.statements.append(str(query).split()[0])
        return super().execute(query, *args, **kwargs)


def _counted(plant: Plant, events: list[Event], now: datetime) -> int:
    with (
        psycopg.connect(plant.database.url("ingest"), autocommit=True, cursor_factory=Counting) as connection,
        transaction(connection, plant.database.service_token()),
    ):
        Counting.statements = []
        apply_events(connection, events, now=now, batch_no=2)
        return len(Counting.statements)


def _many(plant: Plant, count: int) -> list[AlarmKey]:
    with plant.database.connect("owner") as connection:
        connection.execute(
            "INSERT INTO sensor (company_id, site_id, device_id, key, name, name_zh, quantity, unit)"
            " SELECT company_id, site_id, device_id, 's' || i, name, name_zh, quantity, unit"
            " FROM sensor, generate_series(1, %s) i WHERE key = 'heat'", (count,),
        )  # fmt: skip
        found = connection.execute(
            "INSERT INTO alarm_definition (company_id, site_id, sensor_id, key, detector, direction, setpoint, priority, title,"
            " title_zh, consequence, consequence_zh, response, response_zh, respond_within_s)"
            " SELECT s.company_id, s.site_id, s.sensor_id, s.key, detector, direction, setpoint, priority, title, title_zh,"
            " consequence, consequence_zh, response, response_zh, respond_within_s"
            " FROM sensor s, alarm_definition d WHERE s.key ~ '^s[0-9]+$' AND d.key = 'heat' RETURNING definition_id, sensor_id"
        ).fetchall()
    return [AlarmKey(*row) for row in found]  # type: ignore[arg-type]


def test_five_thousand_events_cost_as_many_statements_as_one(plant: Plant) -> None:
    """A batch's events are set-based: the number of statements does not depend on how many there are."""
    keys = _many(plant, 2500)
    one = _counted(plant, [plant.raised("heat"), plant.cleared("heat", NOW + MINUTE)], NOW + MINUTE)
    raised = [Event(*key, active=True, at=us(NOW), value=30.0) for key in keys]
    cleared = [replace(event, active=False, at=us(NOW + MINUTE)) for event in raised]
    assert _counted(plant, [*raised, *cleared], NOW + MINUTE) == one
    assert one <= 11  # routes and rosters are two
    assert plant.rows("SELECT count(*), count(DISTINCT occurrence_id) FROM transition") == [(5002, 2501)]
    assert plant.rows("SELECT count(*) FROM notification") == [(5002,)]
    with plant.as_service("alerting") as connection:
        assert verify(transitions_of(connection, keys)) is None


def test_two_batches_over_the_same_alarms_do_not_deadlock(plant: Plant) -> None:
    """Rows are locked in one order whatever order the events have: the second waits, then sees what the first wrote."""
    events = [plant.raised("heat"), plant.raised("gas")]
    with plant.as_service("ingest") as first:
        apply_events(first, events, now=NOW, batch_no=1)
        with plant.as_service("alerting") as second:
            second.execute("SET LOCAL lock_timeout = '50ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable), second.transaction():
                apply_events(second, events[::-1], now=NOW, batch_no=2)
    assert plant.apply(*events[::-1]).transitions == ()


def test_all_steps_of_a_batch_lock_in_one_order(plant: Plant) -> None:
    """What a batch says of a later alarm is not locked while it waits for an earlier one that its next step will touch."""
    first, last = sorted(["gas", "level"], key=lambda key: plant.definitions[key])
    with ThreadPoolExecutor(1) as pool:

        def batch() -> None:
            with plant.as_service("ingest") as connection:
                lock_all(connection, [plant.raised(last)], [plant.definitions[first]], now=NOW)
                apply_events(connection, [plant.raised(last)], now=NOW, batch_no=2)
                apply_events(connection, [plant.raised(first)], now=NOW, batch_no=2)

        plant.apply(plant.raised(first), plant.raised(last))
        with plant.as_service("alerting") as duty:
            lock(duty, [plant.definitions[first]])
            waits = pool.submit(batch)
            wait_for(
                lambda: plant.rows("SELECT count(*) FROM pg_locks WHERE NOT granted")[0][0] > 0, "ingest waits", 10
            )
            duty.execute("SET LOCAL lock_timeout = '200ms'")
            assert set(lock(duty, [plant.definitions[last]])) == {plant.definitions[last]}
        waits.result(10)


def test_pages_hear_of_a_transition_by_ids_only(plant: Plant) -> None:
    """NOTIFY carries the company's id and nothing else, and only when something changed."""
    with plant.database.connect("web") as listener:
        listener.execute("LISTEN davy_scope")
        listener.execute("LISTEN davy_outbox")
        plant.apply(plant.raised("gas"))
        heard = {(n.channel, n.payload) for n in listener.notifies(timeout=5, stop_after=2)}
        assert heard == {("davy_scope", str(plant.company)), ("davy_outbox", "")}
        plant.apply(plant.raised("gas"))
        assert list(listener.notifies(timeout=0.2)) == []


def test_replaying_transitions_gives_the_alarm(plant: Plant) -> None:
    """The append-only transitions hold all that `alarm` says."""
    plant.apply(plant.raised("gas"), plant.cleared("gas", NOW + MINUTE), now=NOW + MINUTE)
    plant.apply(plant.raised("gas", NOW + 20 * MINUTE), now=NOW + 20 * MINUTE)
    with plant.as_service("alerting") as connection:
        rows = transitions_of(connection, [plant.definitions["gas"]])
    assert verify(rows) is None
    alarm = Alarm()
    for link, _, _ in rows:
        alarm = step(alarm, Happening(link.event), at=link.at, latch=True, until=link.until).alarm
    assert alarm == Alarm(State.UNACKNOWLEDGED, True, Suppression.NONE, None, NOW + 20 * MINUTE)
    assert plant.rows("SELECT state::text, active, onset, chain, transitions FROM alarm") == [
        ("B", True, alarm.onset, rows[-1][2], len(rows))
    ]


def test_a_changed_transition_is_found(plant: Plant) -> None:
    """Whoever edits the table, the chain shows the first row that was touched."""
    plant.apply(plant.raised("gas"), plant.cleared("gas", NOW + MINUTE))
    plant.rows("UPDATE transition SET at = at + interval '1 second' WHERE number = 2 RETURNING 1")
    with plant.as_service("alerting") as connection:
        broken = verify(transitions_of(connection, [plant.definitions["gas"]]))
    assert broken is not None
    assert broken.number == 2


def test_an_undefined_alarm_is_refused(plant: Plant) -> None:
    """A definition on a sensor that is not its own cannot have an alarm."""
    wrong = replace(plant.raised("gas"), sensor_id=plant.definitions["heat"].sensor_id)
    with pytest.raises(Refused, match="There is no alarm of definition"):
        plant.apply(wrong)


def test_transitions_cannot_be_rewritten_by_any_service(plant: Plant) -> None:
    """Append-only: none of Davy's roles may update or delete one."""
    plant.apply(plant.raised("gas"))
    for role in ("ingest", "alerting", "web", "grafana"):
        for statement in ("UPDATE transition SET value = 0", "DELETE FROM transition"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), plant.as_service(role) as connection:
                connection.execute(statement)


def test_definitions_are_loaded_as_the_judge_wants_them(plant: Plant) -> None:
    """Delays in microseconds, in the order of ids; what is retired is not judged."""
    plant.rows("UPDATE alarm_definition SET retired_at = now() WHERE key = 'level' RETURNING 1")
    with plant.as_service("ingest") as connection:
        loaded = load_definitions(connection)
    assert [(d.definition_id, d.on_delay_us, d.priority) for d in loaded] == [
        (plant.definitions["gas"][0], 1_500_000, "life-safety"), (plant.definitions["heat"][0], 1_500_000, "high"),
    ]  # fmt: skip
