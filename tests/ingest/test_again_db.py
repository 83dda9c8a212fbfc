"""Rejected messages taken again after the map is mended, on each kind of database, through the six steps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.errors import Malformed
from ingest.again import AgainSource
from ingest.pipeline import Pipeline, Work
from ingest.rejection import KEPT_BYTES, Rejected, RejectionLimit, rejection
from ingest.source import Again, Kept, Lot, RawMessage
from ingest.storing import PATIENCE_S
from ingest.verdict import Settled, settled
from tests.database import TestDatabase
from tests.ingest.plant import Installed, message, payload
from tests.ingest.rig import wait_for
from tests.ingest.test_store_db import SECOND, Bench, Hand, installed

__all__ = ["installed"]

HOUR = 3600 * SECOND


class MendedBench(Bench):
    """The bench with kept messages beside the broker's, as davy/processes/ingest.py wires it."""

    lost_s = 60.0  # longer than any test

    def _begin(self) -> Pipeline:
        self.hand: Hand = getattr(self, "hand", None) or self.source
        self.again = AgainSource(
            self.hand,
            self.database.url("ingest"),
            self.database.service_token,
            "w",
            lambda: self.now_us,
            0.02,
            self.lost_s,
        )
        self.source = self.again  # type: ignore[assignment]
        pipeline = super()._begin()
        self.again.start()
        self.in_force()
        return pipeline

    def in_force(self) -> None:
        """What the worker says in its beat: the map as it is now is in force."""
        self.do(
            """INSERT INTO ingest_status (worker, beat_at, state, report)
               SELECT 'w', now(), 'judging', jsonb_build_object('definitions_version', last_value) FROM definitions_version
               ON CONFLICT (worker) DO UPDATE SET report = excluded.report"""
        )

    def end(self) -> None:
        self.again.stop()
        super().end()

    def say(self, *messages: RawMessage) -> Work:
        """Runs one batch of these messages."""
        self.now_us += SECOND
        self.hand.lots.append(list(messages))
        live: list[Work] = []
        while not live:
            ended = self.pipeline.run_once(0) + self.pipeline.end()
            assert ended or self.hand.lots
            live = [work for work in ended if work.lot.again is None]
        self._settle()
        return live[0]

    def _settle(self) -> None:
        while self.storing.waiting:
            self.storing.wait(0.01)
            self.storing.turn()

    def do(self, query: str, *values: object) -> None:
        """As the owner."""
        with self.database.connect("owner") as connection:
            connection.execute(query, values)

    def add_sensor(self, key: str, unit: str = "%", states: str | None = None) -> None:
        """Mends the map: device d1 has a sensor of that key."""
        self.do(
            """INSERT INTO sensor (company_id, site_id, device_id, key, name, name_zh, quantity, unit, states)
               SELECT company_id, site_id, device_id, %s, 'n', 'n', 'q', %s, %s::jsonb FROM device WHERE key = 'd1'""",
            key, unit, states,
        )  # fmt: skip
        self.do("SELECT davy_definitions_changed()")
        self.restart()

    def ask(self, reason: str, device: str = "d1") -> tuple[int, int]:
        """Asks, and turns until it is done; gives how many were taken and refused."""
        self.do(
            """INSERT INTO rejected_replay (company_id, site_id, device, reason, upto_id, asked_at, asked_by)
               SELECT company_id, site_id, %s, %s, (SELECT max(rejected_id) FROM rejected_message), now(), 'test' FROM site WHERE key = 'north'
               ON CONFLICT DO NOTHING""",
            device, reason,
        )  # fmt: skip

        def finished() -> bool:
            self.now_us += 1000
            self.pipeline.run_once(0)
            self.pipeline.end()
            self._settle()
            return not self.rows("SELECT FROM rejected_replay WHERE finished_at IS NULL")

        wait_for(finished, "the end of the replay", 20.0)
        ((taken, refused),) = self.rows("SELECT taken, refused FROM rejected_replay ORDER BY replay_id DESC LIMIT 1")
        return taken, refused

    def left(self) -> list[tuple[Any, ...]]:
        """What still lies there."""
        return self.rows("SELECT reason, sentence FROM rejected_message WHERE taken_at IS NULL ORDER BY rejected_id")


