"""Calls without the database, and their books in a real one: told within 5 s, and by nobody a second time."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from alerting.apply import apply_events
from alerting.channels import Channel
from alerting.channels.smtp import Smtp
from alerting.channels.webhook import Webhook
from alerting.message import Message
from alerting.outbox import Dispatcher
from alerting.snapshot import Snapshot, from_bytes
from alerting.store.bookings import add_sent, book_sent
from alerting.store.snapshot import read_snapshot
from alerting.vault import Vault
from core.batch import Event
from core.db import Database
from core.errors import DeliveryFailed
from core.metrics import Metrics
from core.settings import Settings
from davy.calls.calling import calling as calling_by_settings
from davy.calls.keeper import Keeper
from davy.calls.sealed import Seal
from davy.doctor.doctor import examine
from davy.doctor.examination import Examination
from davy.doctor.life import calls as calls_check
from ingest.urgent import Nobody
from tests.alerting.plant import NOW, Plant, make_plant, us
from tests.alerting.receivers import SECRET, mail_server, webhook_receiver
from tests.database import TestDatabase
from tests.davy.callers import URL, Calling, Clock, Sink, calling
from tests.ingest.rig import wait_for

pytestmark = pytest.mark.db

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
KEY = bytes(range(32))


@pytest.fixture
def plant(timescale_database: TestDatabase) -> Plant:
    """A small plant: gas is life safety; the officer has mail, the deputy a webhook after two minutes."""
    return make_plant(timescale_database)


def snapshot_of(plant: Plant) -> Snapshot:
    """As ingest reads it."""
    with plant.as_service("ingest") as connection:
        return read_snapshot(connection, NOW)


def drain(plant: Plant, on: Calling, *events: Event, now: datetime = NOW, fails: bool = False) -> None:
    """One batch from the spool, as ingest stores it."""
    try:
        with plant.as_service("ingest") as connection:
            apply_events(connection, events, now=now, batch_no=1)
            on.caller.applied(connection, events, us(now))
            if fails:
                raise psycopg.OperationalError("the server closed the connection")
    except psycopg.OperationalError:
        assert fails


@contextmanager
def keeper_of(plant: Plant, on: Calling, folder: Path, clock: Clock) -> Iterator[Keeper]:
    """Who looks after snapshot and books, to be asked for each look."""
    token = plant.database.service_token
    keeper = Keeper(on.caller, plant.database.url("ingest"), token, Seal(KEY), folder / "snapshot", ["smtp"], clock)
    with closing(keeper):
        yield keeper


def look(plant: Plant, on: Calling, folder: Path, clock: Clock) -> None:
    """One look at this moment."""
    with keeper_of(plant, on, folder, clock) as keeper:
        keeper.look(clock.now)


def states(plant: Plant) -> dict[str, tuple[str, int, Any, Any]]:
    """Person -> (state, attempt, sent_at, outcome)."""
    names = {person_id: key for key, person_id in plant.people.items()}
    rows = plant.rows("SELECT person_id, state, attempt, sent_at, outcome FROM notification ORDER BY due_at")
    return {
        names[person_id]: (state, attempt, sent_at, outcome) for person_id, state, attempt, sent_at, outcome in rows
    }


@contextmanager
def dispatcher(plant: Plant, channels: Mapping[str, Channel], clock: Clock) -> Iterator[Dispatcher]:
    """Alerting's own sender."""
    database = Database(plant.database.url("alerting"), application="alerting-test", size=2)
    database.open()
    try:
        token = plant.database.service_token
        yield Dispatcher(database, channels, token=token, clock=clock, public_url=URL, metrics=Metrics().alerting)
    finally:
        database.close()


