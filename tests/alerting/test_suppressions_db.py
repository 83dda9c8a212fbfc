"""Orders and rules in a real database: who may, what they silence, and that each ends by itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from alerting import actions, suppressions
from alerting.alarm_words import AlarmWords
from alerting.delivery import Claimed
from alerting.ledger import AlarmKey
from alerting.orders import Order
from alerting.store.alarms import lock
from alerting.store.claims import claim
from core.db import transaction
from core.errors import Refused
from tests.alerting.plant import NOW, Plant
from tests.ingest.rig import wait_for

pytestmark = pytest.mark.db

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass(slots=True)
class Works:
    """The plant with its sensors in a zone, and what people do there."""

    plant: Plant
    zone: int

    def order(self, who: str = "officer", *, now: datetime = NOW, **words: Any) -> int:
        given: dict[str, Any] = {
            "kind": "maintenance", "site_id": self.plant.site, "zone_id": self.zone, "begins_at": now, "ends_at": now + 2 * HOUR,
            "number": "W-17", "reason": "New belt", "signed_by": "Shift leader Zhao",
        }  # fmt: skip
        with self.plant.as_person(who) as connection:
            return suppressions.record(
                connection, Order(**{**given, **words}), person_id=self.plant.people[who], now=now
            )

    def out(self, *keys: str, who: str = "officer", now: datetime = NOW, **words: Any) -> int:
        named = tuple(self.plant.definitions[key].definition_id for key in keys)
        return self.order(who, now=now, **{"kind": "out_of_service", "zone_id": None, "definition_ids": named, **words})

    def says(self, who: str, act: Any, order: int, *, now: datetime = NOW, **words: Any) -> None:
        with self.plant.as_person(who) as connection:
            act(connection, order, person_id=self.plant.people[who], now=now, **words)

    def look(self, now: datetime) -> None:
        """What the alerting process does every second, twice: the second time there is nothing left to do."""
        with self.plant.as_service("alerting") as connection:
            actions.expire_shelves(connection, now)
            suppressions.keep_suppressions(connection, now)
        with self.plant.as_service("alerting") as connection:
            assert suppressions.keep_suppressions(connection, now).transitions == ()

    def shelve(self, key: str, now: datetime, until: datetime) -> None:
        with self.plant.as_person("officer") as connection:
            actions.shelve(
                connection, self.plant.definitions[key], person_id=self.plant.people["officer"], now=now, reason="noise", until=until
            )  # fmt: skip

    def suppression(self, key: str) -> str:
        found = self.plant.rows(
            "SELECT suppression FROM alarm WHERE definition_id = %s", self.plant.definitions[key].definition_id
        )
        return str(found[0][0]) if found else "none"

    def rule(self, parent: AlarmKey, *children: str, longest_s: float = 86400) -> None:
        with self.plant.database.connect("owner") as connection:
            row = connection.execute(
                "INSERT INTO suppression_rule (company_id, site_id, key, title, title_zh, parent_id, longest_s)"
                " VALUES (%s, %s, 'stopped', 'Dryer stands still', '烘干机停机', %s, %s) RETURNING rule_id",
                (self.plant.company, self.plant.site, parent.definition_id, longest_s),
            ).fetchone()
            assert row is not None
            for key in children:
                connection.execute(
                    "INSERT INTO suppression_rule_alarm (rule_id, company_id, definition_id) VALUES (%s, %s, %s)",
                    (row[0], self.plant.company, self.plant.definitions[key].definition_id),
                )


@pytest.fixture
def works(timescale_plant: Plant) -> Works:
    """On TimescaleDB: the statements are of one kind."""
    plant = timescale_plant
    with plant.database.connect("owner") as connection:
        row = connection.execute(
            "INSERT INTO zone (company_id, site_id, key, name, name_zh) VALUES (%s, %s, 'pump', 'Pump house', '泵房')"
            " RETURNING zone_id", (plant.company, plant.site),
        ).fetchone()  # fmt: skip
        assert row is not None
        connection.execute("UPDATE sensor SET zone_id = %s", (row[0],))
        connection.execute("UPDATE sensor SET quantity = 'temperature', unit = 'Cel' WHERE sensor_id IN (%s, %s)",
                           (plant.definitions["heat"].sensor_id, plant.definitions["level"].sensor_id))  # fmt: skip
    return Works(plant, int(str(row[0])))


def test_a_window_begins_and_ends_by_itself_and_what_is_active_then_calls(works: Works) -> None:
    """A maintenance window silences its zone but for life safety; leaving it while active: unacknowledged, and calls."""
    plant = works.plant
    works.order(begins_at=NOW + HOUR, ends_at=NOW + 3 * HOUR)
    works.look(NOW + 59 * MINUTE)
    assert works.suppression("heat") == "none"
    works.look(NOW + HOUR)
    assert [works.suppression(key) for key in ("heat", "level", "gas")] == ["by_design", "by_design", "none"]
    plant.apply(plant.raised("heat", NOW + 2 * HOUR), now=NOW + 2 * HOUR)
    assert plant.alarm("heat")[:3] == ("B", True, "by_design")
    assert plant.waiting() == []
    works.look(NOW + 3 * HOUR)
    assert plant.alarm("heat")[:3] == ("B", True, "none")
    assert [state for _, _, state in plant.waiting()] == ["waiting", "waiting"]
    events = plant.rows("SELECT event, reason, person_id, until FROM transition WHERE definition_id = %s ORDER BY number",
                        plant.definitions["heat"].definition_id)  # fmt: skip
    assert events[0] == ("suppress", "W-17: New belt", plant.people["officer"], NOW + 3 * HOUR)
    assert [event[0] for event in events] == ["suppress", "raise", "unsuppress"]


def test_an_alarm_does_not_fall_out_of_a_window_because_a_shelf_ended(works: Works) -> None:
    """Shelved before the window, taken off or run out within it: silent until the window ends, whichever way round."""
    plant = works.plant
    plant.apply(plant.raised("heat"), plant.raised("level"))
    works.shelve("heat", NOW, NOW + 2 * HOUR)
    works.shelve("level", NOW, NOW + 20 * HOUR)
    works.order(begins_at=NOW + HOUR, ends_at=NOW + 4 * HOUR)
    works.look(NOW + HOUR)
    assert [works.suppression(key) for key in ("heat", "level")] == ["shelved", "shelved"]
    works.look(NOW + 2 * HOUR)
    assert works.suppression("heat") == "by_design"
    with plant.as_person("officer") as connection:
        actions.unshelve(connection, plant.definitions["level"], person_id=plant.people["officer"], now=NOW + 3 * HOUR)
    assert works.suppression("level") == "by_design"
    assert "waiting" not in [state for _, _, state in plant.waiting()]
    works.look(NOW + 4 * HOUR)
    assert [plant.alarm(key)[:3] for key in ("heat", "level")] == [("B", True, "none"), ("B", True, "none")]


def test_of_two_windows_the_alarm_stays_until_the_last_has_ended(works: Works) -> None:
    """The row says which end people must wait for; ending the longer one early leaves the shorter in force."""
    longer = works.order(ends_at=NOW + 6 * HOUR, number="W-2")
    works.order(ends_at=NOW + 3 * HOUR, number="W-1")
    works.look(NOW)
    heat = works.plant.definitions["heat"].definition_id
    told = "SELECT suppression, suppressed_until, suppression_reason FROM alarm WHERE definition_id = %s"
    assert works.plant.rows(told, heat) == [("by_design", NOW + 6 * HOUR, "W-2: New belt")]
    works.says("deputy", suppressions.end, longer, now=NOW + HOUR, note="done early")
    works.look(NOW + HOUR)
    assert works.plant.rows(told, heat) == [("by_design", NOW + 3 * HOUR, "W-1: New belt")]
    works.look(NOW + 3 * HOUR)
    assert works.plant.rows(told, heat) == [("none", None, None)]
    with pytest.raises(Refused, match="over already"):
        works.says("officer", suppressions.end, longer, now=NOW + 4 * HOUR)


def test_out_of_service_needs_two_people_and_returns(works: Works) -> None:
    """Nothing happens until another person, a safety officer, agrees; then it is out until a person returns it or it ends."""
    order = works.out("gas", who="deputy")
    works.look(NOW)
    assert works.suppression("gas") == "none"
    with pytest.raises(Refused, match="another person must agree"):
        works.says("deputy", suppressions.authorise, order)
    works.says("officer", suppressions.authorise, order)
    works.look(NOW)
    assert works.suppression("gas") == "out_of_service"
    works.plant.apply(works.plant.raised("gas", NOW + MINUTE), now=NOW + MINUTE)
    assert works.plant.waiting() == []
    works.says("deputy", suppressions.end, order, now=NOW + HOUR, note="New cell, bump test passed")
    works.look(NOW + HOUR)
    assert works.plant.alarm("gas")[:3] == ("B", True, "none")
    assert len(works.plant.waiting()) == 3
    again = works.out("gas", now=NOW + 2 * HOUR)
    with pytest.raises(Refused, match="A safety officer must agree"):
        works.says("deputy", suppressions.authorise, again, now=NOW + 2 * HOUR)
    works.says("officer", suppressions.end, again, now=NOW + 2 * HOUR)


def test_an_order_for_out_of_service_can_be_refused_and_ends_without_anybody(works: Works) -> None:
    """A second person says no, with a reason; one that was agreed to runs out and the alarm is back, never silent for ever."""
    order = works.out("heat", who="deputy")
    with pytest.raises(Refused, match="why you do not agree"):
        works.says("officer", suppressions.refuse, order, note=" ")
    works.says("officer", suppressions.refuse, order, note="Take a portable first")
    with pytest.raises(Refused, match="answered already"):
        works.says("officer", suppressions.authorise, order)
    second = works.out("heat", who="deputy", ends_at=NOW + DAY)
    works.shelve("heat", NOW, NOW + 8 * HOUR)
    works.says("officer", suppressions.authorise, second)
    works.look(NOW)
    assert works.suppression("heat") == "out_of_service"
    works.look(NOW + DAY)
    assert works.suppression("heat") == "none"


def test_where_people_work_hot_nobody_puts_the_gas_alarm_aside(works: Works) -> None:
    """A permit makes the zone's gas alarm stricter: its shelf ends, no new one, no out of service, no window over it."""
    plant = works.plant
    with plant.database.connect("owner") as connection:  # a gas limit below life safety is guarded too
        connection.execute("UPDATE alarm_definition SET priority = 'high' WHERE key = 'gas'")
    plant.apply(plant.raised("gas"))
    works.shelve("gas", NOW, NOW + 8 * HOUR)
    works.order()
    works.order(
        "deputy", kind="hot_work", begins_at=NOW + HOUR, ends_at=NOW + 5 * HOUR, number="HW-3", reason="Weld the rail"
    )
    works.look(NOW)
    assert works.suppression("gas") == "shelved"
    works.look(NOW + HOUR)
    assert plant.alarm("gas")[:3] == ("B", True, "none")
    assert works.suppression("heat") == "by_design"
    for at in (NOW, NOW + 2 * HOUR):
        with pytest.raises(Refused, match=r"guards people at work \(hot_work\) until 2026-03-01 21:00"):
            works.shelve("gas", at, at + 2 * HOUR)
    with pytest.raises(Refused, match="guards people at work"):
        works.out("gas", now=NOW + 2 * HOUR)
    asked = works.out("gas", now=NOW + 6 * HOUR, ends_at=NOW + 9 * HOUR)
    works.says("officer", suppressions.end, asked, now=NOW + 6 * HOUR)


