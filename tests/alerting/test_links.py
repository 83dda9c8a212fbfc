"""Links by which people acknowledge without logging in: what we signed, and nothing else, is one."""

from __future__ import annotations

import string
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.channels.ntfy import document
from alerting.channels.robot import paragraphs
from alerting.links import PATH, Links, by_link
from alerting.message import Message, compose
from core.errors import BadSetting
from core.settings import Settings
from davy.processes.surroundings import links_of
from tests.alerting.messages import claimed

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
DAY = timedelta(days=1)
OLD, NEW = b"o" * 32, b"n" * 32
KEY = claimed().key
URL = "https://davy.example"


def links(**keys: bytes) -> Links:
    return Links(keys or {"k1": OLD}, DAY)


def test_a_link_says_what_it_was_made_of() -> None:
    """Message, person, until when, and the message's key, which is its alarm, onset, step, person and channel."""
    made = links().make(17, 3, KEY, NOW + DAY)
    found = links().read(made)
    assert found is not None
    assert (found.notification_id, found.person_id, found.expires_at) == (17, 3, NOW + DAY)
    assert found.is_of(KEY)
    assert not found.is_of(KEY.replace("-0-", "-1-"))
    assert len(f"{URL}{PATH}{made}") <= 80  # a text has 134 characters


@given(at=st.integers(0, 50), by=st.sampled_from(string.ascii_letters + string.digits + "-_."))
def test_whatever_is_changed_is_no_link(at: int, by: str) -> None:
    """Every character counts; nobody makes a link of another message, person or time out of one."""
    made = links().make(17, 3, KEY, NOW + DAY)
    changed = made[:at] + by + made[at + 1 :]
    assert changed == made or links().read(changed) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "k1",
        "k1.",
        "k1." + "A" * 48,
        "k1." + "A" * 47,
        "k1." + "A" * 49,
        "k9." + "A" * 48,
        "ü",
        "x" * 5000,
        "k1." + "=" * 48,
    ],
)
def test_what_is_no_link_at_all(text: str) -> None:
    """Anything that somebody types."""
    assert links().read(text) is None


@pytest.mark.parametrize("hangs", [".", ">", ")", "。", "”.", ".)"])
def test_what_a_mail_program_leaves_hanging_does_not_count(hangs: str) -> None:
    """A sentence's full stop within the link would else be a link that was cut."""
    made = links().make(17, 3, KEY, NOW + DAY)
    assert (links().read(made + hangs) is not None) is ("”" not in hangs)


def test_keys_change_without_a_gap() -> None:
    """The first signs, all are believed; one that is taken away takes its links with it, and one id is not two keys."""
    old = links(k1=OLD).make(17, 3, KEY, NOW + DAY)
    both = links(k2=NEW, k1=OLD)
    assert both.read(old) is not None
    assert both.make(17, 3, KEY, NOW + DAY).startswith("k2.")
    assert links(k2=NEW).read(old) is None
    assert links(k1=NEW).read(old) is None


def test_without_a_key_there_are_no_links() -> None:
    """Nothing is signed with a default; a wrong setting is a sentence without the key."""
    assert links_of(Settings.read({})) is None
    made = links_of(Settings.read({"DAVY_LINK_KEYS": f"k2={'ab' * 32}, k1={'cd' * 32}", "DAVY_LINK_HOURS": "8"}))
    assert made is not None
    assert made.lasting == timedelta(hours=8)
    for wrong in ("geheim", f"k1={'ab' * 31}", f"k1={'ab' * 32}, k1={'cd' * 32}"):
        with pytest.raises(BadSetting, match="DAVY_LINK_KEYS") as caught:
            Settings.read({"DAVY_LINK_KEYS": wrong})
        assert wrong not in str(caught.value)
    with pytest.raises(BadSetting, match="DAVY_LINK_HOURS"):
        Settings.read({"DAVY_LINK_HOURS": "0"})


def test_only_who_may_acknowledge_gets_one() -> None:
    """Not the insurer's people, not who only looks on, and not while the database is away: there is no page."""
    for changes, gets in (
        ({"answers": True}, True),
        ({"answers": False}, False),
        ({"answers": True, "audience": "insurer"}, False),
        ({"answers": True, "occurrence_id": None}, False),
    ):
        assert bool(links().address(claimed(**changes), URL, NOW)) is gets, changes


def message(**changes: object) -> Message:
    of = claimed(answers=True, **changes)
    return compose(of, public_url=URL, acknowledge_at=links().address(of, URL, NOW))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_message_holds_its_link_beside_the_page(language: str) -> None:
    """In words of the reader, after the page; a program finds it by name; without a link there is no word of one."""
    with_link = message(language=language)
    assert with_link.acknowledge_at in with_link.lines
    assert with_link.lines.index(f"{URL}/occurrences/5") < with_link.lines.index(with_link.acknowledge_at)
    assert ("不登录" if language == "zh" else "without logging in") in with_link.text
    assert with_link.fields["acknowledge_link"] == with_link.acknowledge_at
    without = compose(claimed(language=language), public_url=URL)
    assert PATH not in without.text
    assert "acknowledge_link" not in without.fields


def test_a_robots_message_that_is_cut_keeps_both_links() -> None:
    """The middle gives way, not what somebody would press."""
    of = message(consequence="x" * 1_400, response="y" * 1_400)
    short = paragraphs(of, 600, gap="\n")
    assert short.endswith(of.acknowledge_at)
    assert f"{URL}/occurrences/5" in short
    assert len(short.encode()) <= 600


def test_ntfys_buttons_are_links_that_a_phone_opens() -> None:
    """`view` opens a page, `http` would be a request that nobody looked at."""
    of = message()
    actions = document(of, "topic")["actions"]
    assert [(each["action"], each["url"]) for each in actions] == [
        ("view", of.acknowledge_at),
        ("view", f"{URL}/occurrences/5"),
    ]


def test_the_way_is_said_in_the_transition() -> None:
    """In words that pages translate."""
    assert by_link(17, "ntfy") == "by the link of message 17 over ntfy"
