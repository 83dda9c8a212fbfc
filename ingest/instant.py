"""Microseconds UTC, as columns have them, and aware datetimes, as people and the database have them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def instant(us: int) -> datetime:
    """Microseconds UTC as an aware datetime.

    >>> instant(1_500_000)
    datetime.datetime(1970, 1, 1, 0, 0, 1, 500000, tzinfo=datetime.timezone.utc)
    """
    return EPOCH + timedelta(microseconds=us)


def microseconds(at: datetime) -> int:
    """The way back."""
    return (at - EPOCH) // timedelta(microseconds=1)
