"""A back-test over what is really stored: it says what was said live, and what another limit would have said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alerting.rehearsal import spells
from core.batch import Event
from core.db import transaction
from core.errors import BadInput
from davy.backtest import case as case_module
from davy.backtest import job_store, store
from davy.backtest.case import EVERYTHING, Question, instant, open_case, us
from davy.backtest.command import Asked, backtest, in_words
from davy.backtest.jobs import MOST_ATTEMPTS, BacktestDuty
from davy.backtest.telling import tell
from davy.backtest.trial import Trial, work
from ingest.store.rollups import roll_up
from tests.database import TestDatabase
from tests.ingest.plant import SITE, Installed, install, message, payload
from tests.ingest.test_store_db import SECOND, Bench

pytestmark = pytest.mark.db

SECONDS = 1500  # of history: short, so that each batch is a real one, and with room for what is laid over none
LIMITS = [
    {"key": "delayed", "sensor": "d1/s2", "setpoint": 50.0, "deadband": 2.0, "on_delay_s": 7.0, "off_delay_s": 4.0},
    {"key": "low", "sensor": "d1/s2", "setpoint": 45.0, "deadband": 1.0, "direction": "low"},
    {"key": "rate", "sensor": "d1/s3", "detector": "rate", "setpoint": 20.0, "parameters": json.dumps({"window_s": 20.0})},
    {"key": "unusual", "sensor": "d1/s3", "detector": "ewma", "setpoint": 4.0},
    {"key": "silent", "sensor": "d2/s3", "detector": "stale", "setpoint": 25.0, "priority": "low"},
    {"key": "skewed", "sensor": "d2/s2", "setpoint": 50.0, "on_delay_s": 3.0},
]  # fmt: skip


class History:
    """A plant that has lived for some minutes, message by message, through the pipeline of ingest."""

    def __init__(self, database: TestDatabase, installed: Installed, folder: Path) -> None:
        self.database, self.installed = database, installed
        bench = Bench(database, folder, 0.0)
        bench.now_us = (bench.now_us // SECOND - 3 * SECONDS) * SECOND
        self.since = instant(bench.now_us)
        self._live(bench)
        self.until = instant(bench.now_us + SECOND)
        bench.end()
        with database.connect("alerting") as connection, transaction(connection, database.service_token()):
            roll_up(connection)

    def _live(self, bench: Bench) -> None:
        """Noisy levels about their limits; one device's clock is a minute fast, one sensor falls silent, some come late."""
        random = np.random.default_rng(11)
        level, begin, sent = 48.0, bench.now_us, 0
        while sent < SECONDS:
            count = int(random.integers(3, 25))
            stamps = [begin + (sent + k) * SECOND for k in range(count)]
            said: dict[str, list[dict[str, object]]] = {"d1": [], "d2": []}
            for second, at in enumerate(stamps, sent):
                level += 0.3 * float(random.standard_normal()) + 0.02 * (48.0 - level)
                for device, key, value in (
                    ("d1", "s1", level),
                    ("d1", "s2", level + float(random.standard_normal())),
                    ("d1", "s3", level * (2.0 if 700 <= second < 720 else 1.0)),
                    ("d2", "s2", level + 1.0),
                    ("d2", "s3", level),
                ):
                    if key == "s3" and device == "d2" and 300 <= second < 380:
                        continue
                    ahead = 60 * SECOND if device == "d2" and second >= 600 else 0
                    late = device == "d1" and key == "s1" and second % 97 == 0
                    stamp = (at + ahead - (40 * SECOND if late else 0)) // 1000
                    quality = "bad" if second % 41 == 0 else "good"
                    said[device].append({"s": key, "t": stamp, "v": round(60.0 if late else value, 3), "q": quality})
            bench.now_us = stamps[-1]
            sent += count
            sender = {"d1": stamps[-1], "d2": stamps[-1] + (60 * SECOND if sent >= 600 else 0)}
            self._seq = getattr(self, "_seq", 0) + 1
            bench.say(
                *(
                    message(d, payload(self._seq, sender[d], rows), stamps[-1], mid=self._seq)
                    for d, rows in said.items()
                )
            )

    def transitions(self) -> dict[str, list[tuple[bool, int]]]:
        """What was said live: (began, instant) by definition."""
        with self.database.connect("owner") as connection:
            rows = connection.execute(
                """SELECT d.key, t.event = 'raise', t.at FROM transition t JOIN alarm_definition d USING (definition_id)
                   WHERE t.event IN ('raise', 'clear') ORDER BY d.key, t.number"""
            ).fetchall()
        found: dict[str, list[tuple[bool, int]]] = {}
        for key, began, at in rows:
            found.setdefault(str(key), []).append((bool(began), us(at)))  # type: ignore[arg-type]
        return found

    def question(self, wanted: str, **proposed: Any) -> Question:
        """Over all of it."""
        return Question(wanted, proposed, self.since, self.until)

    def ask(self, wanted: str, rows: int = 500_000, **proposed: Any) -> dict[str, Any]:
        """The command's answer."""
        asked = Asked(SITE, self.question(wanted, **proposed))
        return backtest(self.database.url("owner"), asked, now=datetime.now(UTC), rows=rows)

    def trial(self, wanted: str, rows: int) -> Trial:
        """A finished run of the version in force."""
        with self.database.connect("owner") as connection:
            site = store.site_of(connection, SITE)
            assert site is not None
            trial = Trial(open_case(connection, site, self.question(wanted), datetime.now(UTC)), rows)
            for _ in work(trial, lambda: connection):
                pass
        return trial


