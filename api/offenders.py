"""The alarms that disturb most at a site, each with the next step that is worth a try. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode

from alerting.performance import AlarmCount
from alerting.starting_points import Proposal, Settings, kind_of, propose
from alerting.store.performance import Limit
from core.model import Priority

WORST: Final = 10
OFTEN_PER_WEEK: Final = 5  # announcements of one alarm from which on it counts as coming back again and again. Ours
NUISANCE: Final = 0.5  # of what was resolved, from which on most of it is one


@dataclass(frozen=True, slots=True, kw_only=True)
class Offender:
    """An alarm that disturbs, with what could be changed.

    Args:
        nuisance: share of its resolved occurrences that were one; None: none is resolved.
        backtest: the page that tries the proposal on the site's own history; None: there is nothing to try.
    """

    limit: Limit
    count: AlarmCount
    nuisance: float | None
    proposal: Proposal | None
    backtest: str | None


def offenders(
    site: str,
    limits: Sequence[Limit],
    alarms: Sequence[AlarmCount],
    resolved: Sequence[tuple[int, str, int]],
    days: float,
) -> tuple[Offender, ...]:
    """Those that disturb, the worst first: chatter and nuisance before mere frequency.

    Args:
        site: its key.
        days: of the window.
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
        disturbs = count.chatter or count.stale_s or often or (nuisance or 0.0) > 0
        if not disturbs or limit.retired:
            continue
        proposal = propose(
            _settings(limit),
            kind=kind_of(limit.quantity, limit.unit),
            span=limit.span,
            life_safety=limit.priority == Priority.LIFE_SAFETY,
            is_limit=limit.detector == "limit",
            returns=bool(count.chatter) or often,
            nothing_to_do=(nuisance or 0.0) >= NUISANCE,
        )
        found.append(
            Offender(
                limit=limit,
                count=count,
                nuisance=nuisance,
                proposal=proposal,
                backtest=_backtest(site, limit, proposal),
            )
        )
    found.sort(
        key=lambda one: (-(one.count.chatter + one.count.announced * (1 + (one.nuisance or 0.0))), one.limit.key)
    )
    return tuple(found[:WORST])


def _settings(limit: Limit) -> Settings:
    return Settings(
        setpoint=limit.setpoint,
        deadband=limit.deadband,
        on_delay_s=limit.on_delay_s,
        off_delay_s=limit.off_delay_s,
    )


def _backtest(site: str, limit: Limit, proposal: Proposal | None) -> str | None:
    """Where the proposal is tried on the site's own history before it goes live."""
    if proposal is None or proposal.what == "mend":
        return None
    then = proposal.settings
    asked = {
        "site": site,
        "definition": limit.key,
        "setpoint": f"{then.setpoint:g}",
        "deadband": f"{then.deadband:g}",
        "on_delay_s": f"{then.on_delay_s:g}",
        "off_delay_s": f"{then.off_delay_s:g}",
    }
    return f"/backtests/new?{urlencode(asked, quote_via=quote)}"
