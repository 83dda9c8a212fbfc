"""Time zones that a calendar brings along (VTIMEZONE, RFC 5545 3.6.5): for that calendar alone, and by rules that are soon worked out.

The library keeps what one calendar defines, under its name, for all that are read after it: one company's "China Standard Time" would
move another's shifts. And it works out whatever rule a zone says, each second of a century if need be, before anybody can look at a clock.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import tzinfo
from typing import Any, Final

from icalendar import Timezone
from icalendar.timezone import tzp
from icalendar.timezone.zoneinfo import ZONEINFO

from core.errors import BadInput

MOST_CHANGES: Final = 24  # rules by which the clocks of a calendar's own zones change; programs write two a zone
MOST_DATES: Final = 400  # of changes that are written out one by one
_PARTS: Final = frozenset({"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", "BYMONTH", "BYMONTHDAY"})
_ONE_AT_A_TIME: Final = threading.Lock()  # the library has one table of zones


@contextmanager
def own_zones() -> Iterator[None]:
    """While a calendar is taken apart: zones by the names of the tz database, and those that it defines itself.

    Raises:
        BadInput: it defines one that is not worked out.
    """
    with _ONE_AT_A_TIME:
        tzp.use(_Zones())
        try:
            yield
        finally:
            tzp.use_default()


class _Zones(ZONEINFO):
    """Those of one calendar."""

    def __init__(self) -> None:
        self._changes = self._dates = 0

    def create_timezone(self, tz: Timezone) -> tzinfo:  # type: ignore[override]  # as ZONEINFO has it
        """A zone that the tz database does not name."""
        name = " ".join(str(tz.get("TZID", "")).split())[:80]
        for part in tz.subcomponents:
            self._changes += 1
            self._dates += sum(len(getattr(each, "dts", ())) for each in listed(part.get("RDATE")))
            rules = listed(part.get("RRULE"))
            if len(rules) > 1 or "EXRULE" in part or not all(_is_once_a_year(rule) for rule in rules):
                raise BadInput(
                    f"The calendar has a time zone of its own ({name}) whose clocks change otherwise than once a year each way;"
                    " write a name such as Asia/Shanghai."
                )
        if self._changes > MOST_CHANGES or self._dates > MOST_DATES:
            raise BadInput(
                f"The time zones of the calendar's own have more than {MOST_CHANGES} rules or {MOST_DATES} dates;"
                " write names such as Asia/Shanghai."
            )
        return super().create_timezone(tz)


def _is_once_a_year(rule: Any) -> bool:
    """One change a year at most, such as the last Sunday of October."""
    parts = parts_of(rule)
    if [str(each).upper() for each in parts.get("FREQ", [])] != ["YEARLY"] or set(parts) - _PARTS:
        return False
    if any(int(each) < 1 for each in parts.get("INTERVAL", [])):  # which would never come to an end
        return False
    days, in_month = [str(each) for each in parts.get("BYDAY", [])], parts.get("BYMONTHDAY", [])
    within = "BYMONTH" in parts and (len(in_month) == 7 or any(each.isdigit() for each in "".join(days)))
    return len(parts.get("BYMONTH", [])) <= 1 and len(days) <= 1 and (within if days else len(in_month) <= 1)


def parts_of(rule: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The parts of a rule of repetition by their names in capitals, each as a list."""
    return {str(name).upper(): listed(values) for name, values in rule.items()}


def listed(found: Any) -> list[Any]:
    """What the library gives as nothing, as one or as a list."""
    return [] if found is None else found if isinstance(found, list) else [found]
