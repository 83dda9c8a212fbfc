"""Life-safety calls while batches wait in the spool: at once, once, and never at ingest's cost."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from alerting.alarm import Alarm, State, Suppression
from alerting.channels import Channel
from alerting.message import Message
from alerting.snapshot import Recipient, Snapshot
from alerting.vault import Vault
from core.errors import DeliveryFailed
from davy.calls.store import Journal
from tests.alerting.standbys import DEPUTY, GAS, HEAT, NOW, OFFICER, cleared, known, officer_only, raised, snapshot, us
from tests.davy.callers import Clock, Sink, calling

MINUTE = timedelta(minutes=1)
NO_DATABASE: Any = None  # nothing is to be booked, so no statement is run
KEY = f"12-70-{us(NOW)}-0-{OFFICER}-smtp"


def test_a_spooled_raise_reaches_its_channel_and_the_journal(tmp_path: Path) -> None:
    """Within 5 s; durable, with all that the books will want, under the key that the queue will use."""
    mail = Sink()
    with calling(tmp_path, {"smtp": mail}, Clock(), officer_only()) as on:
        on.caller.spooled([], us(NOW) - 1)
        on.caller.spooled([raised(alarm=HEAT), raised()], us(NOW))
        on.wait(lambda: len(on.journal.calls()) == 1, "the call in the journal")
        (sent,) = on.journal.calls()
        assert [message.key for message in mail.sent] == [KEY]
        assert (sent.key, sent.receipt, sent.sent_at, sent.person_id) == (
            KEY,
            "kept 1 for chen@example.com",
            NOW,
            OFFICER,
        )
        assert on.caller.calls.unbooked() == [sent]
        assert on.counted("davy_calls_made_total", channel="smtp", outcome="delivered") == 1


def test_what_was_told_again_after_a_restart_is_not_sent_again(tmp_path: Path) -> None:
    """The journal outlives the process; the spool tells its batches once more."""
    mail = Sink()
    for _ in range(2):
        with calling(tmp_path, {"smtp": mail}, Clock(), officer_only()) as on:
            on.caller.spooled([raised()], us(NOW))
            on.wait(lambda: len(mail.sent) == 1 and len(on.journal.calls()) == 1, "the first call")
    clock = Clock()
    clock.now = NOW + 21 * MINUTE
    with calling(tmp_path, {"smtp": mail}, clock, officer_only()) as on:
        on.caller.spooled([raised()], us(NOW))
        on.caller.spooled([cleared(NOW + 20 * MINUTE), raised(NOW + 21 * MINUTE)], us(NOW + 21 * MINUTE))
        on.wait(lambda: len(mail.sent) == 2 or len(on.journal.calls()) == 2, "the next call")
    assert [message.key for message in mail.sent] == [KEY, KEY.replace(str(us(NOW)), str(us(NOW + 21 * MINUTE)))]


def test_later_steps_go_out_when_their_time_comes(tmp_path: Path) -> None:
    """Nobody can acknowledge while the database is away, so the deputy is called after two minutes."""
    mail, hook, clock = Sink(), Sink(), Clock()
    with calling(tmp_path, {"smtp": mail, "webhook": hook}, clock, snapshot()) as on:
        on.caller.spooled([raised()], us(NOW))
        on.wait(lambda: len(mail.sent) == 1, "the officer's mail")
        clock.now = NOW + 2 * MINUTE - timedelta(seconds=1)
        assert hook.sent == []
        clock.now = NOW + 2 * MINUTE
        on.wait(lambda: len(hook.sent) == 1, "the deputy's webhook")
        assert hook.sent[0].key == f"12-70-{us(NOW)}-1-{DEPUTY}-webhook"
        assert len(mail.sent) == 1


def test_without_a_snapshot_nobody_is_called_and_ingest_hears_no_error(tmp_path: Path, capsys: Any) -> None:
    """It is said once, and counted; the database calls when it is back."""
    mail = Sink()
    with calling(tmp_path, {"smtp": mail}, Clock()) as on:
        on.caller.spooled([raised()], us(NOW))
        on.caller.spooled([raised(NOW + MINUTE)], us(NOW + MINUTE))
        on.caller.applied(NO_DATABASE, [raised()], us(NOW))
        assert on.counted("davy_calls_unheard_total") == 2
    assert mail.sent == []


def test_what_is_stored_at_once_is_known_and_calls_nobody(tmp_path: Path) -> None:
    """The alarm went the usual way a minute before: during the outage its chatter is no news."""
    mail, clock = Sink(), Clock()
    clock.now = NOW + 21 * MINUTE
    with calling(tmp_path, {"smtp": mail}, clock, officer_only()) as on:
        on.caller.applied(NO_DATABASE, [raised()], us(NOW))
        on.caller.spooled([cleared(NOW + MINUTE), raised(NOW + 2 * MINUTE)], us(NOW + 2 * MINUTE))
        on.caller.spooled([cleared(NOW + 20 * MINUTE), raised(NOW + 21 * MINUTE)], us(NOW + 21 * MINUTE))
        on.wait(lambda: len(mail.sent) == 1, "the call for what is news")
        assert mail.sent[0].key == KEY.replace(str(us(NOW)), str(us(NOW + 21 * MINUTE)))


def test_a_receiver_that_fails_is_tried_again_and_one_that_never_will_is_not(tmp_path: Path) -> None:
    """With the pause of the outbox; what is permanent is left to the database, which says so on the occurrence's page."""
    strikes = [DeliveryFailed("On strike.", permanent=False), DeliveryFailed("No such address.", permanent=True)]

    def strike(message: Message) -> None:
        raise strikes.pop(0)

    clock = Clock()
    with calling(tmp_path, {"smtp": Sink(strike)}, clock, snapshot()) as on:
        on.caller.spooled([raised()], us(NOW))
        on.wait(
            lambda: on.counted("davy_calls_made_total", channel="smtp", outcome="retried") == 1, "the first failure"
        )
        clock.now = NOW + MINUTE
        on.wait(
            lambda: on.counted("davy_calls_made_total", channel="smtp", outcome="failed") == 1, "the second failure"
        )
        assert on.caller.calls.unbooked() == []