@pytest.fixture
def bench(
    database: TestDatabase, installed: Installed, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[MendedBench]:
    """A pipeline to turn by hand; parametrized with 0, every batch goes by way of the spool."""
    found = MendedBench(database, tmp_path, getattr(request, "param", PATIENCE_S))
    yield found
    found.stop.set()
    found.end()


@pytest.mark.db
@pytest.mark.parametrize("bench", [PATIENCE_S, 0.0], ids=["at-once", "spooled"], indirect=True)
def test_what_the_map_did_not_know_is_taken_in_once(bench: MendedBench) -> None:
    """Stored under the device's own stamps, late, once: however often it is asked for, and what was stored meanwhile stays."""
    began = bench.now_us
    for seq in range(3):  # the first reading of each is known, the second is not
        at = began + seq * SECOND
        body = payload(seq, at, [{"s": "s1", "v": 10.0 + seq}, {"s": "gas", "v": 1.0 + seq}])
        bench.say(message("d1", body, bench.now_us))
    assert bench.rows("SELECT count(*) FROM v_audit_reading") == [(3,)]
    bench.add_sensor("gas")
    bench.now_us += HOUR
    bench.say(bench.reading(3, 7.0, sensor="gas"))  # live, after the mending
    newest = bench.pipeline.organs.sorter.marks.received.copy()
    assert bench.ask("unknown_sensor") == (3, 0)
    stored = "SELECT value, quality & 32 <> 0, judged_at IS NULL FROM reading JOIN sensor s USING (sensor_id) WHERE key = 'gas' ORDER BY measured_at"
    assert bench.rows(stored) == [(1.0, True, True), (2.0, True, True), (3.0, True, True), (7.0, False, True)]
    assert bench.left() == []
    assert (bench.pipeline.organs.sorter.marks.received == newest).all()  # nobody spoke now
    assert bench.ask("unknown_sensor") == (0, 0)
    assert bench.rows("SELECT count(*) FROM reading") == [(7,)]
    assert bench.metrics.ingest.received._value.get() == 4  # what the broker delivered
    assert bench.metrics.ingest.replayed.labels("taken")._value.get() == 3
    assert bench.hand.acked
    assert all(lot.again is None for lot in bench.hand.acked)
    bench.restart()  # and judged again to the same
    assert bench.rows("SELECT count(*) FROM reading") == [(7,)]


@pytest.mark.db
def test_what_is_refused_again_stays_with_its_new_reason(bench: MendedBench) -> None:
    """One that is in a wrong unit now, one that still is not known, one that was kept in part: each says what it is."""
    now = bench.now_us
    bench.say(message("d1", payload(0, now + 0000, [{"s": "gas", "v": 1.0, "u": "Cel"}]), now))
    bench.say(message("d1", payload(1, now + 1000, [{"s": "gus", "v": 1.0}]), now))
    bench.say(message("d1", payload(2, now + 2000, [{"s": "gas", "v": 2.0}]), now))
    bench.say(message("d1", payload(3, now + 3000, [{"s": "gas", "v": 3.0}])[:-1] + b" " * KEPT_BYTES + b"}", now))
    bench.add_sensor("gas")
    assert bench.ask("unknown_sensor") == (1, 2)
    assert [value for (value,) in bench.rows("SELECT value FROM v_audit_reading")] == [2.0]
    assert [reason for reason, _ in bench.left()] == ["wrong_unit", "unknown_sensor", "unknown_sensor"]
    assert bench.left()[0][1].startswith("Sensor gas was sent in Cel")
    assert bench.ask("wrong_unit") == (0, 1)
    assert bench.ask("retained") == (0, 0)  # nothing that the map could mend
    bench.do("UPDATE sensor SET unit = 'K' WHERE key = 'gas'")
    bench.do("SELECT davy_definitions_changed()")
    bench.restart()
    assert bench.ask("wrong_unit") == (1, 0)
    assert [value for (value,) in bench.rows("SELECT value FROM v_audit_reading ORDER BY value")] == [2.0, 274.15]


@pytest.mark.db
def test_an_unknown_device_is_shown_to_the_site_it_spoke_for(bench: MendedBench) -> None:
    """Its company sees it, no other; once the device is there its messages are its own. A device of another site stays hidden."""
    bench.do("INSERT INTO company (key, name, name_zh) VALUES ('other', 'O', 'O')")
    bench.do(
        "INSERT INTO site (company_id, key, name, name_zh, time_zone) SELECT company_id, 'south', 'S', 'S', 'UTC' FROM company WHERE key = 'other'"
    )
    bench.do(
        "INSERT INTO device (company_id, site_id, key, kind) SELECT company_id, site_id, 'theirs', 'k' FROM site WHERE key = 'south'"
    )
    bench.restart()
    bench.say(message("new", payload(0, bench.now_us, [{"s": "gas", "v": 5.0}]), bench.now_us))
    bench.say(message("theirs", payload(0, bench.now_us, [{"s": "s1", "v": 5.0}]), bench.now_us))
    assert bench.rows(
        "SELECT reason, c.key, device_id FROM rejected_message LEFT JOIN company c USING (company_id) ORDER BY 1"
    ) == [("foreign_device", None, None), ("unknown_device", "c", None)]
    bench.do(
        "INSERT INTO device (company_id, site_id, key, kind) SELECT company_id, site_id, 'new', 'k' FROM site WHERE key = 'north'"
    )
    bench.do("SELECT davy_definitions_changed()")
    bench.restart()
    assert bench.ask("unknown_device", "new") == (0, 1)
    # Known now, but not its sensor: the row is the device's from now on.
    assert bench.rows("SELECT r.reason, d.key FROM rejected_message r JOIN device d USING (device_id)") == [
        ("unknown_sensor", "new")
    ]


@pytest.mark.db
def test_clocks_that_cannot_be_right_give_the_same_keys(bench: MendedBench) -> None:
    """Of 1970, two copies, one reading of two known then: what is stored is stored once."""
    body = payload(0, 0, [{"s": "gas", "v": 1.0}, {"s": "s1", "v": 2.0}])
    bench.say(message("d1", body, bench.now_us))
    bench.say(message("d1", body, bench.now_us))  # sent again after a reconnect: a repeat, and wrong again
    assert bench.rows("SELECT value FROM v_audit_reading") == [(2.0,)]
    assert len(bench.left()) == 2
    bench.add_sensor("gas")
    assert bench.ask("unknown_sensor") == (2, 0)
    assert sorted(bench.rows("SELECT value FROM v_audit_reading")) == [(1.0,), (2.0,)]


@pytest.mark.db
def test_a_lot_that_comes_twice_is_settled_once(bench: MendedBench) -> None:
    """A process that dies before it could say so reads the same portion again: nothing is counted or stored twice."""
    bench.say(message("d1", payload(0, bench.now_us, [{"s": "gas", "v": 1.0}]), bench.now_us))
    bench.add_sensor("gas")
    assert bench.ask("unknown_sensor") == (1, 0)
    bench.do("UPDATE rejected_message SET taken_at = NULL")
    bench.do("UPDATE rejected_replay SET finished_at = NULL")  # done_id stands: its batch was stored
    ((kept_id,),) = bench.rows("SELECT rejected_id FROM rejected_message")
    (request,) = bench.rows("SELECT replay_id FROM rejected_replay")
    body = payload(0, bench.now_us, [{"s": "gas", "v": 1.0}])
    again = message("d1", body, bench.now_us)._replace(kept=Kept(kept_id, bench.now_us))
    taken = bench.hand.take

    def once(most: int, most_bytes: int, wait_s: float, gathered_s: float = 0.0) -> Lot:
        bench.hand.take = taken  # type: ignore[method-assign]
        return Lot([again], Again(request[0], kept_id))

    bench.hand.take = once  # type: ignore[method-assign]
    assert bench.pipeline.run_once(0) + bench.pipeline.end()
    bench._settle()
    assert bench.rows("SELECT taken, refused FROM rejected_replay") == [(1, 0)]


@pytest.mark.db
def test_a_lot_whose_batch_was_lost_is_given_again(bench: MendedBench) -> None:
    """With a damaged spool, say: neither what is left of the request waits for ever, nor who asks next, of whatever company."""
    for seq in range(2):
        bench.say(message("d1", payload(seq, bench.now_us, [{"s": "gas", "v": 1.0 + seq}]), bench.now_us))
    bench.lost_s = 0.2
    bench.add_sensor("gas")
    take, lost = bench.again.take, list[Lot]()

    def loses_one(most: int, most_bytes: int, wait_s: float, gathered_s: float = 0.0) -> Lot:
        lot = take(most, most_bytes, wait_s, gathered_s)
        if lot.again is None or lost:
            return lot
        lost.append(lot)
        return Lot()

    bench.again.take = loses_one  # type: ignore[method-assign]
    assert bench.ask("unknown_sensor") == (2, 0)
    assert [len(lot) for lot in lost] == [2]
    assert bench.rows("SELECT value FROM v_audit_reading ORDER BY value") == [(1.0,), (2.0,)]
    assert bench.left() == []


def refused(kept_id: int, *reasons: str) -> list[Rejected]:
    kept = RawMessage("t", b"", 0, False, False, 0, 0, Kept(kept_id, 0))
    return [rejection(kept, None, Malformed(reason, reason)) for reason in reasons]


@pytest.mark.parametrize(
    ("wrong", "standing", "found"),
    [
        ([], {"a"}, Settled(taken=[1])),
        (["a"], {"a"}, Settled(changed=[(1, "a", "a")])),
        (["b"], {"a"}, Settled(changed=[(1, "b", "b")])),
        (["b"], {"a", "b"}, Settled(taken=[1])),  # its own fault is mended; the other has a row of its own
        (["b", "a"], {"a"}, Settled(changed=[(1, "a", "a")], added=[(1, "b", "b")])),
        (["a", "b"], {"a", "b"}, Settled(changed=[(1, "a", "a")])),
    ],
)
def test_each_row_says_what_is_wrong_now(wrong: list[str], standing: set[str], found: Settled) -> None:
    """No fault is forgotten, none stands twice."""
    assert settled([1], refused(1, *wrong), "a", {1: standing}) == found


def test_what_has_a_row_is_no_flood() -> None:
    """A replay of hundreds is not counted against the minute in which they came."""
    rows = [row for kept_id in range(1, 300) for row in refused(kept_id, "unknown_site")]
    assert RejectionLimit().admit(rows) == rows
