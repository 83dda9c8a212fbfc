"""What a detector's number means to a person, with the number it was measured against: one phrase a detector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from core.model import COMPOUND


def later(text: str) -> str:
    """Marks a text for the catalogue; it is translated where it is shown."""
    return text


# In time: the parts are durations.
LASTING: Final[Mapping[str, str]] = {
    "stale": later("no reading for %(value)s, limit %(limit)s"),
    "stuck": later("unchanged for %(value)s, limit %(limit)s"),
    "time_over": later("beyond its level for %(value)s, limit %(limit)s"),
    "time_to_limit": later("reaches its limit in %(value)s, warned of from %(limit)s"),
}
# Everything else that does not say just the value of the sensor.
PHRASES: Final[Mapping[str, str]] = {
    "rate": later("%(value)s a minute, limit %(limit)s a minute"),
    "exposure": later("%(value)s at least on average, limit %(limit)s"),
    "deviation": later("%(value)s away from where it belongs, limit %(limit)s"),
    "difference": later("%(value)s apart from the sensor it is compared with, limit %(limit)s"),
    "drift": later(
        "%(value)s standard deviations gathered in its difference from the sensor it is compared with, limit %(limit)s"
    ),
    COMPOUND: later("%(value)s conditions came together, %(limit)s are enough"),
    "noise": later("roughness %(value)s times what is usual, limit %(limit)s"),
    "spike": later("jumped %(value)s times as far as ever while its normal was settled, limit %(limit)s"),
    "shift": later("the mean has moved %(value)s times as far as ever while its normal was settled, limit %(limit)s"),
    "still": later(
        "one and the same value %(value)s times as long as ever while its normal was settled, limit %(limit)s"
    ),
    "clipped": later(
        "%(value)s times as many readings at one end as ever while its normal was settled, limit %(limit)s"
    ),
    "odd": later("%(value)s on a scale where 2 is one reading in a hundred of this sensor, limit %(limit)s"),
    "unusable": later("%(value)s readings in a row that cannot be used, limit %(limit)s"),
    "outside": later("%(value)s of its range outside of what it can measure, limit %(limit)s"),
    "cusum": later("%(value)s standard deviations gathered on one side of its settled level, limit %(limit)s"),
    "ewma": later("%(value)s standard deviations from its usual level, limit %(limit)s"),
    "profile": later("%(value)s standard deviations from what is usual at this hour of the week, limit %(limit)s"),
}
# Whose number is in the unit of the sensor, or that a minute; `outside` is in percent, all else in no unit.
IN_UNITS: Final = frozenset({"limit", "rate", "deviation", "difference", "exposure"})


def unit_of(detector: str, unit: str) -> str:
    """The unit of a detector's number, where the sensor's is `unit`.

    >>> unit_of("limit", "Cel"), unit_of("outside", "Cel"), unit_of("odd", "Cel")
    ('Cel', '%', '1')
    """
    if detector in IN_UNITS:
        return unit
    return "%" if detector == "outside" else "1"