def test_who_opened_a_permit_does_not_close_it(works: Works) -> None:
    """While people may be at work it guards until another person has looked, or its time is over; before it begins it can be taken back."""
    permit = works.order("officer", kind="confined_space")
    with pytest.raises(Refused, match="another person looks at the place"):
        works.says("officer", suppressions.end, permit, now=NOW + HOUR, note="done")
    with pytest.raises(Refused, match="everybody is out"):
        works.says("deputy", suppressions.end, permit, now=NOW + HOUR, note=" ")
    with pytest.raises(Refused, match="guards people at work"):
        works.shelve("gas", NOW + HOUR, NOW + 2 * HOUR)
    works.says("deputy", suppressions.end, permit, now=NOW + HOUR, note="Two out, gas free")
    works.shelve("gas", NOW + HOUR, NOW + HOUR + 30 * MINUTE)
    mistaken = works.order("deputy", now=NOW + HOUR, kind="hot_work", begins_at=NOW + 2 * HOUR, ends_at=NOW + 3 * HOUR)
    works.says("deputy", suppressions.end, mistaken, now=NOW + HOUR)


def test_a_smuggled_statement_closes_no_permit(works: Works) -> None:
    """Neither by its opener, nor without a word, nor by a refusal, which would end what it guards as well."""
    step = "INSERT INTO suppression_step (order_id, company_id, step, at, person_id, note) VALUES (%s, %s, %s, now(), %s, %s)"
    with works.plant.database.connect("owner") as connection:
        connection.execute(
            "INSERT INTO person (company_id, key, name, language, role) VALUES (%s, 'third', 'Third', 'en', 'integrator')",
            (works.plant.company,),
        )
    permit = works.order("deputy", kind="hot_work")
    third = works.plant.rows("SELECT person_id FROM person WHERE key = 'third'")[0][0]
    tries = [
        ("deputy", "ended", "done"),
        ("officer", "ended", " "),
        ("officer", "refused", "no"),
        ("officer", "authorised", "yes"),
    ]
    people = {**works.plant.people, "third": third}
    for who, kind, note in [*tries, ("third", "ended", "two integrators")]:
        role = "safety_officer" if who == "officer" else "integrator"
        token = works.plant.database.person_token(people[who], role, works.plant.company)
        with (
            pytest.raises(psycopg.errors.InsufficientPrivilege),
            works.plant.database.connect("web") as connection,
            transaction(connection, token),
        ):
            connection.execute(step, (permit, works.plant.company, kind, people[who], note))
    with works.plant.as_person("officer") as connection:
        connection.execute(step, (permit, works.plant.company, "ended", people["officer"], "all out"))


