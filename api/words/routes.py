"""Routes in words: their steps with names, what they carry, and what alerting refuses of them, as templates. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from api.words.texts import later
from core.portfolio import Step
from core.wish import PREFERRED

WISH_WORDS: Final = {
    PREFERRED: later("by their own order"),
    "preferred-2": later("by their own order, the second"),
    "preferred-3": later("by their own order, the third"),
    "preferred-4": later("by their own order, the fourth"),
}
HEARS_WORDS: Final = {
    "impairments": later("impairments"),
    "findings": later("findings"),
    "digest": later("the daily digest"),
}
# Fields of a step, as the reader names them.
STEP_WORDS: Final = {
    "after_s": later("the time after the alarm"),
    "times": later("how often it is repeated"),
    "every_s": later("the time between two repeats"),
}
_TOLD: Final = re.compile(r"(\d+): after (\S+) s (\S+) to (.+)")  # core/site_changes.py and davy_route_told()
ROUTE_REFUSALS: Final = (
    later("Say why the route changes: the reason is kept with the change for good."),
    later("Somebody has changed this route since you opened the form; look at it again."),
    later("A change of this route is proposed already; settle that one first."),
    later("Only the company's own safety officers and integrators change its routes."),
    later("Whom the insurer calls of its own people is written in the site file."),
    later("There is no such route."),
    later("The route was changed since this was proposed. Withdraw the proposal, look at the route and propose again."),
    later("the route has no steps; it needs at least one."),
    later("the route makes {n} calls, each repeat counted; {most} is the most."),
    later("the route tells nobody of life safety for {wait} s; the first step comes after {most} s at most."),
    later("the route tells nobody for {wait} s between two steps of life safety; {most} s is the most."),
    later("the route has a step after {wait} s, which nobody will ever meet; {most} s is the most."),
    later(
        "Step {n} of the route comes after {after} s, the one before it after {before} s; steps come in rising order."
    ),
    later("Step {n} of the route tells {who} by {channel} twice; keep one of them."),
    later("Step {n} of the route tells nobody; give it `to` with person and channel."),
    later("the route tells {who}, who is nobody; {those}"),
    later("the route tells {who}, who has no channel; add one to their channels."),
    later("the route tells {who} by {channel}, for which there is no address; add it to their channels."),
    later("the route tells {who}, who is not active; name somebody who is."),
    later("the route tells the duty position {roster}, which there is not; add it to the site's rosters."),
    later("the route tells the duty position {roster}, which is retired; name another."),
    later(
        "the route tells the duty position {roster}, which is the insurer's duty desk, before the last step; the desk comes last."
    ),
    later(
        "the route tells the duty position {roster}, and hears more than alarms; who hears of findings, impairments and days is named: give that a route of its own."
    ),
    later(
        "the route tells the duty position {roster}, in which {who} takes turns, who has no channel; add one to their channels, or take them out of the position."
    ),
    later(
        "the route tells the duty position {roster}, in which {who} takes turns, who has no address for {channel}; add one to their channels, or take them out of the position."
    ),
    later("{field} of repeat of this step of the route, is {text}; it must be a number."),
    later("{field} of repeat of this step of the route, is {text}; it must be {least} or more."),
    later("{field} of repeat of this step of the route, is {text}; it must be {most} or less."),
    later("{field} of repeat of this step of the route, is {text}; it must be a whole number from 1 to {most}."),
    later("{field} of this step of the route, is {text}; it must be a number."),
    later("{field} of this step of the route, is {text}; it must be {least} or more."),
    later("{field} of this step of the route, is {text}; it must be {most} or less."),
    later("channel of recipient {who} is {channel}; there is no such one."),
)


@dataclass(frozen=True, slots=True)
class ToldStep:
    """One call of a route, for people.

    Args:
        whom: a name; empty: somebody whose name is not theirs to know.
        position: it is a duty position.
    """

    after: timedelta
    after_s: float
    channel: str
    whom: str
    position: bool


def told_steps(
    steps: Iterable[Step] | Iterable[str], names: Mapping[str, tuple[str, str]], language: str
) -> list[ToldStep]:
    """Steps with the names of whom they tell, be they in force or as the journal tells them.

    >>> told_steps(["1: after 120 s smtp to roster duty"], {"roster duty": ("Duty", "值班")}, "zh")[0].whom
    '值班'
    """
    found = []
    for step in steps:
        if isinstance(step, Step):
            after_s, channel, key = step.after_s, step.channel, step.whom
        else:
            match = _TOLD.fullmatch(step)
            if match is None:
                continue
            after_s, channel, key = float(match[2]), match[3], match[4]
        name = names.get(key)
        shown = key.removeprefix("roster ") if name is None else name[1 if language == "zh" else 0]
        found.append(ToldStep(timedelta(seconds=after_s), after_s, channel, shown, key.startswith("roster ")))
    return found
