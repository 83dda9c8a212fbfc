"""Writes the demo's sixty days down: alarms, findings and impairments by the functions that people's clicks go through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from alerting import actions
from alerting.alarm import Happening, State
from alerting.apply import apply_changes
from alerting.ledger import AlarmKey, Change
from alerting.store import alarms as alarm_rows
from davy.past import store
from davy.past.plan import Happened
from davy.past.store import Site
from davy.past.stories import FINDINGS, IMPAIRMENTS
from davy.past.told import Act, Shelf, Story
from risk import findings, impairments
from risk.finding import Plan
from risk.impairment import Outage

WITHIN: Final = timedelta(seconds=1)  # from an event to its being written down
RESET_AFTER: Final = timedelta(minutes=6)
REGISTERED_AFTER: Final = timedelta(minutes=10)


def write_alarm(connection: Connection[Any], sites: Mapping[str, Site], happened: Sequence[Happened]) -> int:
    """One alarm's occurrences from the first to the last; gives how many.

    An alarm on which something has happened already is left alone: what is real comes before what is made up, and a second
    run changes nothing.
    """
    kind = happened[0].kind
    site = sites[kind.site]
    key = store.alarm_of(connection, site, kind.sensor, kind.definition)
    if key is None or store.has_happened(connection, key):
        return 0
    for one in happened:
        _play(connection, key, site.officer, one)
    return len(happened)


def _play(connection: Connection[Any], key: AlarmKey, person: int, one: Happened) -> None:
    _condition(connection, key, Happening.RAISE, one.began_at, one.value)
    if one.acknowledged_at <= one.cleared_at:
        actions.acknowledge(connection, key, person_id=person, now=one.acknowledged_at)
        _condition(connection, key, Happening.CLEAR, one.cleared_at, None)
    else:
        _condition(connection, key, Happening.CLEAR, one.cleared_at, None)
        actions.acknowledge(connection, key, person_id=person, now=one.acknowledged_at)
    if alarm_rows.lock(connection, [key])[key].alarm.state is State.LATCHED_ACKNOWLEDGED:
        at = max(one.cleared_at, one.acknowledged_at) + RESET_AFTER
        actions.reset(connection, key, person_id=person, now=at)
    actions.resolve(
        connection,
        key,
        person_id=person,
        now=one.resolved_at,
        resolution=one.ending.resolution,
        action_taken=one.ending.done,
    )


def _condition(
    connection: Connection[Any], key: AlarmKey, happening: Happening, at: datetime, value: float | None
) -> object:
    change = Change(alarm=key, happening=happening, at=at, value=value)
    return apply_changes(connection, [change], now=at + WITHIN, simulated=True)


def write_shelf(connection: Connection[Any], sites: Mapping[str, Site], shelf: Shelf, until: datetime) -> int:
    """An alarm that somebody put aside for some hours; gives how many were written."""
    site = sites[shelf.site]
    key = store.alarm_of(connection, site, shelf.sensor, shelf.definition)
    if key is None or store.has_happened(connection, key):
        return 0
    began = until - timedelta(days=shelf.before)
    ends = began + shelf.lasts
    actions.shelve(connection, key, person_id=site.officer, now=began, reason=shelf.reason, until=ends)
    change = Change(alarm=key, happening=Happening.SHELF_EXPIRED, at=ends, until=ends)
    apply_changes(connection, [change], now=ends + WITHIN, simulated=True)
    return 1


def write_finding(connection: Connection[Any], sites: Mapping[str, Site], story: Story, until: datetime) -> int:
    """A finding from its report to where it stands now; gives its id."""
    site = sites[story.site]
    place = store.place(connection, site, story.zone)
    finding_id = 0
    for act in story.acts:
        now, by = until - timedelta(days=act.before), site.person(act.by)
        if act.what == "report":
            finding_id = findings.report(
                connection, person_id=by, now=now, site_id=place.site_id, zone_id=place.zone_id, **_texts(act)
            )
            store.mark_finding(connection, finding_id)
        else:
            _on_finding(connection, finding_id, act, by, site.integrator, now, until)
    return finding_id


def _on_finding(
    connection: Connection[Any], finding_id: int, act: Act, by: int, owner: int, now: datetime, until: datetime
) -> None:
    texts = _texts(act)
    match act.what:
        case "plan":
            five = Plan(owner_id=owner, due_at=_day(act, "due_days", until), **texts)
            findings.plan(connection, finding_id, person_id=by, now=now, plan=five)
        case "extend":
            due = _day(act, "due_days", until)
            findings.extend(connection, finding_id, person_id=by, now=now, due_at=due, **texts)
        case "grade":
            findings.grade(connection, finding_id, person_id=by, now=now, **texts)
        case "note":
            findings.note(connection, finding_id, person_id=by, now=now, **texts)
        case "claim":
            findings.claim(connection, finding_id, person_id=by, now=now, **texts)
        case "send_back":
            findings.send_back(connection, finding_id, person_id=by, now=now, **texts)
        case "verify":
            findings.verify(connection, finding_id, person_id=by, now=now, **texts)
        case _:
            raise ValueError(f"Nobody does {act.what} to a finding.")


def write_impairment(connection: Connection[Any], sites: Mapping[str, Site], story: Story, until: datetime) -> int:
    """A protection out of service, and restored where the story says so; gives its id."""
    site = sites[story.site]
    place = store.place(connection, site, story.zone)
    begins, *later = story.acts
    began_at = until - timedelta(days=begins.before)
    outage = Outage(began_at=began_at, expected_until=_day(begins, "until_days", until), **_texts(begins))
    impairment_id = impairments.begin(
        connection,
        person_id=site.person(begins.by),
        now=began_at + REGISTERED_AFTER,
        site_id=place.site_id,
        zone_id=place.zone_id,
        outage=outage,
    )
    store.mark_impairment(connection, impairment_id)
    for act in later:
        at = until - timedelta(days=act.before)
        impairments.restore(
            connection, impairment_id, person_id=site.person(act.by), now=at, restored_at=at, **_texts(act)
        )
    return impairment_id


def write_people_s_part(connection: Connection[Any], sites: Mapping[str, Site], until: datetime) -> None:
    """All findings and impairments, once."""
    if store.has_stories(connection):
        return
    for story in FINDINGS:
        write_finding(connection, sites, story, until)
    for story in IMPAIRMENTS:
        write_impairment(connection, sites, story, until)


def _texts(act: Act) -> dict[str, Any]:
    return {name: text for name, text in act.words.items() if not name.endswith("_days")}


def _day(act: Act, name: str, until: datetime) -> datetime:
    return until + timedelta(days=float(act.words[name]))