def two_ways(channel: str = "smtp") -> Snapshot:
    """The officer alone, told by mail; there is a webhook too."""
    whole = officer_only()
    hook = Recipient(
        person_id=OFFICER, channel="webhook", language="zh", address="http://127.0.0.1:1/own", secret_ref="own"
    )
    return replace(
        whole, recipients=[each for each in [*whole.recipients, hook] if each.channel in (channel, "webhook")]
    )


@pytest.mark.parametrize("permanent", [True, False])
def test_what_does_not_arrive_goes_over_the_next_channel_of_the_person(tmp_path: Path, permanent: bool) -> None:
    """As alerting does for life safety: at the first failure, under the key that the queue would give it, and once."""
    hook, clock = Sink(), Clock()

    def refuse(message: Message) -> None:
        raise DeliveryFailed("450 no", permanent=permanent)

    with calling(tmp_path, {"smtp": Sink(refuse), "webhook": hook}, clock, two_ways()) as on:
        on.caller.spooled([raised()], us(NOW))
        on.wait(lambda: len(on.journal.calls()) == 1, "the call over the webhook")
        clock.now = NOW + MINUTE
        outcome = "failed" if permanent else "retried"
        tries = 1.0 if permanent else 2.0
        on.wait(
            lambda: on.counted("davy_calls_made_total", channel="smtp", outcome=outcome) >= tries,
            "what became of the mail",
        )
        assert [message.key for message in hook.sent] == [KEY.replace("smtp", "webhook")]
        (sent,) = on.caller.calls.unbooked()
        assert (sent.channel, sent.person_id, sent.rule.endswith("; instead of smtp")) == ("webhook", OFFICER, True)
        assert on.counted("davy_calls_waiting") == (0 if permanent else 1)


@pytest.mark.parametrize("has_mail", [True, False])
def test_a_channel_that_leads_nowhere_from_here_is_passed_over(tmp_path: Path, has_mail: bool) -> None:
    """Not set up in ingest, or its address is dead: the person's other channel is used at once."""
    hook = Sink()
    channels: dict[str, Channel] = {"webhook": hook} if has_mail else {"webhook": hook, "smtp": Sink()}
    with calling(tmp_path, channels, Clock(), two_ways("smtp" if has_mail else "none")) as on:
        on.caller.spooled([raised()], us(NOW))
        on.wait(lambda: len(hook.sent) == 1, "the call over the webhook")
        assert hook.sent[0].key == KEY.replace("smtp", "webhook")


def test_the_database_has_what_stands_in_where_it_has_what_was_asked_for(tmp_path: Path) -> None:
    """Then alerting calls, and passes on by itself: the call over the other channel is left to it too."""

    def refuse(message: Message) -> None:
        raise DeliveryFailed("450 no", permanent=True)

    def fail(message: Message) -> None:
        raise DeliveryFailed("away", permanent=False)

    with calling(tmp_path, {"smtp": Sink(refuse), "webhook": Sink(fail)}, Clock(), two_ways()) as on:
        on.caller.spooled([raised()], us(NOW))
        on.wait(lambda: on.counted("davy_calls_made_total", channel="webhook", outcome="retried") == 1, "its failure")
        on.caller.applied(NO_DATABASE, [raised()], us(NOW))
        on.wait(lambda: on.caller.calls.left(NOW) == [KEY], "the call that is left")
        on.caller.calls.decide([KEY], in_the_books=True)
        assert on.caller.calls.idle


def test_an_address_that_does_not_open_is_counted(tmp_path: Path) -> None:
    """Sealed with a key that ingest has not: nothing reaches it during an outage, and the sign of life says how many."""
    sealed = Vault({"old": bytes(32)}).seal("smtp", "chen@example.com")
    found = [replace(each, address=sealed) for each in officer_only().recipients]
    with calling(tmp_path, {}, Clock()) as on:
        assert on.caller.calls.closed([*found, *officer_only().recipients]) == 1