def test_called_while_the_database_is_away_and_not_again_when_it_is_back(
    database: TestDatabase, tmp_path: Path
) -> None:
    """Mail and webhook within 5 s each, on real receivers; the drain's transaction books both, and alerting sends nothing."""
    plant, clock = make_plant(database), Clock()
    with mail_server() as (mails, smtp_port), webhook_receiver() as (posts, hook_port):
        with database.connect("owner") as owner:
            owner.execute(
                "UPDATE channel_address SET address = %s WHERE channel = 'webhook'", (f"http://127.0.0.1:{hook_port}/",)
            )
            owner.execute("UPDATE route_step SET after_s = 0 WHERE channel = 'webhook'")
        channels = {
            "smtp": Smtp("127.0.0.1", smtp_port, "davy@example.com"),
            "webhook": Webhook({"deputy-hook": SECRET}, [f"127.0.0.1:{hook_port}"]),
        }
        with calling(tmp_path, channels, clock, snapshot_of(plant)) as on:
            on.caller.spooled([plant.raised("heat"), plant.raised("gas")], us(NOW))
            on.wait(
                lambda: len(mails.mails) == len(posts) == 1 and len(on.caller.calls.unbooked()) == 2, "mail and webhook"
            )
            assert mails.mails[0]["To"] == "chen@example.com"
            assert "暂时无法在系统中确认" in mails.mails[0].get_content()
            drain(plant, on, plant.raised("heat"), plant.raised("gas"))
            with dispatcher(plant, channels, clock) as alerting:
                # Heat, which is not life safety, waited for the database.
                assert [alerting.run_once(NOW + MINUTE) for _ in range(3)] == ["sent", "sent", None]
            assert (len(mails.mails), len(posts)) == (2, 2)
            keys = [
                key
                for (key,) in plant.rows(
                    "SELECT key FROM notification WHERE state = 'sent' AND urgency = 0 ORDER BY key"
                )
            ]
            assert sorted([mails.mails[0]["Message-ID"][1:].partition("@")[0], posts[0].headers["webhook-id"]]) == keys
            assert plant.rows(
                "SELECT outcome FROM notification WHERE urgency = 0 AND state = 'sent' AND channel = 'webhook'"
            ) == [("HTTP 204",)]
            look(plant, on, tmp_path, clock)
            assert on.caller.calls.unbooked() == on.journal.calls() == []


def test_a_crash_after_the_journal_tells_nobody_twice(plant: Plant, tmp_path: Path) -> None:
    """The process that drains is another one than the one that called: the journal knows."""
    mail, clock = Sink(), Clock()
    with calling(tmp_path, {"smtp": mail}, clock, snapshot_of(plant)) as on:
        on.caller.spooled([plant.raised("gas")], us(NOW))
        on.wait(lambda: len(on.journal.calls()) == 1, "the call")
    with calling(tmp_path, {"smtp": mail}, clock) as on:
        drain(plant, on, plant.raised("gas"))
    assert states(plant)["officer"] == ("sent", 1, NOW, "kept 1 for chen@example.com")
    assert {states(plant)[who][0] for who in ("deputy", "underwriter")} == {"waiting"}
    with dispatcher(plant, {"smtp": mail}, clock) as alerting:
        assert alerting.run_once(NOW + SECOND) is None
    assert len(mail.sent) == 1


def test_a_crash_before_the_journal_tells_again_under_the_same_key(plant: Plant, tmp_path: Path) -> None:
    """At least once: the receiver can drop the repeat."""
    mail, clock = Sink(), Clock()
    (tmp_path / "died").mkdir()
    (tmp_path / "begins").mkdir()
    with calling(tmp_path / "died", {"smtp": mail}, clock, snapshot_of(plant)) as on:
        on.caller.spooled([plant.raised("gas")], us(NOW))
        on.wait(lambda: len(on.journal.calls()) == 1, "the call")
    with calling(tmp_path / "begins", {"smtp": mail}, clock) as on:
        drain(plant, on, plant.raised("gas"))
    with dispatcher(plant, {"smtp": mail}, clock) as alerting:
        assert alerting.run_once(NOW) == "sent"
    assert [message.key for message in mail.sent] == [mail.sent[0].key] * 2