def test_nobody_goes_in_where_the_gas_alarm_is_out_of_service(works: Works) -> None:
    """The permit is refused until the alarm is back."""
    order = works.out("gas", who="deputy", ends_at=NOW + DAY)
    works.says("officer", suppressions.authorise, order)
    with pytest.raises(Refused, match="return it to service before people work there"):
        works.order(kind="confined_space", begins_at=NOW + HOUR)
    works.says("officer", suppressions.end, order)
    works.order(kind="confined_space", begins_at=NOW + HOUR)


def test_a_drill_silences_nothing(works: Works) -> None:
    """People are called in a drill as ever: a fire may be real."""
    works.order(kind="drill", zone_id=None)
    works.look(NOW)
    works.plant.apply(works.plant.raised("heat"))
    assert len(works.plant.waiting()) == 2
    with works.plant.as_service("alerting") as connection:
        taken = claim(connection, NOW, NOW + MINUTE)
    assert isinstance(taken, Claimed)
    assert taken.drill
    assert any("演练" in line for line in AlarmWords(taken).for_client())


@pytest.mark.parametrize("who", ["underwriter", "operator", "stranger"])
def test_others_put_nothing_aside(works: Works, who: str) -> None:
    """The insurer, the operator and another company: a sentence."""
    with pytest.raises(Refused, match=r"own people|no such site"):
        works.order(who)


