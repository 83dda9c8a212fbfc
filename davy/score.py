"""`davy score`: a past day worked out again from what the database holds, beside what was kept then."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from core.db import connect
from core.errors import BadInput
from core.migrate import require_current
from davy.answer import say
from risk.score.formula import CURRENT, shipped
from risk.score.scoring import score_day
from risk.store import scores
from risk.store.scores import ScoreRow

EARLIEST = date(2000, 1, 1)  # Davy has no readings from before; a year further back is a slip of the keys
NUMBERS = ("hazard", "control", "confidence")


def score(
    owner_url: str, *, site: str, day: date, formula: str = "", as_json: bool, now: datetime | None = None
) -> int:
    """Says the score of a day; nothing is written.

    Returns:
        Exit status: 1 where a score is kept and it is another one.

    Raises:
        BadInput: there is no such site or formula, or the day has not ended there or is too far back.
    """
    if day < EARLIEST:
        raise BadInput(f"{day} is too far back; days from {EARLIEST} to yesterday can be asked for.")
    rule, at = shipped(formula or CURRENT), now or datetime.now(UTC)
    with closing(connect(owner_url, application="score")) as connection:
        require_current(connection, "davy_owner")
        found = scores.sites(connection, site)
        if not found:
            those = ", ".join(row.key for row in scores.sites(connection)) or "none"
            raise BadInput(f"There is no site {site}; there are: {those}.")
        today = at.astimezone(ZoneInfo(found[0].time_zone)).date()
        if day >= today:
            raise BadInput(
                f"{day} has not ended at {site}, where it is {today}: the last day with a score is {today - timedelta(days=1)}."
            )
        computed = score_day(connection, found[0], day, rule, at)
        kept = scores.find_score(connection, found[0].site_id, day, rule.formula)
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
