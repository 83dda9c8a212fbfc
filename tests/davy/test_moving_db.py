"""`davy channels move`: an address becomes another one by codes that came back from both ends, read from a real mail server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.errors import BadInput, BadSetting, Refused
from core.settings import Settings
from davy.moving import move
from davy.private.inbox import InboxServers
from davy.servers.processes import free_port
from tests.database import TestDatabase
from tests.davy.test_channels_db import OLD as KEY
from tests.davy.test_limit_imports_db import PEOPLE, bring

pytestmark = pytest.mark.db

NOW = datetime(2026, 3, 2, tzinfo=UTC)
OLD, NEW = "so@acme.invalid", "new@acme.invalid"


@pytest.fixture
def mails() -> Iterator[tuple[InboxServers, int]]:
    """A mail server, and its port."""
    port = free_port()
    servers = InboxServers(port, free_port())
    servers.start()
    yield servers, port
    servers.stop()


def settings(database: TestDatabase, port: int, key: str | None = None) -> Settings:
    given = {
        "DAVY_DATABASE_URL_OWNER": database.url("owner"), "DAVY_SMTP_HOST": "127.0.0.1", "DAVY_SMTP_PORT": str(port),
        "DAVY_SMTP_SENDER": "davy@insurer.example",
    }  # fmt: skip
    return Settings.read(given if key is None else {**given, "DAVY_ADDRESS_KEYS": f"k1={key}"})


class Typing:
    """Somebody at the command: gives back the codes that came to some of the mailboxes, and guesses the others."""

    def __init__(self, servers: InboxServers, reads: tuple[str, ...]) -> None:
        self.servers, self.reads, self.asked = servers, reads, 0

    def __call__(self, question: str) -> str:
        self.asked += 1
        end = OLD if "old" in question else NEW
        mail = next(each for each in self.servers.inbox.listing() if each.recipient == end)
        found = re.search(r"(\d(?: \d){5})", mail.body)
        assert found is not None
        return found[1] if end in self.reads else "no code"


def kept(database: TestDatabase) -> list[tuple[str, str]]:
    with database.connect("owner") as owner:
        rows = owner.execute(
            "SELECT address, coalesce(dead_why, '') FROM channel_address JOIN person USING (person_id) WHERE key = 'so'"
        ).fetchall()
    return [(str(address), str(why)) for address, why in rows]


def test_their_own_reader_moves_it_alone(
    timescale_database: TestDatabase, tmp_path: Path, mails: tuple[InboxServers, int]
) -> None:
    """Codes to the old and the new mailbox, in the reader's language; in force with its reason, and an older file does not undo it alone."""
    database, (servers, port) = timescale_database, mails
    bring(database, tmp_path, PEOPLE)
    typing = Typing(servers, (OLD, NEW))
    assert move(settings(database, port), "so", "smtp", NEW, ask=typing, actor="tester", now=NOW)
    assert (typing.asked, kept(database)) == (2, [(NEW, "")])
    assert {each.recipient for each in servers.inbox.listing()} == {OLD, NEW}
    assert all("验证码" in each.subject for each in servers.inbox.listing())
    with database.connect("owner") as owner:
        entry = owner.execute(
            "SELECT subject, old, new, reason FROM journal WHERE action = 'address_changed'"
        ).fetchall()
    assert entry == [
        ("address so/smtp", {"address": OLD}, {"address": NEW}, "moved by its own reader, who gave back the codes sent to old and new")
    ]  # fmt: skip
    with pytest.raises(Refused, match="Two people answer for life safety"):
        bring(database, tmp_path, PEOPLE, reason="from the shelf")
    assert bring(database, tmp_path, PEOPLE.replace(OLD, NEW)).changes == []


@pytest.mark.parametrize("reads", [(), (NEW,), (OLD,)])
def test_who_does_not_read_both_ends_changes_nothing(
    timescale_database: TestDatabase, tmp_path: Path, mails: tuple[InboxServers, int], reads: tuple[str, ...]
) -> None:
    """Somebody with the command and a mailbox of their own does not get the calls of a colleague."""
    database, (servers, port) = timescale_database, mails
    bring(database, tmp_path, PEOPLE)
    with pytest.raises(Refused, match="not the code; nothing was changed"):
        move(settings(database, port), "so", "smtp", NEW, ask=Typing(servers, reads), actor="tester", now=NOW)
    assert kept(database) == [(OLD, "")]


def test_at_a_dead_end_nobody_is_asked(
    timescale_database: TestDatabase, tmp_path: Path, mails: tuple[InboxServers, int]
) -> None:
    """The new one is tried all the same, lives, and is sealed where there is a key."""
    database, (servers, port) = timescale_database, mails
    bring(database, tmp_path, PEOPLE)
    with database.connect("owner") as owner:
        owner.execute("UPDATE channel_address SET dead_at = now(), dead_why = 'no such user'")
    typing = Typing(servers, (NEW,))
    assert not move(settings(database, port, KEY), "so", "smtp", NEW, ask=typing, actor="tester", now=NOW)
    ((address, why),) = kept(database)
    assert (typing.asked, address.startswith("sealed-1:k1:"), why) == (1, True, "")


def test_what_cannot_be_is_said(timescale_database: TestDatabase, tmp_path: Path) -> None:
    """No such channel, no such address, no mail server, one that is away, a number that is none: a sentence, and no question."""
    database = timescale_database
    bring(database, tmp_path, PEOPLE)
    away = settings(database, free_port())

    def tried(given: Settings, person: str, channel: str, address: str) -> None:
        move(given, person, channel, address, ask=lambda question: pytest.fail(question), actor="t", now=NOW)

    with pytest.raises(BadInput, match="There is no channel pigeon; there are"):
        tried(away, "so", "pigeon", "x")
    with pytest.raises(BadInput, match="new address of sms is wrong; it must be a telephone number"):
        tried(away, "so", "sms", "110")
    with pytest.raises(BadSetting, match="The channel sms is not set up"):
        tried(away, "so", "sms", "+8613800000000")
    with pytest.raises(BadInput, match="There is no smtp address of a person with the key 'it'"):
        tried(away, "it", "smtp", NEW)
    with pytest.raises(BadInput, match="That is the smtp address of so already"):
        tried(away, "so", "smtp", OLD)
    with pytest.raises(Refused, match="The code did not reach the old smtp address of so"):
        tried(away, "so", "smtp", NEW)
    assert kept(database) == [(OLD, "")]