def test_what_is_in_the_air_is_held_and_then_booked(plant: Plant, tmp_path: Path) -> None:
    """The mail server is slow: alerting finds a message that is somebody's, and later one that is sent."""
    let_go, clock = threading.Event(), Clock()
    mail = Sink(lambda message: let_go.wait(20))
    with calling(tmp_path, {"smtp": mail}, clock, snapshot_of(plant)) as on:
        try:
            on.caller.spooled([plant.raised("gas")], us(NOW))
            on.wait(
                lambda: on.counted("davy_calls_waiting") == 2 and not on.caller.calls.left(NOW + MINUTE),
                "the call in the air",
            )
            on.wait(lambda: _sending(on), "a sender at it")
            drain(plant, on, plant.raised("gas"))
            assert states(plant)["officer"][:2] == ("claimed", 1)
            with dispatcher(plant, {"smtp": Sink()}, clock) as alerting:
                assert alerting.run_once(NOW + 50 * SECOND) is None
                assert (
                    alerting.run_once(NOW + 61 * SECOND) is not None
                )  # had we died of it, the lease would have run out
        finally:
            let_go.set()
        on.wait(lambda: len(on.caller.calls.unbooked()) == 1, "the end of the call")
        look(plant, on, tmp_path, clock)
        assert states(plant)["officer"][0] == "sent"


def _sending(on: Calling) -> bool:
    return on.caller.calls._busy.total() == 1


def test_a_transaction_taken_back_leaves_the_call_to_us(plant: Plant, tmp_path: Path) -> None:
    """Booked and rolled back, and the database gone again: who waits is called by us after a moment's look."""
    mail, clock = Sink(), Clock()
    with calling(tmp_path, {"webhook": mail}, clock, snapshot_of(plant)) as on:
        on.caller.spooled([plant.raised("gas")], us(NOW))
        on.wait(lambda: on.counted("davy_calls_waiting") == 1, "the deputy's call to wait")
        drain(plant, on, plant.raised("gas"), fails=True)
        for second in (2, 120, 122):  # looked for soon, and once more when it is due
            clock.now = NOW + second * SECOND
            on.wait(lambda: len(on.caller.calls.left(clock.now)) == 1, "that it is left")
            assert mail.sent == []
            if second != 120:
                look(plant, on, tmp_path, clock)
        on.wait(lambda: len(mail.sent) == 1, "the deputy's call after all")
        drain(plant, on, plant.raised("gas"))
        assert states(plant)["deputy"][0] == "sent"
        assert states(plant)["officer"][0] == "waiting"


def test_a_step_whose_time_has_not_come_is_left_to_the_database(plant: Plant, tmp_path: Path) -> None:
    """Once it is seen there, an acknowledgement cancels it, as ever."""
    mail, hook, clock = Sink(), Sink(), Clock()
    with calling(tmp_path, {"smtp": mail, "webhook": hook}, clock, snapshot_of(plant)) as on:
        on.caller.spooled([plant.raised("gas")], us(NOW))
        on.wait(lambda: len(on.journal.calls()) == 1, "the officer's mail")
        drain(plant, on, plant.raised("gas"))
        clock.now = NOW + 4 * SECOND
        look(plant, on, tmp_path, clock)
        assert on.counted("davy_calls_made_total", channel="webhook", outcome="left") == 1
        assert on.counted("davy_calls_waiting") == 0
        clock.now = NOW + 10 * MINUTE
        with dispatcher(plant, {"webhook": hook}, clock) as alerting:
            assert alerting.run_once(clock.now) == "sent"
    assert len(hook.sent) == 1


