"""Durations and instants as people read them; numbers and units are those of `core.numbers`. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from gettext import NullTranslations
from zoneinfo import ZoneInfo

from core.numbers import number as number
from core.numbers import quantity as quantity
from core.numbers import unit_sign as unit_sign

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def duration(texts: NullTranslations, length: timedelta | float) -> str:
    """A length of time in at most two units, never rounded up.

    >>> none = NullTranslations()
    >>> duration(none, 95.4), duration(none, 300), duration(none, 3720), duration(none, timedelta(days=2, hours=3))
    ('1 min 35 s', '5 min', '1 h 2 min', '2 d 3 h')
    """
    _ = texts.gettext
    seconds = int(max(length.total_seconds() if isinstance(length, timedelta) else length, 0))
    if seconds < _MINUTE:
        return _("%(n)s s") % {"n": seconds}
    if seconds < _HOUR:
        parts = [_("%(n)s min") % {"n": seconds // _MINUTE}, _("%(n)s s") % {"n": seconds % _MINUTE}]
        rest = seconds % _MINUTE
    elif seconds < _DAY:
        parts = [_("%(n)s h") % {"n": seconds // _HOUR}, _("%(n)s min") % {"n": seconds % _HOUR // _MINUTE}]
        rest = seconds % _HOUR // _MINUTE
    else:
        parts = [_("%(n)s d") % {"n": seconds // _DAY}, _("%(n)s h") % {"n": seconds % _DAY // _HOUR}]
        rest = seconds % _DAY // _HOUR
    return " ".join(parts if rest else parts[:1])


def off_by(texts: NullTranslations, length: timedelta | float) -> str:
    """By how much a clock is wrong: in hours up to four days, as it is on the clock that people compare.

    >>> none = NullTranslations()
    >>> off_by(none, 27 * 3600 + 185), off_by(none, 95), off_by(none, 1.8e9)
    ('27 h 3 min', '1 min 35 s', '20833 d 8 h')
    """
    seconds = round(length.total_seconds() if isinstance(length, timedelta) else length)
    if not _DAY <= seconds < 4 * _DAY:
        return duration(texts, seconds)
    parts = [texts.gettext("%(n)s h") % {"n": seconds // _HOUR}]
    if seconds % _HOUR // _MINUTE:
        parts.append(texts.gettext("%(n)s min") % {"n": seconds % _HOUR // _MINUTE})
    return " ".join(parts)


def instant(at: datetime, zone: str, now: datetime | None = None) -> str:
    """An instant in a site's time zone, to the second; only the time of day where it is the same day as `now` there.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 11, 23, 4, 0, 5, tzinfo=UTC)
    >>> instant(noon, "Asia/Shanghai"), instant(noon, "Asia/Shanghai", noon)
    ('2026-11-23 12:00:05', '12:00:05')
    """
    there = at.astimezone(ZoneInfo(zone))
    if now is not None and now.astimezone(ZoneInfo(zone)).date() == there.date():
        return there.strftime("%H:%M:%S")
    return there.strftime("%Y-%m-%d %H:%M:%S")


def noon(at: datetime, zone: str) -> datetime:
    """Noon of that day at the site: what is written with it in place of `now` stays the same until midnight there.

    >>> from datetime import UTC
    >>> noon(datetime(2026, 11, 22, 16, 0, tzinfo=UTC), "Asia/Shanghai").isoformat()
    '2026-11-23T12:00:00+08:00'
    """
    return at.astimezone(ZoneInfo(zone)).replace(hour=12, minute=0, second=0, microsecond=0)


def day(at: datetime, zone: str) -> str:
    """The day of an instant at the site.

    >>> from datetime import UTC
    >>> day(datetime(2026, 12, 1, 15, 59, 59, tzinfo=UTC), "Asia/Shanghai")
    '2026-12-01'
    """
    return at.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d")
