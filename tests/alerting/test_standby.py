"""Who is called while the database is away, from what was last known: the alarms' own table and routes decide."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.alarm import Alarm, State, Suppression
from alerting.message import compose
from alerting.preference import Preference
from alerting.routing import Route, RouteStep
from alerting.snapshot import Snapshot, from_bytes, to_bytes
from alerting.standby import Standby, UrgentCall
from core.errors import BadInput
from core.model import Priority
from tests.alerting.standbys import (
    DEPUTY,
    GAS,
    HEAT,
    NOW,
    OFFICER,
    UNDERWRITER,
    cleared,
    known,
    officer_only,
    raised,
    snapshot,
    us,
)

MINUTE = timedelta(minutes=1)


def people(calls: list[UrgentCall]) -> list[tuple[int, int, timedelta]]:
    """(person, step, after the onset) of each call."""
    return [(c.message.person_id, c.message.step, c.message.due_at - c.message.onset) for c in calls]


def test_a_raise_calls_the_whole_route_under_the_books_own_keys() -> None:
    """First step at once, the others when their time comes; the keys are those that the queue will use."""
    calls = Standby(snapshot()).hear([raised()], NOW)
    assert people(calls) == [(OFFICER, 0, 0 * MINUTE), (DEPUTY, 1, 2 * MINUTE), (UNDERWRITER, 0, 5 * MINUTE)]
    assert calls[0].message.key == f"12-70-{us(NOW)}-0-3-smtp"
    assert (calls[0].message.value, calls[0].message.raised_at, calls[0].company_id) == (31.456, NOW, 1)
    assert "route urgent (client), step 0" in calls[0].rule


def test_only_life_safety_is_called() -> None:
    """What can wait waits for the database."""
    standby = Standby(snapshot())
    assert standby.hear([raised(alarm=HEAT)], NOW) == []
    assert standby.concerns([raised(alarm=HEAT), raised()]) == [raised()]


@pytest.mark.parametrize(
    "alarm",
    [
        Alarm(State.ACKNOWLEDGED, active=True),
        Alarm(State.UNACKNOWLEDGED, active=True, onset=NOW - MINUTE),
        Alarm(suppression=Suppression.SHELVED, until=NOW + MINUTE),
        Alarm(suppression=Suppression.OUT_OF_SERVICE),
        Alarm(suppression=Suppression.BY_DESIGN),
    ],
)
def test_who_was_called_or_has_silenced_it_is_not_called(alarm: Alarm) -> None:
    """Active already, acknowledged, shelved, suppressed or out of service, as last known: nobody."""
    assert Standby(snapshot(known(alarm))).hear([raised()], NOW) == []


def test_a_shelf_that_has_ended_holds_nobody_back() -> None:
    """Its end was known; a danger after it calls."""
    shelved = Alarm(suppression=Suppression.SHELVED, until=NOW - MINUTE)
    assert len(Standby(snapshot(known(shelved))).hear([raised()], NOW)) == 3


def test_chatter_belongs_to_the_first_call() -> None:
    """Clear and raise within a quarter of an hour call nobody again; after it they do, under a new onset."""
    standby = Standby(snapshot())
    assert len(standby.hear([raised(), cleared(NOW + MINUTE), raised(NOW + 2 * MINUTE)], NOW + 2 * MINUTE)) == 3
    assert standby.hear([cleared(NOW + 3 * MINUTE), raised(NOW + 4 * MINUTE)], NOW + 4 * MINUTE) == []
    again = standby.hear([cleared(NOW + 20 * MINUTE), raised(NOW + 21 * MINUTE)], NOW + 21 * MINUTE)
    assert [call.message.onset for call in again] == [NOW + 21 * MINUTE] * 3


def test_the_past_is_one_message_to_each_of_the_first_step() -> None:
    """A gateway that brings an hour of backlog during the outage: once, and it says how late it is."""
    calls = Standby(snapshot()).hear([raised(NOW - 60 * MINUTE)], NOW)
    assert people(calls) == [(OFFICER, 0, 0 * MINUTE)]
    assert "事发60分钟后才获知" in compose(calls[0].message, public_url="https://davy.example").subject


def test_who_has_no_address_is_left_to_the_books() -> None:
    """Not active, or without an address: nothing can be sent, and the queue will say why."""
    calls = Standby(officer_only()).hear([raised()], NOW)
    assert people(calls) == [(OFFICER, 0, 0 * MINUTE)]


def test_another_channel_is_taken_under_the_books_own_key_and_in_the_persons_order() -> None:
    """A dead or missing address leaves the message without one; the order is the person's where the step leaves it to them."""
    whole = officer_only()
    mail = whole.recipients[0]
    hook = replace(mail, channel="webhook", address="http://127.0.0.1:1/own")
    text = replace(mail, channel="sms", address="+8613800000000")
    wishes = {OFFICER: Preference(person_id=OFFICER, reachable=("smtp", "sms", "webhook"), urgent=("smtp", "sms"))}
    step = RouteStep(0, 0, OFFICER, "preferred")
    route = Route("urgent", "client", frozenset({Priority.LIFE_SAFETY}), [step], people=wishes)
    (call,) = Standby(replace(whole, recipients=[hook, text], routes={2: [route]})).hear([raised()], NOW)
    assert (call.message.channel, call.message.address, call.order) == ("smtp", None, ("smtp", "sms"))
    other = call.over(text)
    assert (other.message.key, other.message.address) == (f"12-70-{us(NOW)}-0-3-sms", "+8613800000000")
    assert (other.asked, [way.channel for way in other.ways]) == (call.message.key, ["webhook"])
    assert other.over(hook).rule.endswith("; instead of smtp; instead of sms")


