"""`davy score`: a past day worked out again from what the database holds, beside what was kept then."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import Connection

from core.db import connect
from core.errors import BadInput
from core.migrate import require_current
from davy.answer import say
from davy.site.known import require_known
from risk.report.store.arrived import first_record
from risk.score.formula import CURRENT, shipped
from risk.score.scoring import score_day
from risk.store import scores
from risk.store.scores import ScoreRow, SiteRow

NUMBERS = ("hazard", "control", "confidence")


def day_of(text: str) -> date:
    """A day as it was typed.

    >>> day_of("2026-01-31")
    datetime.date(2026, 1, 31)

    Raises:
        BadInput: it is none.
    """
    try:
        return datetime.strptime(text.strip(), "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError as error:
        said = text.strip()[:40].encode("utf-8", "backslashreplace").decode("utf-8") or "Nothing"
        raise BadInput(f"{said} is not a day; write it as 2026-01-31.") from error


def score(
    owner_url: str, *, site: str, day: date, formula: str = "", as_json: bool, now: datetime | None = None
) -> int:
    """Says the score of a day; nothing is written.

    Args:
        formula: "": the one that the day was scored with first, which it keeps; else the one in use.

    Returns:
        Exit status: 1 where a score is kept and it is another one.

    Raises:
        BadInput: there is no such site or formula, the day has not ended there, or it lies before all that is recorded.
    """
    at = now or datetime.now(UTC)
    with closing(connect(owner_url, application="score")) as connection:
        require_current(connection, "davy_owner")
        there = {row.key: row for row in scores.sites(connection)}
        require_known(site, sorted(there))
        found = there[site]
        _require_past(connection, found, day, at)
        first = next(iter(scores.scores_between(connection, found.site_id, day, day)), None)
        rule = shipped(formula or (first.formula if first else CURRENT))
        computed = score_day(connection, found, day, rule, at)
        kept = scores.find_score(connection, found.site_id, day, rule.formula)
    same = None if kept is None else _numbers(kept) == _numbers(computed)
    answer: dict[str, Any] = {
        "site": site,
        "day": day.isoformat(),
        "formula": computed.formula,
        **_numbers(computed),
        "not_enough": computed.not_enough,
        "coverage": computed.coverage,
        "simulated": computed.simulated,
        "parts": computed.parts,
        "same_as_kept": same,
    }
    if as_json:
        say(answer, as_json=True)
    else:
        print("\n".join(_lines(computed, same)))
    return 1 if same is False else 0


def _require_past(connection: Connection[Any], site: SiteRow, day: date, now: datetime) -> None:
    """Days that can be asked for: from the site's first record to yesterday, there."""
    zone = ZoneInfo(site.time_zone)
    today = now.astimezone(zone).date()
    last, begun = today - timedelta(days=1), first_record(connection, site.site_id)
    if day >= today:
        raise BadInput(f"{day} has not ended at {site.key}, where it is {today}: the last day with a score is {last}.")
    if begun is None:
        raise BadInput(f"Nothing is recorded of {site.key} yet, so no day of it has a score.")
    first = begun.astimezone(zone).date()
    if day < first:
        raise BadInput(
            f"{day} lies before all that is recorded of {site.key}: days from {first} to {last} can be asked for."
        )


def _numbers(row: ScoreRow) -> dict[str, dict[str, float] | None]:
    columns = asdict(row)
    return {
        name: None
        if columns[name] is None
        else {"value": columns[name], "low": columns[f"{name}_low"], "high": columns[f"{name}_high"]}
        for name in NUMBERS
    }


def _lines(row: ScoreRow, same: bool | None) -> list[str]:
    told = [f"{row.day} by {row.formula}:"]
    for name, number in _numbers(row).items():
        if number is None:
            told.append(f"  {name:<11} no number" + (f" ({row.not_enough})" if row.not_enough else ""))
        else:
            told.append(f"  {name:<11} {number['value']:.0f}, between {number['low']:.0f} and {number['high']:.0f}")
    for driver in row.parts["control"]:
        points = "nothing to judge by" if driver["points"] is None else f"{driver['points']:.0f} points"
        told.append(f"    {driver['key']:<12} {points}, weight {driver['weight']:g}")
    kept = {None: "No score of this day is kept.", True: "It is the one that is kept.", False: "Another one is kept."}
    return [*told, kept[same]]