def test_what_the_books_do_not_ask_for_is_written_down_all_the_same(plant: Plant, tmp_path: Path) -> None:
    """A route that changed during the outage: the message went out, so it is in the books within the hour."""
    mail, clock = Sink(), Clock()
    with calling(tmp_path, {"smtp": mail}, clock, snapshot_of(plant)) as on:
        on.caller.spooled([plant.raised("gas")], us(NOW))
        on.wait(lambda: len(on.journal.calls()) == 1, "the officer's mail")
        with plant.database.connect("owner") as owner:
            owner.execute("DELETE FROM route_step WHERE person_id = %s", (plant.people["officer"],))
        drain(plant, on, plant.raised("gas"))
        assert "officer" not in states(plant)
        for minutes in (1, 61, 62):
            clock.now = NOW + minutes * MINUTE
            look(plant, on, tmp_path, clock)
        assert states(plant)["officer"] == ("sent", 1, NOW, "kept 1 for chen@example.com")
        assert on.journal.calls() == []


def test_the_snapshot_is_what_ingest_may_read_and_lies_sealed(plant: Plant, tmp_path: Path) -> None:
    """Life safety alone, with texts, routes, active people's addresses and the alarms' state; nothing of it in the clear."""
    plant.apply(plant.raised("gas"), plant.raised("heat"))
    with plant.database.connect("owner") as owner:
        owner.execute("UPDATE person SET active = false WHERE key = 'deputy'")
    clock = Clock()
    with calling(tmp_path, {}, clock) as on:
        look(plant, on, tmp_path, clock)
    sealed = tmp_path / "snapshot"
    assert sealed.stat().st_mode & 0o777 == 0o600
    assert b"chen" not in sealed.read_bytes()
    kept = from_bytes(Seal(KEY).read(sealed))
    assert [(d.definition_key, d.title_zh, d.site, d.zone) for d in kept.definitions] == [
        ("gas", "可燃气体达25%LEL", "Tank farm", None)
    ]
    assert [r.address for r in kept.recipients] == ["chen@example.com", "wu@insurer.example"]
    assert [route.key for route in kept.routes[plant.site]] == ["urgent", "duty"]
    assert [(k.alarm.state, k.alarm.active, k.alarm.onset) for k in kept.alarms] == [("B", True, NOW)]


def test_a_call_over_another_channel_is_in_the_books_with_its_alarm(plant: Plant, tmp_path: Path) -> None:
    """The mail server refuses here and there: the webhook that went out meanwhile is not sent again, and the mail's row says so."""
    with plant.database.connect("owner") as owner:
        owner.execute(
            "INSERT INTO channel_address (person_id, company_id, channel, address, secret_ref) VALUES (%s, %s, 'webhook', 'http://127.0.0.1:1/', 'x')",
            (plant.people["officer"], plant.company),
        )
        owner.execute("DELETE FROM route_step WHERE person_id <> %s", (plant.people["officer"],))

    def refuse(message: Message) -> None:
        raise DeliveryFailed("550 no such mailbox", permanent=True)

    hook, clock = Sink(), Clock()
    channels: dict[str, Channel] = {"smtp": Sink(refuse), "webhook": hook}
    with calling(tmp_path, channels, clock, snapshot_of(plant)) as on:
        on.caller.spooled([plant.raised("gas")], us(NOW))
        on.wait(lambda: len(on.caller.calls.unbooked()) == 1, "the webhook")
        drain(plant, on, plant.raised("gas"))
        with dispatcher(plant, channels, clock) as alerting:
            alerting.run_once(NOW + SECOND)
            assert alerting.run_once(NOW + SECOND) is None
        found = plant.rows("SELECT channel, state, outcome FROM notification ORDER BY notification_id")
        assert [row[:2] for row in found] == [("smtp", "failed"), ("webhook", "sent")]
        assert found[0][2].endswith("goes over webhook")
        assert len(hook.sent) == 1
        look(plant, on, tmp_path, clock)
        assert on.caller.calls.unbooked() == on.journal.calls() == []


