"""Whether a change of a route lets somebody be called later than before, or no more. Pure.

The measure is the call, as it is for limits (`core/strictness.py`): who was called by this channel is called by it, no later, as often,
and who was called with the first step still is. More people, shorter waits and more repeats are stricter. What takes the place of
somebody is looser, however good it is: two people say so where lives hang on it. `davy_route_looser()` (0031) says the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from core.model import Priority
from core.portfolio import RouteRow, Step

Whom = tuple[str, str, str]  # person, roster, channel


def carries_life(route: RouteRow) -> bool:
    """Whether the client's own people hear of life safety by it."""
    return route.audience == "client" and Priority.LIFE_SAFETY in route.priorities


def loosened(old: Iterable[Step], new: Iterable[Step]) -> list[tuple[Step, Step | None]]:
    """Calls that come later, or no more, as (how it was, how it would be); empty: nobody is called later.

    >>> from dataclasses import replace
    >>> li, wang = Step(position=0, after_s=0, person="li", channel="smtp"), Step(position=1, after_s=120, person="wang", channel="sms")
    >>> loosened([li, wang], [li, replace(wang, after_s=60), replace(wang, position=2, person="zhao")])
    []
    >>> [(step.person, None if then is None else then.after_s) for step, then in loosened([li, wang], [replace(li, after_s=30)])]
    [('li', 30), ('wang', None)]
    """
    becomes = _by_whom(new)
    found: list[tuple[Step, Step | None]] = []
    for whom, steps in _by_whom(old).items():
        later = becomes.get(whom, [])
        for k, step in enumerate(steps):
            then = later[k] if k < len(later) else None
            if then is None or then.after_s > step.after_s or (step.position == 0 and then.position != 0):
                found.append((step, then))
    return found


def _by_whom(steps: Iterable[Step]) -> dict[Whom, list[Step]]:
    found: dict[Whom, list[Step]] = defaultdict(list)
    for step in sorted(steps, key=lambda each: each.after_s):
        found[step.person, step.roster, step.channel].append(step)
    return found