def test_a_mail_server_that_hangs_stops_neither_ingest_nor_webhooks(tmp_path: Path) -> None:
    """`spooled` never waits, and one channel's hanging leaves a sender for the others."""
    let_go = threading.Event()
    mail, hook, clock = Sink(lambda message: let_go.wait(20)), Sink(), Clock()
    clock.now = NOW + 150 * MINUTE
    with calling(tmp_path, {"smtp": mail, "webhook": hook}, clock, snapshot()) as on:
        try:
            began = time.monotonic()
            for minute in range(0, 160, 20):
                at = NOW + minute * MINUTE
                on.caller.spooled([raised(at)], us(at))
                on.caller.spooled([cleared(at + MINUTE)], us(at + MINUTE))
            assert time.monotonic() - began < 1
            on.wait(lambda: len(hook.sent) == 8, "the webhooks beside hanging mails")
            assert mail.sent == []
        finally:
            let_go.set()


def test_too_much_keeps_the_raises_and_says_what_it_leaves(tmp_path: Path) -> None:
    """The queue is bounded; what does not fit is called for by the database."""
    mail = Sink()
    with calling(tmp_path, {"smtp": mail}, Clock(), officer_only(), most_events=3) as on:
        events = [
            cleared(NOW - MINUTE),
            raised(),
            cleared(NOW + MINUTE),
            raised(NOW + 2 * MINUTE),
            cleared(NOW + 3 * MINUTE),
        ]
        on.caller.spooled(events, us(NOW + 3 * MINUTE))
        assert on.counted("davy_calls_unheard_total") == 3
        on.wait(lambda: [message.key for message in mail.sent] == [KEY], "the call for the first raise")


def test_a_channel_that_is_not_set_up_is_said(tmp_path: Path) -> None:
    """The person is called by the database; the others are called now."""
    hook, clock = Sink(), Clock()
    clock.now = NOW + 2 * MINUTE
    with calling(tmp_path, {"webhook": hook}, clock, snapshot()) as on:
        on.caller.spooled([raised()], us(NOW))
        on.wait(lambda: len(hook.sent) == 1, "the webhook")
        assert on.counted("davy_calls_waiting") == 0


def test_the_journal_keeps_a_call_once_and_forgets_what_is_booked(tmp_path: Path) -> None:
    """Nobody but its owner may read it; it is there when the process is not."""
    mail = Sink()
    with calling(tmp_path, {"smtp": mail}, Clock(), officer_only()) as on:
        on.caller.spooled([raised()], us(NOW))
        on.wait(lambda: len(on.journal.calls()) == 1, "the call in the journal")
    path = tmp_path / "calls.sqlite"
    assert path.stat().st_mode & 0o777 == 0o600
    journal = Journal(path)
    (sent,) = journal.calls()
    journal.keep(sent)
    assert journal.calls() == [sent]
    assert (sent.definition_id, sent.sensor_id) == GAS
    journal.forget([sent.key])
    assert journal.calls() == []
    journal.close()


def test_a_batch_that_is_being_stored_while_it_is_spooled_is_asked_about_first(tmp_path: Path) -> None:
    """The database may have it: nobody calls until somebody has looked, or 5 s have passed."""
    mail, clock = Sink(), Clock()
    with calling(tmp_path, {"smtp": mail}, clock, officer_only()) as on:
        on.caller.applied(NO_DATABASE, [raised()], us(NOW))
        on.caller.spooled([raised()], us(NOW))
        on.wait(lambda: on.caller.calls.left(NOW) == [KEY], "the call that is left")
        on.caller.calls.decide([KEY], in_the_books=True)
        assert on.caller.calls.idle
        later = NOW + 21 * MINUTE
        clock.now = later
        on.caller.applied(NO_DATABASE, [cleared(NOW + MINUTE), raised(later)], us(later))
        on.caller.spooled([cleared(NOW + MINUTE), raised(later)], us(later))
        on.wait(lambda: len(on.caller.calls.left(later)) == 1, "the next call that is left")
        clock.now = later + timedelta(seconds=6)
        on.wait(lambda: len(mail.sent) == 1, "the call, as nobody has looked")


def test_a_shelf_that_ends_while_batches_wait_calls(tmp_path: Path) -> None:
    """The clock alone is enough: no event of the alarm comes."""
    mail, clock = Sink(), Clock()
    shelved = Alarm(State.UNACKNOWLEDGED, True, Suppression.SHELVED, NOW + MINUTE)
    known_so = replace(officer_only(), alarms=[known(shelved)])
    with calling(tmp_path, {"smtp": mail}, clock, known_so) as on:
        on.caller.spooled([], us(NOW))
        clock.now = NOW + 2 * MINUTE
        on.wait(lambda: len(mail.sent) == 1, "the call at the shelf's end")
    assert mail.sent[0].key == KEY.replace(str(us(NOW)), str(us(NOW + MINUTE)))
