"""What people type into the forms of findings and impairments: days, times and places. Pure; a mistake gets a sentence.

Days and times are those of the site's clock: the form says which, and a person reads the plant's wall clock.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from typing import Final
from zoneinfo import ZoneInfo

from core.errors import Refused

_PLACE: Final = re.compile(r"s(\d{1,9})(?:z(\d{1,9}))?")
_YEARS: Final = range(2000, 2200)


def end_of_day(text: str, zone: str) -> datetime | None:
    """The last second of a day at the site, in UTC: a deadline. None where nothing was typed.

    A year far off becomes the nearest that a clock of ours can hold: the rule of the deadline refuses it and says which days
    may be chosen.

    >>> end_of_day("2026-12-01", "Asia/Shanghai"), end_of_day(" ", "UTC")
    (datetime.datetime(2026, 12, 1, 15, 59, 59, tzinfo=datetime.timezone.utc), None)

    Raises:
        Refused: no day.
    """
    if not text.strip():
        return None
    try:
        day = date.fromisoformat(text.strip())
    except ValueError as error:
        raise Refused(f"The date {text.strip()[:40]} cannot be read; write it as 2026-12-31.") from error
    day = min(max(day, date(_YEARS.start, 1, 1)), date(_YEARS.stop - 1, 12, 31))
    return datetime.combine(day, time(23, 59, 59), ZoneInfo(zone)).astimezone(UTC)


def moment(text: str, zone: str) -> datetime | None:
    """A time of the site's clock, in UTC. None where nothing was typed.

    >>> moment("2026-12-01T08:30", "Asia/Shanghai")
    datetime.datetime(2026, 12, 1, 0, 30, tzinfo=datetime.timezone.utc)

    Raises:
        Refused: no time.
    """
    if not text.strip():
        return None
    try:
        typed = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise Refused(f"The time {text.strip()[:40]} cannot be read; write it as 2026-12-31T08:30.") from error
    if typed.year not in _YEARS or typed.tzinfo is not None:
        raise Refused(f"The time {text.strip()[:40]} cannot be read; write it as 2026-12-31T08:30.")
    return typed.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def place(text: str) -> tuple[int, int | None]:
    """(site, zone or None) as the form's list of places sends it.

    >>> place("s3z12"), place("s3")
    ((3, 12), (3, None))

    Raises:
        Refused: nothing chosen, or something that was not in the list.
    """
    match = _PLACE.fullmatch(text)
    if match is None:
        raise Refused("There is no such site or zone; choose one from the list.")
    return int(match[1]), int(match[2]) if match[2] else None


def number(text: str) -> int | None:
    """An id that a list sends; None where nothing was chosen.

    Raises:
        Refused: something else.
    """
    if not text.strip():
        return None
    if not re.fullmatch(r"[0-9]{1,9}", text.strip()):
        raise Refused("That is not in the list; choose from it.")
    return int(text)