def test_a_dead_address_is_not_in_the_snapshot(plant: Plant) -> None:
    """Nothing will ever arrive there: the person's other channel is used, as alerting does."""
    with plant.database.connect("owner") as owner:
        owner.execute(
            "UPDATE channel_address SET dead_at = now(), dead_why = 'unknown' WHERE person_id = %s",
            (plant.people["officer"],),
        )
    assert plant.people["officer"] not in {each.person_id for each in snapshot_of(plant).recipients}


def test_the_sign_of_life_says_which_addresses_do_not_open(plant: Plant, tmp_path: Path) -> None:
    """Sealed addresses and no key for them in ingest: all calls would fail, so doctor does not say that all is well."""
    clock = Clock()
    sealed = Vault({"k": bytes(32)}).seal("smtp", "chen@example.com")
    with plant.database.connect("owner") as owner:
        owner.execute("UPDATE channel_address SET address = %s WHERE person_id = %s", (sealed, plant.people["officer"]))
    with calling(tmp_path, {}, clock) as on:
        on.wait(lambda: on.caller.turned_at is not None, "the caller's turn")
        look(plant, on, tmp_path, clock)
    assert plant.rows("SELECT (report ->> 'closed')::int FROM process_status WHERE process = 'calls'") == [(1,)]
    with plant.as_service("alerting") as connection:
        check = calls_check(Examination(Settings(), NOW, str), connection)
    assert not check.ok
    assert "DAVY_ADDRESS_KEYS" in (check.advice or "")


def test_the_snapshot_follows_within_a_look(plant: Plant, tmp_path: Path) -> None:
    """Acknowledged on a page, an address changed by an import: the next calls know."""
    mail, clock = Sink(), Clock()
    plant.apply(plant.raised("gas"))
    with calling(tmp_path, {"smtp": mail}, clock) as on, keeper_of(plant, on, tmp_path, clock) as keeper:
        keeper.look(NOW)
        on.caller.spooled([plant.raised("gas", NOW + SECOND)], us(NOW + SECOND))
        drain(plant, on, plant.raised("gas", NOW + SECOND), now=NOW + SECOND)
        with plant.database.connect("owner") as owner:
            owner.execute("UPDATE channel_address SET address = 'new@example.com' WHERE address = 'chen@example.com'")
            owner.execute("SELECT davy_definitions_changed()")
            owner.execute("UPDATE alarm SET state = 'C', onset = NULL")
        keeper.look(NOW + 2 * SECOND)
        clock.now = NOW + 3 * MINUTE
        again = [plant.cleared("gas", NOW + 2 * MINUTE), plant.raised("gas", NOW + 3 * MINUTE)]
        on.caller.spooled(again, us(NOW + 3 * MINUTE))
        on.wait(lambda: len(on.caller.calls.unbooked()) == 1, "the call after the acknowledgement")
        assert on.caller.calls.unbooked()[0].receipt == "kept 1 for new@example.com"


def test_a_snapshot_that_is_not_there_or_does_not_open_stops_nothing(plant: Plant, tmp_path: Path) -> None:
    """Absent, damaged, of another key, unreadable: a line in the log, and the database is asked."""
    for name in ("absent", "damaged", "other-key", "unreadable"):
        folder, clock = tmp_path / name, Clock()
        folder.mkdir()
        match name:
            case "damaged":
                (folder / "snapshot").write_bytes(b"not sealed")
            case "other-key":
                Seal(bytes(32)).write(folder / "snapshot", b"{}")
            case "unreadable":
                (folder / "snapshot").mkdir()
        with calling(folder, {"smtp": Sink()}, clock) as on, keeper_of(plant, on, folder, clock) as keeper:
            keeper.begin()
            on.caller.spooled([plant.raised("gas")], us(NOW))
            assert on.counted("davy_calls_unheard_total") == 1
            keeper.look(NOW)
            on.caller.spooled([plant.raised("gas")], us(NOW))
            on.wait(lambda journal=on.journal: len(journal.calls()) == 1, "the call from the fresh snapshot")  # type: ignore[misc]


