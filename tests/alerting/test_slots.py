"""What belongs to one group, as each channel shows it: in the place of what it showed before, in a thread, or not at all."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from alerting.channels import REGISTRY
from alerting.fold import LINKED, LISTED, folded, grouped, in_slot, storm_digest
from alerting.message import Message, compose
from alerting.notice import StormNotice
from tests.alerting.messages import NOW, claimed
from tests.alerting.receivers import mail_server
from tests.alerting.test_channels import TIMEOUT_S, at_port
from tests.alerting.test_robots import sent

pytestmark = pytest.mark.enable_socket

HOME = "https://davy.example"
SLOT = "davy-group-7"


def alarms(count: int, **changes: Any) -> list[Message]:
    return [
        compose(claimed(key=f"1-{n}-0-0-3-smtp", priority="high", **changes), public_url=HOME) for n in range(count)
    ]


def group(count: int, told: int = 0, **changes: Any) -> Message:
    of = alarms(count + told, **changes)
    lead = claimed(priority="high", **changes)
    return grouped(lead, of[:count], of[count:], total=count + told, since=NOW, slot=SLOT, public_url=HOME)


def test_ntfy_replaces_what_it_has_shown() -> None:
    """The first and the next of a group have one `sequence_id` that ntfy takes; what is of no group has none."""
    first = in_slot(alarms(1)[0], SLOT)
    for message in (first, group(3)):
        assert sent("ntfy", message)[1]["sequence_id"] == SLOT
    assert "sequence_id" not in sent("ntfy", alarms(1)[0])[1]
    assert REGISTRY["ntfy"].replaces
    assert not REGISTRY["dingtalk"].replaces


def test_a_webhook_tells_of_the_group() -> None:
    """Under a key of its own, so that no update is dropped as a repeat of the one before."""
    first, then = group(2), group(1, told=2)
    assert first.fields["group"] == then.fields["group"] == SLOT
    assert first.key != then.key
    assert group(2).key == first.key
    json.dumps(then.fields)


def test_a_mail_stands_in_the_thread_of_its_group() -> None:
    """The first is about its own occurrence and of the group's thread too."""
    with mail_server() as (received, port):
        channel, address = at_port("smtp", port)
        for message in (in_slot(alarms(1)[0], SLOT), group(3), alarms(1)[0]):
            channel.send(message, address, now=datetime.now(UTC), timeout_s=TIMEOUT_S)
    first, then, alone = received.mails
    assert f"<{SLOT}@insurer.example>" in first["References"]
    assert "<occurrence-5@insurer.example>" in first["References"]
    assert then["References"] == then["In-Reply-To"] == f"<{SLOT}@insurer.example>"
    assert alone["References"] == "<occurrence-5@insurer.example>"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_group_names_what_it_tells_of(language: str) -> None:
    """Each alarm a line, as many as a phone shows, and how many there are beside."""
    message = group(LISTED + 5, language=language)
    assert sum(line.startswith("- ") for line in message.lines) == LISTED
    assert any("5" in line and not line.startswith("- ") for line in message.lines)
    assert not message.urgent


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_few_alarms_have_each_its_own_link(language: str) -> None:
    """Below its own line, so that nobody acknowledges another than they meant; of many the list is quicker, and the text says where it is."""
    few = [replace(each, acknowledge_at=f"{HOME}/a/{n}") for n, each in enumerate(alarms(LINKED, language=language))]
    lead = claimed(priority="high", language=language)
    said = grouped(lead, few, [], total=LINKED, since=NOW, slot=SLOT, public_url=HOME)
    for n, each in enumerate(few):
        at = said.lines.index(f"{HOME}/a/{n}")
        assert said.lines[at - 1] == f"- {each.subject}"
    assert said.acknowledge_at == ""  # a button would be of one of them
    assert f"{HOME}/a/0" in folded(few[:3], language=language, public_url=HOME).lines
    many = grouped(lead, few, [], total=LINKED + 1, since=NOW, slot=SLOT, public_url=HOME)
    assert not any("/a/" in line for line in many.lines)
    assert f"{HOME}/alarms" in many.lines


def test_the_first_of_a_group_keeps_its_button() -> None:
    """It is one alarm, whatever joins it later."""
    (first,) = alarms(1)
    assert in_slot(replace(first, acknowledge_at=f"{HOME}/a/1"), SLOT).acknowledge_at == f"{HOME}/a/1"


def test_the_insurer_reads_of_no_place_within_a_site() -> None:
    """As in each of its messages."""
    told = group(2, audience="insurer", language="en")
    assert "Pumps" not in told.text + told.subject
    assert f"{HOME}/occurrences" in told.lines


def storm(event: str, **changes: Any) -> StormNotice:
    base = claimed()
    shared = {name: getattr(base, name) for name in (
        "notification_id", "attempt", "created_at", "due_at", "onset", "step", "audience", "channel", "person_id", "person_active",
        "address", "secret_ref", "site", "site_zh", "time_zone",
    )}  # fmt: skip
    notice = StormNotice(
        key="storm-1-begun-0-3-smtp", language="en", event=event, storm_id=1, storm_began_at=NOW, storm_ended_at=None, alarms=214, told=40,
        every_s=600.0, site_key="a-1", **shared,
    )  # fmt: skip
    return replace(notice, **changes)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("event", ["begun", "going_on", "ended"])
def test_a_digest_says_what_a_storm_is_and_what_waits(event: str, language: str) -> None:
    """How many, the most urgent by name, and that life safety calls as ever; the set is its key."""
    said = storm_digest(storm(event, language=language), alarms(LISTED, language=language), 30, public_url=HOME)
    assert sum(line.startswith("- ") for line in said.lines) == LISTED
    assert any("30" in line for line in said.lines)
    assert said.fields["messages"] == LISTED + 30
    assert (event == "begun") or "214" in said.subject
    other = storm_digest(storm(event, language=language), alarms(2), 0, public_url=HOME)
    assert said.key != other.key


def test_a_digest_of_how_it_goes_on_is_overtaken_by_the_end() -> None:
    """Nobody reads that a storm goes on after it is over."""
    assert storm("going_on", storm_ended_at=NOW).settled() == "the storm is over"
    assert storm("ended", storm_ended_at=NOW).settled() is None
