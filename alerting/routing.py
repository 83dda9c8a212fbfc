"""Who hears what, when, over which channel, and why: a pure function of a definition, its site's routes and the time.

A route carries with it the rosters that its steps name and how its people want to be told, so that whoever has the route can answer.
The client's people and the insurer's people have routes and texts of their own (`audience`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from alerting.preference import NEXT, Preference
from alerting.readiness import WeakHours
from alerting.roster import Roster, reached_at
from core.model import Priority
from core.response_time import TOO_LATE_TO_CALL
from core.wish import wish_of

# Older than this when we learn of it: written down as historic, nobody is called at night for the past (design section 5).
HISTORIC: Final = TOO_LATE_TO_CALL
INSTEAD: Final = "; instead of "  # ends a rule, before a channel: the call goes over another one of the person's
EXERCISE_URGENCY: Final = len(Priority)  # whatever is real goes out first
URGENCY: Final = {priority: rank for rank, priority in enumerate(Priority)}  # 0 goes out first


@dataclass(frozen=True, slots=True)
class RouteStep:
    """One row of a route.

    Args:
        position: 0 is told at once, then each escalation.
        after_s: seconds from the onset until this step is due.
        person_id: who is told; None where it is whoever is on duty.
        channel: name in `alerting.channels.REGISTRY`, or what leaves it to the person (`core.wish`).
        roster_id: the duty position that is told.
        sooner: why it does not wait as long as the site file says; empty: it does.
    """

    position: int
    after_s: float
    person_id: int | None
    channel: str
    roster_id: int | None = None
    sooner: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """Who hears of a site's alarms of some priorities.

    Args:
        audience: "client" or "insurer".
        hears: what else it carries, see `alerting.hearing`.
        rosters: those that its steps name.
        people: how those want to be told who may be called; who is not in it has no wishes.
        called: what it is called in a rule, where it is no route of the site file.
        weak: hours in which a duty position answers badly, by roster: what comes after it comes sooner then.
    """

    key: str
    audience: str
    priorities: frozenset[Priority]
    steps: list[RouteStep]
    hears: frozenset[str] = frozenset()
    rosters: dict[int, Roster] = field(default_factory=dict)
    people: dict[int, Preference] = field(default_factory=dict)
    called: str = ""
    weak: dict[int, WeakHours] = field(default_factory=dict)

    def everybody(self) -> set[int]:
        """Whoever may be called by it."""
        named = {step.person_id for step in self.steps if step.person_id is not None}
        return named.union(*(roster.people() for roster in self.rosters.values()))


@dataclass(frozen=True, slots=True)
class Call:
    """One message to one person over one channel, to be sent when due unless somebody acknowledged before.

    Args:
        rule: why this person gets it, for people: clauses that end at "; ".
        roster_id: they are told because they are on duty when the step is due.
        wish: what the step says in the place of a channel, where it leaves that to the person.
        step_due_at: when the step is due, where quiet hours put the call off until `at`; None: `at`.
    """

    at: datetime
    position: int
    person_id: int
    channel: str
    audience: str
    rule: str
    roster_id: int | None = None
    wish: str | None = None
    step_due_at: datetime | None = None


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
        for step in hastened(route, onset):
            rule = reason(route, step, priority, historic=historic)
            for call in step_calls(route, step, priority, onset + timedelta(seconds=step.after_s), rule, now=now):
                key = (step.position, call.person_id, call.channel)
                calls[key] = _as_one(calls[key], call) if key in calls else call
    ordered = sorted(calls.values(), key=lambda call: (call.at, call.position, call.person_id, call.channel))
    return _first_words(ordered) if historic else ordered


def _as_one(one: Call, other: Call) -> Call:
    """Two steps that tell the same person over the same channel: the earlier; where either means the duty position, it is asked again."""
    first, second = (other, one) if other.at < one.at else (one, other)
    if first.roster_id is not None or second.roster_id is None:
        return first
    return replace(first, roster_id=second.roster_id, wish=second.wish)


def step_calls(
    route: Route, step: RouteStep, priority: Priority, due: datetime, rule: str, *, now: datetime
) -> list[Call]:
    """The calls of one step: to its person, or to whoever is on duty when it goes out; where nobody is, to everybody of the roster."""
    at = max(due, now)
    if step.roster_id is None:
        return [] if step.person_id is None else [_call(route, step, step.person_id, priority, due, rule, now)]
    roster = route.rosters.get(step.roster_id)
    if roster is None:
        return []
    people, duty = reached_at(roster, at)
    on_duty = f"{rule}; on duty by roster {roster.key}, {duty.reason()}"
    if duty.person_id is None:
        on_duty += "; everybody of it is told"
    return [_call(route, step, each, priority, due, on_duty, now) for each in people]


def rest_calls(
    route: Route, step: RouteStep, but_not: int, priority: Priority, due: datetime, rule: str, *, now: datetime
) -> list[Call]:
    """The calls to everybody of a step's roster but one whom nothing reaches: as where nobody is on duty."""
    roster = route.rosters[step.roster_id] if step.roster_id is not None else None
    people = sorted(roster.people() - {but_not}) if roster is not None else []
    told = f"{rule}; nothing reaches person {but_not}, who is on duty; everybody of the roster is told"
    return [_call(route, step, each, priority, due, told, now) for each in people]


