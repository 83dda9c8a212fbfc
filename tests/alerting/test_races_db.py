"""Who sends, who dies, who is stopped, who acknowledges in between: no row is sent by two, and none by nobody."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alerting import actions
from alerting.channels.webhook import Webhook
from alerting.message import Message
from alerting.outbox import LEASE, Dispatcher
from alerting.reassigning import reassign
from core.db import Database
from core.errors import DeliveryFailed
from core.metrics import Metrics
from tests.alerting.plant import NOW, Plant
from tests.alerting.receivers import SECRET, Request, webhook_receiver
from tests.alerting.test_duty_db import on_duty
from tests.alerting.test_outbox import Clock, Sink, dispatcher, rounds
from tests.alerting.workers import working
from tests.alerting.working_dispatcher import STEPS

__all__ = ["on_duty"]  # the fixture of the duty's own tests

pytestmark = pytest.mark.db

MESSAGES, NTH = 200, 40
SECOND = timedelta(seconds=1)


def queue(plant: Plant, count: int, port: int) -> None:
    """So many messages of priority high for the deputy's webhook, all due now."""
    plant.rows(
        "UPDATE channel_address SET address = %s WHERE channel = 'webhook' RETURNING 1", f"http://127.0.0.1:{port}/"
    )
    plant.rows("DELETE FROM route_step RETURNING 1")
    plant.rows(
        "INSERT INTO route_step (route_id, company_id, position, after_s, person_id, channel)"
        " SELECT route_id, company_id, i, 0, %s, 'webhook' FROM route, generate_series(1, %s) i WHERE key = 'urgent' RETURNING 1",
        plant.people["deputy"], count,
    )  # fmt: skip
    plant.apply(plant.raised("heat"))


def outcomes_of(process: subprocess.Popen[str]) -> Counter[str]:
    """What it says at its end."""
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return Counter(json.loads(said.splitlines()[-1]))


def times_sent(received: list[Request]) -> Counter[str]:
    """How often the receiver got each key."""
    return Counter(request.headers["webhook-id"] for request in received)


def test_two_processes_never_send_the_same_row(plant: Plant) -> None:
    """Two dispatchers as they run in life, hundreds of rows: each at the receiver once, marked by its only attempt."""
    with webhook_receiver() as (received, port):
        queue(plant, MESSAGES, port)
        with working(plant, port, NOW) as one, working(plant, port, NOW) as two:
            first, second = outcomes_of(one), outcomes_of(two)
    assert first + second == Counter(sent=MESSAGES)
    assert set(times_sent(received).values()) == {1}
    assert len(received) == MESSAGES
    assert plant.rows("SELECT state, attempt, count(*) FROM notification GROUP BY 1, 2") == [("sent", 1, MESSAGES)]


@pytest.mark.parametrize("step", STEPS)
def test_one_of_two_is_killed_and_the_other_sends_all(timescale_plant: Plant, step: str) -> None:
    """SIGKILL at every step: what was in hand is sent when its lease is over, under its key; twice only where it had gone and was not marked."""
    plant = timescale_plant
    doubled = step in ("sent", "marking")
    waits = step in ("claimed", "sent", "marking")
    with webhook_receiver() as (received, port):
        queue(plant, MESSAGES, port)
        with working(plant, port, NOW, step=step, nth=NTH) as killed:
            assert killed.wait(timeout=120) == -signal.SIGKILL
            before = len(received)
            assert NTH - 1 <= before < MESSAGES
            with working(plant, port, NOW) as other:
                assert outcomes_of(other)["sent"] == MESSAGES - (NTH - (step == "claiming"))
        in_hand = plant.rows("SELECT key FROM notification WHERE state <> 'sent'")
        assert len(in_hand) == waits
        with dispatcher(plant, Clock(), webhook=Webhook({"deputy-hook": SECRET}, [f"127.0.0.1:{port}"])) as subject:
            assert rounds(subject, NOW + LEASE - SECOND) == []
            assert rounds(subject, NOW + LEASE) == (["sent"] if waits else [])
    told = times_sent(received)
    assert len(told) == MESSAGES
    assert [key for key, times in told.items() if times > 1] == ([in_hand[0][0]] if doubled else [])
    assert max(told.values()) == (2 if doubled else 1)
    assert plant.rows("SELECT count(*) FROM notification WHERE state = 'sent'") == [(MESSAGES,)]


@pytest.mark.parametrize(("step", "times"), [("claimed", 2), ("sent", 2)])
def test_a_sender_that_stands_still_beyond_its_lease(timescale_plant: Plant, step: str, times: int) -> None:
    """Stopped with a message in hand (a machine that swaps, a debugger): another sends it, and what the first does then changes nothing.

    The one duplicate that is documented, under the same key.
    """
    plant = timescale_plant
    with webhook_receiver() as (received, port):
        queue(plant, 3, port)
        with working(plant, port, NOW, step=step, nth=1, signal="STOP") as stopped:
            _, status = os.waitpid(stopped.pid, os.WUNTRACED)
            assert os.WIFSTOPPED(status)
            channel = Webhook({"deputy-hook": SECRET}, [f"127.0.0.1:{port}"])
            with dispatcher(plant, Clock(), webhook=channel) as subject:
                assert rounds(subject, NOW + LEASE) == ["sent"] * 3
            marked = plant.rows("SELECT key, state, attempt, sent_at, outcome FROM notification ORDER BY key")
            os.kill(stopped.pid, signal.SIGCONT)
            assert outcomes_of(stopped) == Counter(lost=1)
        assert plant.rows("SELECT key, state, attempt, sent_at, outcome FROM notification ORDER BY key") == marked
    (in_hand,) = (key for key, _, attempt, _, _ in marked if attempt == 2)
    assert times_sent(received)[in_hand] == times
    assert sorted(times_sent(received).values()) == [1, 1, times]


