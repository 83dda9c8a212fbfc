"""Who hears what, when, over which channel, and why: a pure function of a definition, its site's routes and the time.

The client's people and the insurer's people have routes and texts of their own (`audience`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from core.model import Priority
from core.response_time import TOO_LATE_TO_CALL

# Older than this when we learn of it: written down as historic, nobody is called at night for the past (design section 5).
HISTORIC: Final = TOO_LATE_TO_CALL
URGENCY: Final = {priority: rank for rank, priority in enumerate(Priority)}  # 0 goes out first


@dataclass(frozen=True, slots=True)
class RouteStep:
    """One row of a route.

    Args:
        position: 0 is told at once, then each escalation.
        after_s: seconds from the onset until this step is due.
        channel: name in `alerting.channels.REGISTRY`.
    """

    position: int
    after_s: float
    person_id: int
    channel: str


@dataclass(frozen=True, slots=True)
class Route:
    """Who hears of a site's alarms of some priorities.

    Args:
        audience: "client" or "insurer".
        hears: what else it carries, see `alerting.hearing`.
    """

    key: str
    audience: str
    priorities: frozenset[Priority]
    steps: list[RouteStep]
    hears: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Call:
    """One message to one person over one channel, to be sent when due unless somebody acknowledged before.

    Args:
        rule: why this person gets it, for people.
    """

    at: datetime
    position: int
    person_id: int
    channel: str
    audience: str
    rule: str


def is_historic(at: datetime, now: datetime) -> bool:
    """Whether what happened `at` is the past, not news."""
    return now - at > HISTORIC


def worth_calling(onsets: Sequence[datetime], now: datetime) -> list[datetime]:
    """Of what is past only the last: a backlog that comes and goes is told once."""
    past = [onset for onset in onsets if is_historic(onset, now)]
    return past[-1:] + [onset for onset in onsets if not is_historic(onset, now)]


def plan(priority: Priority, routes: Sequence[Route], *, onset: datetime, now: datetime) -> list[Call]:
    """The calls for an alarm that became unacknowledged at `onset`, earliest first.

    Steps count from the onset: what is overdue by `now` is due at once.
    The same person is told over the same channel once a position, however many routes say so.
    What is historic calls nobody; life safety sends one message, to each person of the first step, that says how late it is.
    """
    historic = is_historic(onset, now)
    if historic and priority is not Priority.LIFE_SAFETY:
        return []
    calls: dict[tuple[int, int, str], Call] = {}
    for route in routes:
        if priority not in route.priorities:
            continue
        for step in route.steps:
            rule = _reason(route, step, priority, historic=historic)
            call = Call(
                onset + timedelta(seconds=step.after_s),
                step.position,
                step.person_id,
                step.channel,
                route.audience,
                rule,
            )
            key = (step.position, step.person_id, step.channel)
            if key not in calls or call.at < calls[key].at:
                calls[key] = call
    ordered = sorted(calls.values(), key=lambda call: (call.at, call.position, call.person_id, call.channel))
    return _first_words(ordered) if historic else ordered


def _first_words(calls: list[Call]) -> list[Call]:
    """One message for each of the client's people in the first step, over their first channel."""
    told: dict[int, Call] = {}
    for call in calls:
        if call.audience == "client" and call.position == 0:
            told.setdefault(call.person_id, call)
    return list(told.values())


def _reason(route: Route, step: RouteStep, priority: Priority, *, historic: bool) -> str:
    if historic:
        when = "once, because it was learnt of more than 15 minutes late"
    elif step.after_s == 0:
        when = "at once"
    else:
        when = f"{step.after_s:g} s after the onset, unless acknowledged before"
    return f"route {route.key} ({route.audience}), step {step.position}: {priority} alarms, {when}"