def _call(
    route: Route, step: RouteStep, person_id: int, priority: Priority, due: datetime, rule: str, now: datetime
) -> Call:
    """The call to a person, or, in their quiet hours, later or to the next."""
    told, at = person_id, due
    quiet_until = _quiet_until(route, person_id, priority, max(due, now))
    if quiet_until is not None:
        following = _next(route, step, person_id, priority, max(due, now))
        if route.people[person_id].in_quiet == NEXT and following is not None:
            told = following
            rule += f"; in the place of person {person_id}, who has quiet hours until {_utc(quiet_until)}"
        else:
            at = quiet_until
            rule += f"; put off to the end of quiet hours, {_utc(quiet_until)}"
    roster = route.rosters.get(step.roster_id) if step.roster_id is not None else None
    wish = step.channel if wish_of(step.channel) is not None else None
    channel = step.channel
    if wish is not None:
        channel = route.people.get(told, Preference(person_id=told)).channel(wish, priority)
        rule += f"; over {channel}, by their own order"
    audience = roster.audience if roster is not None else route.audience
    put_off = None if at == due else due
    return Call(at, step.position, told, channel, audience, rule, step.roster_id, wish, put_off)


def _quiet_until(route: Route, person_id: int, priority: Priority, at: datetime) -> datetime | None:
    wishes = route.people.get(person_id)
    return None if wishes is None else wishes.quiet_until(priority, at)


def _next(route: Route, step: RouteStep, person_id: int, priority: Priority, at: datetime) -> int | None:
    """Who is told in the place of somebody who has quiet hours: the next of the rotation, else of the route, who has none now."""
    others: list[int] = []
    if step.roster_id is not None:
        layers = [layer.people for layer in route.rosters[step.roster_id].layers if person_id in layer.people]
        for people in layers:
            where = people.index(person_id)
            others += [*people[where + 1 :], *people[:where]]
        others = [each for each in others if each in route.rosters[step.roster_id].people()]
    for later in sorted(route.steps, key=lambda each: (each.position, each.person_id or 0)):
        roster = route.rosters.get(later.roster_id) if later.roster_id is not None else None
        if later.position > step.position and (roster is None or roster.audience == route.audience):
            others += [later.person_id] if later.person_id is not None else []
            others += reached_at(roster, at)[0] if roster is not None else ()
    return next((e for e in others if e != person_id and _quiet_until(route, e, priority, at) is None), None)


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _first_words(calls: list[Call]) -> list[Call]:
    """One message for each of the client's people in the first step, over their first channel."""
    told: dict[int, Call] = {}
    for call in calls:
        if call.audience == "client" and call.position == 0:
            told.setdefault(call.person_id, call)
    return list(told.values())


def reason(route: Route, step: RouteStep, priority: Priority, *, historic: bool) -> str:
    """Why a step tells somebody: the first clause of its rule."""
    if historic:
        when = "once, because it was learnt of more than 15 minutes late"
    elif step.after_s == 0:
        when = "at once"
    else:
        when = f"{step.after_s:g} s after the onset, unless acknowledged before"
    said = route.called or f"route {route.key} ({route.audience})"
    sooner = f"; {step.sooner}" if step.sooner and not historic else ""
    return f"{said}, step {step.position}: {priority} alarms, {when}{sooner}"


def hastened(route: Route, onset: datetime) -> list[RouteStep]:
    """The steps of a route for a call that begins at `onset`: what follows a duty position that answers badly at such hours comes sooner.

    A step's own wait is left out or halved, and all behind it move up by as much: the ladder keeps its order.
    """
    if not route.weak:
        return route.steps
    moved: list[RouteStep] = []
    spared, why = 0.0, ""
    waits = sorted({step.after_s for step in route.steps})
    for at, following in zip(waits, [*waits[1:], None], strict=True):
        here = [step for step in route.steps if step.after_s == at]
        moved += [replace(step, after_s=at - spared, sooner=why) if spared else step for step in here]
        told = sorted({step.roster_id for step in here if step.roster_id is not None} & route.weak.keys())
        found = [
            (weak, route.rosters[roster].key) for roster in told if (weak := route.weak[roster].at(onset)) is not None
        ]
        if following is not None and found:
            worst, position = min(found, key=lambda each: each[0].keeps)
            spared += (following - at) * (1 - worst.keeps)
            why = worst.reason(position)
    return moved