def test_the_file_is_enough_to_call_while_the_database_is_away(plant: Plant, tmp_path: Path) -> None:
    """A process that begins during the outage calls from what the last one sealed, however old it is."""
    mail, clock = Sink(), Clock()
    with calling(tmp_path, {"smtp": mail}, clock) as on:
        look(plant, on, tmp_path, clock)
    clock.now = NOW + timedelta(days=2)
    with calling(tmp_path, {"smtp": mail}, clock) as on:
        away = Keeper(
            on.caller, "postgresql://x:y@127.0.0.1:1/x", lambda: "", Seal(KEY), tmp_path / "snapshot", [], clock
        )
        away.begin()
        away.look(clock.now)
        on.caller.spooled([plant.raised("gas", clock.now)], us(clock.now))
        on.wait(lambda: len(mail.sent) == 1, "the call from the old snapshot")


def test_ingest_books_life_safety_and_nothing_else(plant: Plant, tmp_path: Path) -> None:
    """Row security holds it: its role marks no other message as sent, and puts none back."""
    plant.apply(plant.raised("heat"))
    (key,) = plant.rows("SELECT key FROM notification WHERE step = 0")[0]
    mail, clock = Sink(), Clock()
    with calling(tmp_path, {"smtp": mail}, clock, snapshot_of(plant)) as on:
        on.caller.spooled([plant.raised("gas")], us(NOW))
        on.wait(lambda: len(on.journal.calls()) == 1, "a call")
        (sent,) = on.journal.calls()
    forged = {name: getattr(sent, name) for name in type(sent).__slots__} | {"key": key}
    with pytest.raises(psycopg.errors.InsufficientPrivilege), plant.as_service("ingest") as connection:
        book_sent(connection, [type(sent)(**forged)])
    with plant.as_service("ingest") as connection:
        assert add_sent(connection, [sent]) == 0  # its alarm has no occurrence


def test_the_settings_decide(plant: Plant, tmp_path: Path) -> None:
    """Without a key nobody is called; with it the threads run, doctor says so, and everything ends with the block."""
    url = plant.database.url("ingest")
    with calling_by_settings(Settings.read({"DAVY_STATE_DIR": str(tmp_path)}), url, Metrics().calls) as urgent:
        assert isinstance(urgent, Nobody)
    given = {
        "DAVY_STATE_DIR": str(tmp_path),
        "DAVY_SNAPSHOT_KEY": KEY.hex(),
        "DAVY_PUBLIC_URL": URL,
        "DAVY_SMTP_HOST": "127.0.0.1",
        "DAVY_SMTP_SENDER": "davy@example.com",
        "DAVY_PRINCIPAL_KEY": plant.database.key.hex(),
        "DAVY_DATABASE_URL_OWNER": plant.database.url("owner"),
    }
    settings, metrics = Settings.read(given), Metrics()

    def check() -> tuple[bool, str]:
        found = next(c for c in examine(settings, "en", datetime.now(UTC)) if c.name == "calls")
        return found.ok, found.found

    assert check() == (
        False,
        "Ingest keeps no snapshot of whom to call: nobody would be called while the database is away.",
    )
    with calling_by_settings(settings, url, metrics.calls) as urgent:
        beaten = "SELECT count(*) FROM process_status WHERE process = 'calls'"
        wait_for(lambda: plant.rows(beaten) == [(1,)], "a sign of life", 30.0)
        ok, found = check()
        assert ok, found
        assert found.startswith("Snapshot of 1 life-safety limits and 3 people, taken ")
    assert (metrics.registry.get_sample_value("davy_calls_snapshot_timestamp_seconds") or 0) > 0
    with plant.database.connect("owner") as owner:
        owner.execute(
            'INSERT INTO process_status VALUES (\'alerting\', now(), now(), \'{"channels": ["smtp", "webhook"]}\')'
        )
    assert check() == (False, "While the database is away nobody would be called over: webhook.")
