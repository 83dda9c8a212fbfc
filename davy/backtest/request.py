"""Reading a question as people ask it: instants, spans, values."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from core.errors import BadInput

_AGO: Final = re.compile(r"(\d{1,6})\s*(s|m|min|h|d|w)")
_UNITS: Final = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
NOW: Final = "now"


def read_instant(text: str, name: str, now: datetime) -> datetime:
    """`now`, how long ago (`7d`, `36h`), or an instant in ISO 8601; without a zone it is UTC.

    Raises:
        BadInput: it is none of them.

    >>> noon = datetime(2026, 11, 26, 12, tzinfo=UTC)
    >>> read_instant("36h", "--from", noon).isoformat(), read_instant("2026-11-26", "--to", noon).isoformat()
    ('2026-11-25T00:00:00+00:00', '2026-11-26T00:00:00+00:00')
    """
    said = text.strip()
    if said == NOW:
        return now
    if (ago := _AGO.fullmatch(said)) is not None:
        return now - int(ago[1]) * _UNITS[ago[2]]
    try:
        at = datetime.fromisoformat(said)
    except ValueError:
        raise BadInput(
            f"{name} is {said[:60]}; it must be an instant such as 2026-11-20T08:00+08:00, how long ago such as 7d or 36h, or now."
        ) from None
    return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).astimezone(UTC)