def test_a_fresh_snapshot_brings_what_people_did() -> None:
    """Acknowledged meanwhile: the same alarm clears and comes back, and that is a new call."""
    standby = Standby(snapshot())
    standby.hear([raised()], NOW)
    standby.fresh(snapshot(known(Alarm(State.ACKNOWLEDGED, active=True))), behind=False)
    assert len(standby.hear([cleared(NOW + MINUTE), raised(NOW + 2 * MINUTE)], NOW + 2 * MINUTE)) == 3


def test_a_database_that_is_behind_says_only_what_people_did() -> None:
    """While batches wait in the spool the alarm stands as we know it; a shelf set meanwhile holds, routes are the new ones."""
    standby = Standby(snapshot())
    standby.hear([raised()], NOW)
    standby.fresh(snapshot(), behind=True)
    assert standby.hear([raised(NOW + MINUTE)], NOW + MINUTE) == []  # it is active, whatever the database says
    shelved = known(Alarm(suppression=Suppression.SHELVED, until=NOW + 60 * MINUTE))
    standby.fresh(snapshot(shelved), behind=True)
    assert standby.hear([cleared(NOW + 20 * MINUTE), raised(NOW + 21 * MINUTE)], NOW + 21 * MINUTE) == []


def test_definitions_that_are_gone_call_nobody() -> None:
    """Retired during the outage of a part of the plant: its events concern nobody."""
    standby = Standby(snapshot())
    standby.fresh(snapshot(definitions=[]), behind=True)
    assert standby.hear([raised()], NOW) == []


def test_the_message_says_that_acknowledging_must_wait() -> None:
    """In both languages, with the list of alarms as its link; the same for machines, and the insurer hears it too."""
    officer, deputy, underwriter = (
        compose(call.message, public_url="https://davy.example/") for call in Standby(snapshot()).hear([raised()], NOW)
    )
    assert "暂时无法在系统中确认。请立即电话联系" in officer.text
    assert "cannot be acknowledged yet. Call by telephone and agree who takes it on" in deputy.text
    assert "https://davy.example/alarms" in deputy.lines
    assert deputy.fields["database_away"] is True
    assert deputy.fields["occurrence"] is None
    assert officer.urgent
    assert officer.thread == deputy.thread == f"alarm-12-70-{us(NOW)}"
    assert "the occurrence has no page yet" in underwriter.text
    assert "31.5" not in underwriter.text


def test_a_snapshot_is_read_as_it_was_written() -> None:
    """Every field comes back; another layout or no snapshot at all is refused with a sentence."""
    whole = snapshot(known(Alarm(State.UNACKNOWLEDGED, active=True, onset=NOW)))
    assert from_bytes(to_bytes(whole)) == whole
    with pytest.raises(BadInput, match="layout 2; this version reads 1"):
        from_bytes(to_bytes(replace(whole, layout=2)))
    for wrong in (b"", b"{}", to_bytes(whole)[:-9]):
        with pytest.raises(BadInput, match="another form"):
            from_bytes(wrong)
    assert isinstance(from_bytes(to_bytes(whole)), Snapshot)
    assert from_bytes(to_bytes(whole)).definitions[0].alarm == GAS


@given(
    steps=st.lists(st.tuples(st.booleans(), st.integers(0, 25)), min_size=1, max_size=12),
    away_from=st.integers(0, 12),
    latch=st.booleans(),
)
def test_wherever_the_outage_begins_the_calls_are_those_of_the_books(
    steps: list[tuple[bool, int]], away_from: int, latch: bool
) -> None:
    """A snapshot carries all that the table needs: from it on, the same keys at the same instants as without an outage."""
    empty = snapshot()
    empty = replace(empty, definitions=[replace(empty.definitions[0], latch=latch)])
    books, at, standby, called = Standby(empty), NOW, None, []
    for number, (raises, minutes) in enumerate(steps):
        at += minutes * MINUTE + timedelta(seconds=1)
        if number == away_from:
            taken = [known(standing.alarm, key) for key, standing in books._standings.items()]
            standby = Standby(from_bytes(to_bytes(replace(empty, alarms=taken))))
        event = raised(at) if raises else cleared(at)
        wanted = books.hear([event], at)
        if standby is not None:
            called.append((standby.hear([event], at), wanted))
    assert all(found == wanted for found, wanted in called)


def test_the_end_of_a_shelf_calls_for_what_is_active_beneath() -> None:
    """No event needs to come; once, as of the end, and only where nobody has read the database since."""
    until = NOW + 10 * MINUTE
    beneath = Alarm(State.UNACKNOWLEDGED, True, Suppression.SHELVED, until)
    standby = Standby(snapshot(known(beneath)))
    assert standby.sweep(until) == [], "the database, if it is there, has a moment"
    calls = standby.sweep(until + MINUTE)
    assert [call.message.onset for call in calls] == [until] * 3
    assert standby.sweep(until + 2 * MINUTE) == []
    quiet = Standby(snapshot(known(replace(beneath, active=False, state=State.NORMAL))))
    assert quiet.hear([raised(NOW + MINUTE)], NOW + MINUTE) == []
    assert len(quiet.sweep(until + MINUTE)) == 3, "raised beneath it since"
    seen = Standby(snapshot(known(beneath), taken_at=until + MINUTE))
    assert seen.sweep(until + 2 * MINUTE) == []