def test_a_smuggled_statement_agrees_to_nothing(works: Works) -> None:
    """What a policy holds: no order in another's name or of yesterday, no second person who is the first, no change."""
    order = works.out("gas", who="officer")
    step = "INSERT INTO suppression_step (order_id, company_id, step, at, person_id) VALUES (%s, %s, 'authorised', now(), %s)"
    officer, deputy = works.plant.people["officer"], works.plant.people["deputy"]
    for who, person in (
        ("officer", officer),
        ("officer", deputy),
        ("deputy", deputy),
        ("underwriter", works.plant.people["underwriter"]),
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), works.plant.as_person(who) as connection:
            connection.execute(step, (order, works.plant.company, person))
    for statement in (
        b"UPDATE suppression_order SET ends_at = ends_at + interval '1 day'",
        b"DELETE FROM suppression_order",
        b"SELECT reason FROM suppression_order",
        b"UPDATE suppression_rule SET active_since = now()",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), works.plant.as_person("officer") as connection:
            connection.execute(statement)


def test_a_rule_silences_in_the_batch_that_says_so(works: Works) -> None:
    """The parent's condition and its children's alarms in one transaction: nobody is called for what the parent explains."""
    plant = works.plant
    works.rule(plant.definitions["heat"], "level")
    plant.apply(plant.raised("level", NOW + 2 * MINUTE), plant.raised("heat", NOW + MINUTE), now=NOW + 2 * MINUTE)
    assert plant.alarm("level")[:3] == ("B", True, "by_design")
    assert plant.rows("SELECT DISTINCT definition_id FROM notification") == [(plant.definitions["heat"].definition_id,)]
    works.look(NOW + 3 * MINUTE)
    assert works.suppression("level") == "by_design"
    works.shelve("heat", NOW + 3 * MINUTE, NOW + HOUR)
    works.look(NOW + 3 * MINUTE)
    assert works.suppression("level") == "none", "a parent that is put aside stands for nobody"
    works.look(NOW + HOUR)
    assert works.suppression("level") == "by_design"
    plant.apply(plant.cleared("heat", NOW + 2 * HOUR), now=NOW + 2 * HOUR)
    assert works.suppression("level") == "none"


