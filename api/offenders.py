"""The alarms that disturb most at a site, each with the next step that is worth a try. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from urllib.parse import quote, urlencode

from alerting.performance import AlarmCount
from alerting.starting_points import Proposal, Settings, propose
from alerting.store.performance import Limit
from core.model import Priority
from core.signal_kind import kind_of

WORST: Final = 10
OFTEN_PER_WEEK: Final = 5  # announcements of one alarm from which on it counts as coming back again and again. Ours
MOVED: Final = ("deadband", "on_delay_s", "off_delay_s")  # what a proposal may move, as the form of back-tests calls it
NUISANCE: Final = 0.5  # of what was resolved, or of the people who rated it, from which on most of it is one
LEAST_VOICES: Final = 2  # people who say so, before their word alone proposes a change: one may be tired. Ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Offender:
    """An alarm that disturbs, with what could be changed.

    Args:
        nuisance: share of its resolved occurrences that were one; None: none is resolved.
        disturbed, rated: how many people said of it that it disturbs, and how many said anything.
        backtest: the page that tries the proposal on the site's own history; None: there is nothing to try.
    """

    limit: Limit
    count: AlarmCount
    nuisance: float | None
    proposal: Proposal | None
    backtest: str | None
    disturbed: int = 0
    rated: int = 0


def offenders(
    limits: Sequence[Limit],
    alarms: Sequence[AlarmCount],
    resolved: Sequence[tuple[int, str, int]],
    days: float,
    voices: Mapping[int, tuple[int, int]] = MappingProxyType({}),
) -> tuple[Offender, ...]:
    """Those that disturb, the worst first: chatter and nuisance before mere frequency.

    Args:
        days: of the window.
        voices: limit -> how many people said that it disturbs, how many said anything.
    """
    said: dict[int, Counter[str]] = defaultdict(Counter)
    for definition_id, reason, times in resolved:
        said[definition_id][reason] += times
    found = []
    for count in alarms:
        limit = limits[count.alarm]
        reasons = said[limit.definition_id]
        nuisance = reasons["nuisance"] / reasons.total() if reasons else None
        often = count.announced / days * 7 >= OFTEN_PER_WEEK
        disturbed, rated = voices.get(limit.definition_id, (0, 0))
        disturbs = count.chatter or count.stale_s or often or (nuisance or 0.0) > 0 or disturbed > 0
        most_say_so = disturbed >= LEAST_VOICES and disturbed / rated >= NUISANCE
        if not disturbs or limit.retired:
            continue
        proposal = propose(
            _settings(limit),
            kind=kind_of(limit.unit, limit.quantity),
            unit=limit.unit,
            span=limit.span,
            way_back=limit.way_back,
            life_safety=limit.priority == Priority.LIFE_SAFETY,
            is_limit=limit.detector == "limit",
            returns=bool(count.chatter) or often,
            nothing_to_do=(nuisance or 0.0) >= NUISANCE or most_say_so,
        )
        found.append(
            Offender(
                limit=limit,
                count=count,
                nuisance=nuisance,
                proposal=proposal,
                backtest=_backtest(limit, proposal),
                disturbed=disturbed,
                rated=rated,
            )
        )
    found.sort(
        key=lambda one: (
            -(one.count.chatter + one.count.announced * (1 + (one.nuisance or 0.0)) + one.disturbed),
            one.limit.key,
        )
    )
    return tuple(found[:WORST])


def _settings(limit: Limit) -> Settings:
    return Settings(
        setpoint=limit.setpoint,
        deadband=limit.deadband,
        on_delay_s=limit.on_delay_s,
        off_delay_s=limit.off_delay_s,
    )


def _backtest(limit: Limit, proposal: Proposal | None) -> str | None:
    """Where the proposal is tried on the site's own history before it goes live."""
    if proposal is None or proposal.what == "mend":
        return None
    now, then = _settings(limit), proposal.settings
    moved = {name: getattr(then, name) for name in MOVED if getattr(then, name) != getattr(now, name)}
    return f"/backtests?{urlencode({'definition': limit.definition_id, **moved}, quote_via=quote)}"
