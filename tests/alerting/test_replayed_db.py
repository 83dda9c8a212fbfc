"""On the real database: whatever ingest, people, timers and suppression do, replaying the transitions gives the alarm's row.

Hypothesis drives it; each example begins with empty alarms.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from alerting import actions
from alerting.alarm import SAME_CALL, Happening
from alerting.apply import apply_changes, apply_events
from alerting.chain import verify as verify_chain
from alerting.ledger import AlarmKey, Change
from alerting.replaying import Row
from alerting.store.alarms import transitions_of
from alerting.store.seals import steps
from alerting.verifying import Walked, walk
from core.batch import Event
from core.db import transaction
from core.errors import Refused
from tests.alerting.plant import NOW, Plant, make_plant, us
from tests.database import TestDatabase

pytestmark = pytest.mark.db

KEYS = st.sampled_from(["gas", "heat", "heat-hh"])
ROWS = """
SELECT definition_id, sensor_id, state::text, active, suppression, suppressed_until, suppression_reason, suppressed_by, occurrence_id,
       changed_at, transitions FROM alarm"""
SUPPRESSIONS = (Happening.SUPPRESS, Happening.UNSUPPRESS, Happening.TAKE_OUT, Happening.RETURN_TO_SERVICE)


def second_limit(plant: Plant) -> None:
    """HH beside H on the sensor of `heat`, and timers on all."""
    row = plant.rows(
        "INSERT INTO alarm_definition (company_id, site_id, sensor_id, key, detector, direction, setpoint, priority, latch, title,"
        " title_zh, consequence, consequence_zh, response, response_zh, respond_within_s, realarm_after_s)"
        " SELECT company_id, site_id, sensor_id, 'heat-hh', detector, direction, 40, 'life-safety', true, title, title_zh, consequence,"
        " consequence_zh, response, response_zh, 60, 3600 FROM alarm_definition WHERE key = 'heat' RETURNING definition_id, sensor_id"
    )[0]
    plant.definitions["heat-hh"] = AlarmKey(*row)
    plant.rows("UPDATE alarm_definition SET realarm_after_s = 1800 RETURNING 1")


def machine(plant: Plant) -> type[RuleBasedStateMachine]:
    """The rules over one plant, with a connection for each side."""
    service, token = plant.database.connect("alerting"), plant.database.service_token()
    ingest = plant.database.connect("ingest")
    officer = plant.people["officer"]
    person_token = plant.database.person_token(officer, "safety_officer", plant.company)
    web = plant.database.connect("web")
    owner = plant.database.connect("owner")

    class Everybody(RuleBasedStateMachine):
        @initialize()
        def empty(self) -> None:
            self.now: datetime = NOW
            owner.execute("TRUNCATE alarm, occurrence, transition, notification CASCADE")

        def waits(self, minutes: int) -> datetime:
            self.now += timedelta(minutes=minutes)
            return self.now

        @rule(
            events=st.lists(st.tuples(KEYS, st.booleans(), st.booleans()), min_size=1, max_size=5),
            minutes=st.integers(0, 40),
            age=st.sampled_from([0, 0, 0, 30]),
        )
        def a_batch(self, events: list[tuple[str, bool, bool]], minutes: int, age: int) -> None:
            at = self.waits(minutes)
            given = [
                Event(
                    *plant.definitions[key],
                    active=active,
                    at=us(at - timedelta(minutes=age)),
                    value=30.0,
                    row=0,
                    late=late,
                )
                for key, active, late in events
            ]
            with transaction(ingest, token):
                apply_events(ingest, given, now=at, batch_no=1)

        @rule(
            key=KEYS,
            minutes=st.integers(0, 10),
            what=st.sampled_from(["acknowledge", "reset", "resolve", "shelve", "unshelve"]),
        )
        def somebody_acts(self, key: str, minutes: int, what: str) -> None:
            at = self.waits(minutes)
            words: dict[str, dict[str, Any]] = {
                "resolve": {"resolution": "near_miss", "action_taken": "Vent opened"},
                "shelve": {"reason": "Test", "until": at + timedelta(minutes=20)},
            }
            more = words.get(what, {})
            try:
                with transaction(web, person_token):
                    getattr(actions, what)(web, plant.definitions[key], person_id=officer, now=at, **more)
            except Refused:
                return

        @rule(key=KEYS, minutes=st.integers(0, 10), what=st.sampled_from(SUPPRESSIONS))
        def the_plant_changes(self, key: str, minutes: int, what: Happening) -> None:
            at = self.waits(minutes)
            change = Change(
                alarm=plant.definitions[key], happening=what, at=at, reason="hot work", until=at + timedelta(hours=8)
            )
            try:
                with transaction(service, token):
                    apply_changes(service, [change], now=at)
            except Refused:
                return

        @rule(minutes=st.sampled_from([0, 5, 30, 90]))
        def timers(self, minutes: int) -> None:
            at = self.waits(minutes)
            with transaction(service, token):
                actions.expire_shelves(service, at)
                actions.realarm(service, at)
                assert actions.realarm(service, at).transitions == ()
                actions.call_for_what_still_holds(service, at)

        @invariant()
        def transitions_give_the_alarm(self) -> None:
            rows = {AlarmKey(*row[:2]): Row(*row[2:]) for row in owner.execute(ROWS).fetchall()}  # type: ignore[arg-type]
            with transaction(service, token):
                links = transitions_of(service, sorted(rows))
            assert verify_chain(links) is None
            replayed = dict.fromkeys(rows, Row())
            for link, _, _ in links:
                key = AlarmKey(link.definition_id, link.sensor_id)
                replayed[key] = replayed[key].after(link)
            for key, row in rows.items():
                assert replayed[key].differs(row) is None or not row.transitions, (replayed[key], row)
                assert row.active == (row.state in "BC")
                assert (row.occurrence_id is None) <= (row.state == "A")

        @invariant()
        def a_call_runs_for_what_waits_unsuppressed(self) -> None:
            lost = owner.execute(
                "SELECT 1 FROM alarm WHERE state = 'B' AND state <> 'A' AND suppression = 'none' AND onset IS NULL"
            ).fetchall()
            assert lost == []
            calling = owner.execute(
                "SELECT 1 FROM alarm WHERE onset IS NOT NULL AND (state NOT IN ('B', 'D', 'E') OR suppression <> 'none')"
            )
            assert calling.fetchall() == []

        def teardown(self) -> None:
            with owner.transaction():
                assert list(walk(steps(owner, None, None), Walked())) == []

    return Everybody


def test_replaying_gives_the_alarm_whatever_happens(timescale_database: TestDatabase) -> None:
    """State, condition, suppression with reason, author and end, occurrence, instant and number: all come out of the transitions."""
    plant = make_plant(timescale_database)
    second_limit(plant)
    assert timedelta(minutes=30) > SAME_CALL
    run_state_machine_as_test(
        machine(plant),
        settings=settings(
            max_examples=25, stateful_step_count=16, deadline=None, suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