def test_a_receiver_that_hangs_is_given_up_within_the_lease(timescale_plant: Plant) -> None:
    """It takes the connection and answers nothing: the sender lets go before its lease ends, so nobody else ever had it meanwhile."""
    plant, clock = timescale_plant, Clock()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        queue(plant, 1, port)
        database = Database(plant.database.url("alerting"), application="alerting-test", size=2)
        database.open()
        try:
            subject = Dispatcher(
                database,
                {"webhook": Webhook({"deputy-hook": SECRET}, [f"127.0.0.1:{port}"])},
                token=plant.database.service_token,
                clock=clock,
                public_url="https://davy.example",
                metrics=Metrics().alerting,
                lease=timedelta(seconds=2),
                send_timeout=SECOND,
            )
            began = datetime.now(UTC)
            assert subject.run_once(NOW) == "retried"
            assert datetime.now(UTC) - began < timedelta(seconds=10)  # on a busy machine; on another it is one
        finally:
            database.close()
    state, attempt, outcome = plant.rows("SELECT state, attempt, outcome FROM notification")[0]
    assert (state, attempt) == ("waiting", 1)
    assert "127.0.0.1 did not answer well" in outcome


@pytest.mark.parametrize("arrives", [True, False])
def test_an_acknowledgement_between_claim_and_sending(timescale_plant: Plant, arrives: bool) -> None:
    """What is in hand then may still go, once; where it does not arrive it is not tried again, and nothing that waits goes."""
    plant = timescale_plant

    def answered(message: Message) -> None:
        with plant.as_person("officer") as connection:
            actions.acknowledge(connection, plant.definitions["heat"], person_id=plant.people["officer"], now=NOW)
        if not arrives:
            raise DeliveryFailed("The receiver is on strike.", permanent=False)

    plant.apply(plant.raised("heat"))
    sink = Sink(answered)
    with dispatcher(plant, Clock(), smtp=sink, webhook=sink) as subject:
        assert rounds(subject, NOW) == ["sent" if arrives else "retried"]
        assert rounds(subject, NOW + LEASE) == ([] if arrives else ["cancelled"])
    assert plant.rows("SELECT step, state, outcome FROM notification ORDER BY step") == [
        (0, "sent", "kept 1 for chen@example.com")
        if arrives
        else (0, "cancelled", "acknowledged; an earlier attempt may have arrived"),
        (1, "cancelled", "acknowledged"),
    ]


def test_acknowledgements_against_eight_senders(timescale_plant: Plant) -> None:
    """Somebody acknowledges while hundreds of rows go out: what was called off was never sent, what was sent was not called off."""
    plant, clock = timescale_plant, Clock()
    with webhook_receiver() as (received, port):
        queue(plant, MESSAGES, port)
        channel = Webhook({"deputy-hook": SECRET}, [f"127.0.0.1:{port}"])
        begun = threading.Event()

        def sends() -> None:
            with dispatcher(plant, clock, webhook=channel) as subject:
                while (outcome := subject.run_once(NOW)) is not None:
                    if outcome == "sent":
                        begun.set()

        threads = [threading.Thread(target=sends) for _ in range(4)]
        for thread in threads:
            thread.start()
        assert begun.wait(60)
        with plant.as_person("officer") as connection:
            actions.acknowledge(connection, plant.definitions["heat"], person_id=plant.people["officer"], now=NOW)
        for thread in threads:
            thread.join()
    books = plant.rows("SELECT state, attempt, array_agg(key) FROM notification GROUP BY 1, 2")
    by_state = {state: set(keys) for state, _, keys in books}
    assert set(by_state) <= {"sent", "cancelled"}
    assert by_state["sent"] == set(times_sent(received))
    assert set(times_sent(received).values()) == {1}
    assert len(by_state["sent"]) + len(by_state.get("cancelled", ())) == MESSAGES


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_during_a_hand_over_one_of_the_two_is_told(on_duty: tuple[Plant, int], when: str) -> None:
    """SIGKILL before or after the commit: who was on duty has the call, or who is; never both, never nobody; the next look sets it right."""
    plant, roster = on_duty
    plant.apply(plant.raised("gas"))
    plant.rows(
        "INSERT INTO roster_override (roster_id, company_id, person_id, begins_at, ends_at, made_at, made_by)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING 1",
        roster, plant.company, plant.people["deputy"], NOW, NOW + timedelta(hours=1), NOW, plant.people["officer"],
    )  # fmt: skip
    driver = Path(__file__).with_name("killed_hand_over.py")
    ended = subprocess.run(
        [sys.executable, str(driver), plant.database.url("alerting"), plant.database.key.hex(), NOW.isoformat(), when],
        cwd=driver.parents[2], env={**os.environ, "PYTHONPATH": str(driver.parents[2])}, timeout=120, check=False,
    )  # fmt: skip
    assert ended.returncode == -signal.SIGKILL
    holder = "officer" if when == "before" else "deputy"
    waiting = [(who, step) for who, step, state in plant.waiting() if state == "waiting"]
    assert waiting == [(holder, 0), (holder, 1), ("underwriter", 2)]
    with plant.as_service("alerting") as connection:
        assert reassign(connection, NOW) == (2 if when == "before" else 0)
    waiting = [(who, step) for who, step, state in plant.waiting() if state == "waiting"]
    assert waiting == [("deputy", 0), ("deputy", 1), ("underwriter", 2)]