@pytest.fixture(scope="module")
def history(postgres_timescaledb: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    """Lived once for all tests of this file, which only read."""
    from tests.database import clone, drop

    database = clone(postgres_timescaledb)
    installed = install(database, limits=LIMITS)
    yield History(database, installed, tmp_path_factory.mktemp("spool"))
    drop(database)


@pytest.mark.parametrize("rows", [100, 1_777, 500_000])
def test_it_says_what_was_said_live(history: History, rows: int) -> None:
    """The version in force, over the stored rows, begins and ends at the very instants that the transitions carry, however many
    rows are read at once: limits with and without delays, low ones, rates, unusual values, silence, a clock that is wrong."""
    live = history.transitions()
    trial = history.trial("*", rows)
    told = trial.told()["in_force"]
    keys = {d.definition_id: d.key for d in trial.case.in_force}
    again = {keys[i]: _within(events, trial.case.since) for i, events in told.items()}
    assert {"delayed", "low", "rate", "unusual", "silent", "skewed", "high-d1"} <= set(live)
    for key in ("delayed", "low", "rate", "unusual", "silent", "skewed"):
        assert again[key] == live[key], key
    late = [pair for pair in live["high-d1"] if pair not in again["high-d1"]]
    beside = {(e.active, e.at) for e in told[history.installed.definition["high-d1"]] if e.late}
    assert set(late) <= beside, "what late readings said is said again"
    assert trial.late > 0
    assert trial.problems == []


def _within(events: list[Event], since: int) -> list[tuple[bool, int]]:
    """(began, instant) of what began in the stretch; what late readings said stands apart."""
    found: list[tuple[bool, int]] = []
    for spell in spells([e for e in events if not e.late], since):
        if spell.since >= since:
            found.append((True, spell.since))
            if spell.until is not None:
                found.append((False, spell.until))
    return found


def test_the_same_question_has_the_same_answer(history: History) -> None:
    """Whatever is read at once, and however often it is asked; only the time it took differs."""
    one, other = (history.ask("delayed", rows=rows, setpoint=49.0, on_delay_s=0.0) for rows in (300, 500_000))
    assert {**one, "seconds": 0} == {**other, "seconds": 0}


def test_a_true_danger_that_would_be_lost_or_found_later_is_told(history: History, resolved: dict[str, int]) -> None:
    """The occurrence that people resolved as true danger: with a longer delay it is found later, with a higher limit lost, and the
    version in force is where it was; the nuisance alarm of another definition would not have come."""
    same = history.ask("delayed")
    assert (same["lost_true"], same["delayed_true"], same["verdict"]["refused"]) == (0, 0, False)
    assert same["in_force"] == same["proposed"]
    assert same["would_fire"] == sum(began for began, _ in history.transitions()["delayed"])
    later = history.ask("delayed", on_delay_s=9.0)
    (danger,) = [d for d in later["definitions"][0]["dangers"] if d["own"]]
    assert danger["occurrence"] == resolved["delayed"]
    assert (danger["outcome"], later["delayed_true"]) == ("later", 1) or danger["outcome"] == "lost"
    assert later["verdict"]["refused"]
    lost = history.ask("delayed", setpoint=1000.0)
    assert (lost["lost_true"], lost["would_fire"]) == (1, 0)
    assert lost["verdict"] == {
        "refused": True, "dangers": 1, "unknown": 0, "lost": 1, "delayed": 0, "lost_injected": 0, "endless": 0,
    }  # fmt: skip
    assert "two people" in in_words(lost)
    assert lost["definitions"][0]["changes"] == {"setpoint": [50.0, 1000.0]}
    quieter = history.ask("rate", setpoint=1e6)
    assert quieter["nuisance"] == {"resolved": 1, "would_not_come": 1}


@pytest.fixture(scope="module")
def resolved(history: History) -> dict[str, int]:
    """People have said what was what: occurrence by key."""
    found = {}
    with history.database.connect("owner") as connection:
        for key, resolution in (("delayed", "true_danger"), ("rate", "nuisance")):
            row = connection.execute(
                """UPDATE occurrence SET resolved_at = now(), resolution = %s, normal_at = coalesce(normal_at, began_at + interval '1 hour')
                   WHERE occurrence_id = (SELECT min(o.occurrence_id) FROM occurrence o JOIN alarm_definition d USING (definition_id)
                                          WHERE d.key = %s) RETURNING occurrence_id""",
                (resolution, key),
            ).fetchone()
            assert row is not None
            found[key] = int(row[0])  # type: ignore[call-overload]
    return found


def test_minutes_stand_for_readings_that_are_gone(history: History) -> None:
    """Without single readings the same limit is tried on minutes: the answer says what that cannot tell, a limit without delay
    begins in every minute in which it did, and nothing is called known that is not."""
    with history.database.connect("owner") as connection, connection.transaction(force_rollback=True):
        raw = history.ask("low")
        site = store.site_of(connection, SITE)
        assert site is not None
        connection.execute("DELETE FROM reading")
        connection.execute(
            "DELETE FROM reading_minute WHERE minute BETWEEN %s AND %s",
            (history.since + timedelta(minutes=5), history.since + timedelta(minutes=8)),
        )
        case = open_case(connection, site, history.question("low"), datetime.now(UTC))
        trial = Trial(_without_raw(case))
        for _ in work(trial, lambda: connection):
            pass
        told = tell(trial, 0.0)
    assert told["rollups_only"]["sentence"] == "rollups only: delays under a minute cannot be judged"
    assert told["injected"] is None
    assert told["readings"] == 0
    assert raw["rollups_only"] is None
    assert 0 < told["would_fire"] <= raw["would_fire"]
    assert told["known"]["holes"] >= 1
    assert told["known"]["share"] < raw["known"]["share"]


def _without_raw(case: Any) -> Any:
    from dataclasses import replace

    return replace(case, raw_since=None)


def test_what_cannot_be_asked_gets_a_sentence(history: History) -> None:
    """Unknown sites and definitions with the one that may have been meant, stretches that cannot be, fields that are none, numbers
    that do not fit, and history of which nothing is stored."""
    url, now = history.database.url("owner"), datetime.now(UTC)

    def sentence(wanted: str, since: datetime, until: datetime, site: str = SITE, **proposed: Any) -> str:
        with pytest.raises(BadInput) as caught:
            backtest(url, Asked(site, Question(wanted, proposed, since, until)), now=now)
        return str(caught.value)

    since, until = history.since, history.until
    assert sentence("delayed", since, until, site="nroth").endswith("did you mean north?")
    assert sentence("delaid", since, until).endswith("did you mean delayed?")
    assert "there are: _broker" in sentence("zzz", since, until)
    assert "at its end or after it" in sentence("delayed", until, since)
    assert "in the future" in sentence("delayed", since, now + timedelta(days=1))
    assert "longer than" in sentence("delayed", now - timedelta(days=3000), until)
    assert "Nothing is stored of delayed at north" in sentence(
        "delayed", since - timedelta(days=3), since - timedelta(days=2)
    )
    assert "has no parameter" in sentence("rate", since, until, parameters={"windows": 3.0})


def test_a_job_is_done_in_turns_and_survives_a_kill(history: History) -> None:
    """The risk process takes it up, moves on, and keeps the very answer of the command; a worker that is gone is followed by
    another once its lease is over; what was called off is dropped; what never ends is given up with a sentence."""
    now = datetime.now(UTC)
    with history.database.connect("owner") as owner:
        site = store.site_of(owner, SITE)
        assert site is not None
        question = history.question("delayed", setpoint=51.0)
        number = job_store.ask(owner, site, question, now)
        assert job_store.ask(owner, site, question, now) == number, "asked for twice, it is one"
    gone, duty = BacktestDuty(), BacktestDuty()
    with history.database.connect("alerting") as connection:

        def turn(of: BacktestDuty, at: datetime) -> None:
            with transaction(connection, history.database.service_token()):
                of(connection, at)

        with transaction(connection, history.database.service_token()):
            taken = job_store.take_up(connection, now, timedelta(minutes=5))  # and then it is killed
        assert taken is not None
        assert taken.attempt == 1
        turn(gone, now)
        assert _state(history, number) == ("running", None), "nobody else takes it while the lease runs"
        for _ in range(2):
            turn(duty, now + timedelta(minutes=6))
        state, result = _state(history, number)
        assert state == "done"
        assert {**result, "seconds": 0} == {**history.ask("delayed", setpoint=51.0), "seconds": 0}
        with history.database.connect("owner") as owner:
            off = job_store.ask(owner, site, history.question("low"), now)
            owner.execute("UPDATE backtest SET state = 'cancelled' WHERE backtest_id = %s", (off,))
            tired = job_store.ask(owner, site, history.question("rate"), now)
            owner.execute("UPDATE backtest SET attempt = %s WHERE backtest_id = %s", (MOST_ATTEMPTS, tired))
            wrong = job_store.ask(owner, site, history.question("nosuch"), now + timedelta(seconds=1))
            odd = [
                job_store.ask(
                    owner, site, history.question("low", votes=votes, votes_of=1000), now + timedelta(seconds=2)
                )
                for votes in (100, 1e300)
            ]
            broken = job_store.ask(
                owner, site, history.question("low", priority="none such"), now + timedelta(seconds=3)
            )
        for _ in range(14):
            turn(duty, now)
        assert [_state(history, number)[0] for number in (*odd, broken)] == ["failed"] * 3
        assert _state(history, off) == ("cancelled", None)
        assert _state(history, tired)[0] == "failed"
        assert _state(history, wrong)[0] == "failed"


def test_calling_off_waits_for_no_turn(history: History) -> None:
    """While a turn of the work is open, its row can be changed: whoever calls it off is answered at once."""
    now = datetime.now(UTC)
    with history.database.connect("owner") as owner, history.database.connect("alerting") as connection:
        site = store.site_of(owner, SITE)
        assert site is not None
        number = job_store.ask(owner, site, history.question("low", setpoint=44.5), now)
        with transaction(connection, history.database.service_token()):
            job = job_store.take_up(connection, now, timedelta(minutes=5))
        assert job is not None
        assert job.backtest_id == number
        with transaction(connection, history.database.service_token()):
            assert job_store.is_ours(connection, job)
            owner.execute("SET lock_timeout = '2s'")
            owner.execute("UPDATE backtest SET state = 'cancelled' WHERE backtest_id = %s", (number,))
            assert not job_store.is_ours(connection, job)
            assert not job_store.move_on(connection, job, 0.5, now)


def test_pieces_go_by_the_fullest_hour(history: History) -> None:
    """Three years asked, readings of half an hour kept: a piece holds no more of them than was asked for, by their own rate."""
    with history.database.connect("owner") as connection:
        site = store.site_of(connection, SITE)
        assert site is not None
        question = Question("low", {}, history.until - timedelta(days=1000), history.until)
        case = open_case(connection, site, question, datetime.now(UTC))
        silent = Question("silent", {}, history.until - timedelta(days=1095), history.until)
        few = case_module.MOST_MINUTES // 10_000
        with pytest.raises(BadInput, match="Ask for a shorter stretch"):
            case_module.check_silence(silent.since, silent.until, few)
    assert case.fullest_hour >= SECONDS // 3
    rows = 200
    widths = [piece.until - piece.since for piece in case.pieces(rows) if piece.grain == "reading"]
    assert max(widths) * case.fullest_hour / 3600e6 <= 1.1 * max(rows, case.fullest_hour / 60)


def _state(history: History, number: int) -> tuple[str, Any]:
    with history.database.connect("owner") as owner:
        job = job_store.look(owner, number)
    assert job is not None
    assert (job.state == "failed") == (job.problem is not None)
    return job.state, job.result


def test_all_of_a_site_at_once(history: History) -> None:
    """Each definition has its own part, and the whole is their sum."""
    answer = history.ask(EVERYTHING)
    parts = answer["definitions"]
    assert {part["definition"] for part in parts} >= {"delayed", "low", "rate", "silent", "high-d1"}
    assert answer["would_fire"] == sum(part["would_fire"] for part in parts)
    assert json.loads(json.dumps(answer)) == answer
