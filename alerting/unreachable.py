"""Who can be reached by nothing any more: pure, and what is written down of it.

A person whom a route tells, by name or on duty, and to whom no channel leads is a hole in the net, so their own company's people are told, and the
insurer's administrator where the company has nobody else. Told again each day until it is put right.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from alerting.circuit import Circuit

# So long a channel may fail before its people count as cut off: longer than the restart of a mail server, shorter than a meal.
CUT_OFF_AFTER: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One address of an active person, or that they have none.

    Args:
        routed: whether a route names the person, or a duty position that it tells does.
        company_id: None for the insurer's people.
        channel, address: None: the person has no address at all. The address as it is kept.
        dead_why: why nothing will ever arrive there.
    """

    person_id: int
    name: str
    role: str
    routed: bool
    company_id: int | None
    company: str | None
    company_zh: str | None
    channel: str | None
    address: str | None
    dead_why: str | None


@dataclass(frozen=True, slots=True)
class Broken:
    """Why one channel does not lead to a person."""

    channel: str | None
    why: str


@dataclass(frozen=True, slots=True)
class CutOff:
    """A person nobody can reach, and why by each channel."""

    way: Way
    broken: tuple[Broken, ...]


@dataclass(frozen=True, slots=True)
class Telling:
    """One message about it, to somebody who can be reached."""

    cut_off: CutOff
    to: Way
    channel: str


def find(
    ways: Sequence[Way], channels: Collection[str], circuit: Callable[[Way], Circuit | None], now: datetime
) -> tuple[list[CutOff], dict[int, list[str]]]:
    """Who is cut off, and which channels lead to each of the others.

    Args:
        channels: names of those that are set up.
        circuit: of what stands at the end of a way, where it is open.
    """
    by_person: dict[int, list[Way]] = {}
    for way in ways:
        by_person.setdefault(way.person_id, []).append(way)
    cut_off, open_ways = [], {}
    for person_id, found in by_person.items():
        broken = [(way, _broken(way, channels, circuit, now)) for way in found]
        live = [way.channel for way, why in broken if why is None and way.channel is not None]
        if live:
            open_ways[person_id] = live
        elif found[0].routed:
            cut_off.append(CutOff(found[0], tuple(why for _, why in broken if why is not None)))
    return cut_off, open_ways


def tellings(
    cut_off: Iterable[CutOff], ways: Sequence[Way], open_ways: Mapping[int, Sequence[str]], order: Sequence[str]
) -> list[Telling]:
    """Whom to tell: the company's own people, its integrators first; where none of them can be reached, the administrators."""
    people = {way.person_id: way for way in ways}
    found = []
    for each in cut_off:
        able = [way for way in people.values() if way.person_id in open_ways and way.person_id != each.way.person_id]
        own = [way for way in able if way.company_id is not None and way.company_id == each.way.company_id]
        chosen = (
            [way for way in own if way.role == "integrator"]
            or own
            or [way for way in able if way.company_id is None and way.role == "admin"]
        )
        for way in chosen:
            channel = next((name for name in order if name in open_ways[way.person_id]), None)
            if channel is not None:
                found.append(Telling(each, way, channel))
    return found


def _broken(
    way: Way, channels: Collection[str], circuit: Callable[[Way], Circuit | None], now: datetime
) -> Broken | None:
    if way.channel is None:
        return Broken(None, "no address")
    if way.dead_why is not None:
        return Broken(way.channel, way.dead_why)
    if way.channel not in channels:
        return Broken(way.channel, "not set up")
    at_its_end = circuit(way)
    if at_its_end is None or at_its_end.opened_at is None or now - at_its_end.opened_at < CUT_OFF_AFTER:
        return None
    since = f"it has failed since {at_its_end.opened_at:%Y-%m-%d %H:%M} UTC"
    return Broken(way.channel, since if at_its_end.why is None else f"{since}: {at_its_end.why}")