def test_ingest_and_the_duty_take_alarms_before_rules(works: Works) -> None:
    """The duty waits for the parent that ingest holds, and holds no rule meanwhile: else each would wait for the other."""
    plant = works.plant
    plant.apply(plant.raised("heat"))
    works.rule(plant.definitions["heat"], "level")  # newer than the last word on its parent: the duty mends it
    with ThreadPoolExecutor(1) as pool:
        with plant.as_service("ingest") as ingest:
            lock(ingest, sorted([plant.definitions["heat"], plant.definitions["level"]]))
            duty = pool.submit(works.look, NOW + MINUTE)
            wait_for(
                lambda: plant.rows("SELECT count(*) FROM pg_locks WHERE NOT granted")[0][0] > 0, "the duty waits", 10
            )
            ingest.execute("SET LOCAL lock_timeout = '200ms'")
            ingest.execute("UPDATE suppression_rule SET active_since = NULL")
        duty.result(10)
    assert plant.rows("SELECT active_since FROM suppression_rule") == [(NOW + MINUTE,)]


def test_a_state_of_the_plant_is_nobodys_alarm_and_a_stuck_contact_ends(works: Works) -> None:
    """It has no transition, no occurrence and no call; after the rule's longest time its children call although it holds."""
    plant = works.plant
    with plant.database.connect("owner") as connection:
        connection.execute("UPDATE alarm_definition SET role = 'state' WHERE key = 'heat'")
    works.rule(plant.definitions["heat"], "level", longest_s=3600)
    plant.apply(plant.raised("heat"))
    plant.apply(plant.raised("level", NOW + MINUTE), now=NOW + MINUTE)
    assert plant.alarm("heat") == ("A", True, "none", None)
    assert plant.rows(
        "SELECT count(*) FROM transition WHERE definition_id = %s", plant.definitions["heat"].definition_id
    ) == [(0,)]
    assert plant.waiting() == []
    works.look(NOW + 59 * MINUTE)
    assert works.suppression("level") == "by_design"
    works.look(NOW + HOUR)
    assert plant.alarm("level")[:3] == ("B", True, "none")


def test_a_parent_that_flaps_holds_nobody_silent_beyond_the_longest_time(works: Works) -> None:
    """The time counts from its first beginning, in the batch and for the clock; an hour of quiet begins it anew."""
    plant = works.plant
    works.rule(plant.definitions["heat"], "level", longest_s=7200)
    plant.apply(plant.raised("heat"))
    for minute in range(10, 160, 10):
        flip = plant.cleared if minute % 20 else plant.raised
        plant.apply(flip("heat", NOW + minute * MINUTE), now=NOW + minute * MINUTE)
        works.look(NOW + minute * MINUTE)
        silent = not minute % 20 and minute < 120
        assert works.suppression("level") == ("by_design" if silent else "none"), f"minute {minute}"
    plant.apply(plant.raised("level", NOW + 161 * MINUTE), now=NOW + 161 * MINUTE)
    assert plant.alarm("level")[:3] == ("B", True, "none")
    later = NOW + 211 * MINUTE
    plant.apply(plant.raised("heat", later), now=later)
    assert works.suppression("level") == "by_design"
    assert plant.rows("SELECT active_since, quiet_since, episode_since FROM suppression_rule") == [(later, None, later)]


