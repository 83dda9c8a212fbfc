"""What a command names: a model of the site file, one of its versions, an instant, an interval."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import Any, Final

from psycopg import Connection

from core.batch import Float64
from core.errors import BadInput
from core.model_difference import MEMBERS, OF_FORECAST, OF_NUMBERS, WINDOW, Difference, FittedFor, differences
from detectors.models.ahead import KIND as FORECAST
from detectors.store.models import FittedRow, Plan
from detectors.store.versions import VersionRow, load_version, versions_of
from detectors.store.windows import means, window_of

LONGEST: Final = timedelta(days=31)
MOST_WINDOWS: Final = 200_000


def find_plan(plans: Sequence[Plan], asset: str) -> Plan:
    """The declared model of that key.

    Raises:
        BadInput: there is none; the sentence names those there are.
    """
    for plan in plans:
        if plan.key == asset:
            return plan
    keys = [plan.key for plan in plans]
    if not keys:
        raise BadInput(f"No asset has a model, so {asset} has none; declare one in the site file and import it.")
    near = get_close_matches(asset, keys, n=1)
    advice = f"did you mean {near[0]}?" if near else f"there are {', '.join(keys[:8])}."
    raise BadInput(f"There is no model {asset}; {advice}")


def suits(row: FittedRow, plan: Plan) -> bool:
    """Whether a version was fitted for what is declared now: members, windows, slow members, load and states; their names may be others."""
    return not unlike(row, plan)


def unlike(row: FittedRow, plan: Plan) -> str:
    """What a version was fitted for that is not declared now, as the end of a sentence; empty where it suits."""
    parts = {each.part for each in apart(row, plan)}
    if parts & {MEMBERS, WINDOW}:
        return (
            f"was fitted on {', '.join(row.members)} in windows of {row.window_s:g} s; declared now are {', '.join(plan.names)} in "
            f"windows of {plan.window_s:g} s"
        )
    if parts & OF_NUMBERS:
        return "was fitted for other slow members, another load or other states than are declared now"
    return ""


def apart(row: FittedRow, plan: Plan) -> list[Difference]:
    """In what a version was fitted for something else than is declared now."""
    was = FittedFor.of(row.members, row.window_s, row.parameters.get("setup"))
    return differences(was, FittedFor(plan.names, plan.window_s, plan.setup))


def that_judge(rows: Sequence[FittedRow], plan: Plan) -> set[str]:
    """Of the kinds of one version those that can judge what is declared now; a forecast asks nothing of states.

    Args:
        rows: of their parameters no more than `setup` is looked at.
    """
    return {row.kind for row in rows if (_foretells(row, plan) if row.kind == FORECAST else suits(row, plan))}


def _foretells(row: FittedRow, plan: Plan) -> bool:
    return plan.setup.forecast is not None and not OF_FORECAST & {each.part for each in apart(row, plan)}


def find_version(connection: Connection[Any], plan: Plan, version: int) -> list[VersionRow]:
    """Every kind of that version.

    Raises:
        BadInput: there is none; the sentence names those there are.
    """
    rows = load_version(connection, plan.asset_id, version)
    if rows:
        return rows
    there = versions_of(connection, plan.asset_id)
    told = f"there are {', '.join(map(str, there[-8:]))}" if there else "nothing was fitted yet"
    raise BadInput(f"{plan.key} has no version {version}; {told}.")


def read_instant(name: str, text: str) -> datetime:
    """An instant of the command line, with its zone.

    Raises:
        BadInput: it is none.

    >>> read_instant("from", "2026-03-01T08:00:00+08:00").isoformat()
    '2026-03-01T00:00:00+00:00'
    """
    try:
        found = datetime.fromisoformat(text)
        instant = found.astimezone(UTC) if found.tzinfo is not None else None
    except (ValueError, OverflowError):
        instant = None
    if instant is None:
        raise BadInput(f"--{name} is {text!r}; it must be an instant with its zone such as 2026-03-01T08:00:00+08:00.")
    return instant


def read_versions(text: str) -> tuple[int, int]:
    """Two versions of the command line.

    Raises:
        BadInput: they are not two numbers.

    >>> read_versions("3,4")
    (3, 4)
    """
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 2 or not all(part.isascii() and part.isdecimal() for part in parts):
        raise BadInput(f"--versions is {text!r}; it must be two versions such as 3,4, the one in force first.")
    return int(parts[0]), int(parts[1])


def check_interval(since: datetime, until: datetime, now: datetime, *, ahead: str) -> None:
    """Refuses an interval that is none.

    Args:
        ahead: why it may not lie in what is yet to come.

    Raises:
        BadInput: backwards, too long, or not over.
    """
    if until <= since:
        raise BadInput(
            f"The interval ends at {until.isoformat()} and begins at {since.isoformat()}; it must end later."
        )
    if until - since > LONGEST:
        raise BadInput(
            f"The interval is {(until - since).days} days long; {LONGEST.days} at most are looked at at once."
        )
    if until > now:
        raise BadInput(f"The interval ends at {until.isoformat()}, which is yet to come; {ahead}.")


def rows_of(connection: Connection[Any], plan: Plan, since: datetime, until: datetime) -> tuple[int, Float64]:
    """The windows of an interval: the number of the first, and shape (n, members).

    Raises:
        BadInput: more than are looked at at once.
    """
    first, last = window_of(since, plan.window_s), window_of(until, plan.window_s)
    if last - first > MOST_WINDOWS:
        raise BadInput(
            f"The interval holds {last - first} windows of {plan.window_s:g} s; {MOST_WINDOWS} at most are looked at at once."
        )
    sensors = [member.sensor_id for member in plan.members]
    return first, means(connection, sensors, first=first, count=last - first, window_s=plan.window_s)