def test_a_batch_and_the_clock_agree_on_what_guards(works: Works) -> None:
    """Where a permit guards a gas limit, a rule silences it neither in its parent's batch nor a second later."""
    plant = works.plant
    with plant.database.connect("owner") as connection:
        connection.execute("UPDATE alarm_definition SET priority = 'high' WHERE key = 'gas'")
    works.rule(plant.definitions["heat"], "gas", "level")
    works.order(kind="hot_work", begins_at=NOW, ends_at=NOW + 5 * HOUR)
    plant.apply(plant.raised("gas"))
    for minute, flip in enumerate((plant.raised, plant.cleared, plant.raised), start=1):
        at = NOW + minute * MINUTE
        plant.apply(flip("heat", at), now=at)
        assert [plant.alarm("gas")[2], works.suppression("level")] == ["none", "by_design" if minute % 2 else "none"]
        works.look(at)
        assert [plant.alarm("gas")[2], works.suppression("level")] == ["none", "by_design" if minute % 2 else "none"]
    gas = plant.definitions["gas"].definition_id
    assert plant.rows("SELECT event FROM transition WHERE definition_id = %s", gas) == [("raise",)]


def test_a_compound_guards_people_too(works: Works) -> None:
    """What Davy makes of several sensors stands on a virtual sensor: no window silences it, and a permit holds it in service."""
    plant = works.plant
    with plant.database.connect("owner") as connection:
        connection.execute(
            "UPDATE sensor SET is_virtual = true WHERE sensor_id = %s", (plant.definitions["gas"].sensor_id,)
        )
        connection.execute("UPDATE alarm_definition SET priority = 'high' WHERE key = 'gas'")
    works.rule(plant.definitions["heat"], "gas")
    works.order(kind="confined_space", begins_at=NOW, ends_at=NOW + 5 * HOUR)
    plant.apply(plant.raised("heat"))
    works.look(NOW)
    assert works.suppression("gas") == "none"
    works.out("level", now=NOW)
    order = works.out("level", who="deputy", ends_at=NOW + DAY)
    works.says("officer", suppressions.end, order)
    with pytest.raises(Refused, match="guards people at work"):
        works.out("gas", now=NOW + HOUR)


def test_what_falls_from_the_shelf_into_a_window_is_that_windows(works: Works) -> None:
    """In the name of who wrote it down, and with its words: hours under it are counted as its own."""
    works.shelve("heat", NOW, NOW + 2 * HOUR)
    works.order("deputy", begins_at=NOW + HOUR, ends_at=NOW + 4 * HOUR)
    works.look(NOW + 2 * HOUR)
    assert works.plant.rows("SELECT person_id, reason, until FROM transition WHERE event = 'suppress' AND definition_id = %s",
                            works.plant.definitions["heat"].definition_id) == [
        (works.plant.people["deputy"], "W-17: New belt", NOW + 4 * HOUR)
    ]  # fmt: skip


def test_retiring_what_is_silenced_calls_nobody(works: Works) -> None:
    """It leaves its window because nobody watches for it any more: that is no news of the plant, then or at the next outage."""
    plant = works.plant
    works.order()
    works.look(NOW)
    plant.apply(plant.raised("heat", NOW + MINUTE), now=NOW + MINUTE)
    with plant.database.connect("owner") as connection:
        connection.execute("UPDATE alarm_definition SET retired_at = %s WHERE key = 'heat'", (NOW + 2 * MINUTE,))
    works.look(NOW + 3 * MINUTE)
    assert works.suppression("heat") == "none"
    with plant.as_service("ingest") as connection:
        actions.call_for_the_untold(connection, NOW + 4 * MINUTE)
    assert plant.waiting() == []


def test_a_state_without_a_rule_is_nobodys_alarm_either(works: Works) -> None:
    """The rule looks at something else now, or is gone: what it looked at does not begin to call."""
    plant = works.plant
    with plant.database.connect("owner") as connection:
        connection.execute("UPDATE alarm_definition SET role = 'state' WHERE key = 'heat'")
    plant.apply(plant.raised("heat"))
    assert plant.alarm("heat") == ("A", True, "none", None)
    assert plant.rows("SELECT count(*) FROM transition") == [(0,)]
    assert plant.waiting() == []
    plant.apply(plant.cleared("heat", NOW + MINUTE), now=NOW + MINUTE)
    assert plant.alarm("heat")[1] is False
