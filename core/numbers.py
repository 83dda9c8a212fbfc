"""Numbers and units as people read them, the same on pages and in messages. Pure."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

from babel.numbers import format_decimal

DIGITS: Final = 3  # significant digits of a measured value: no sensor here is better than 0.1 % of its value
LEAST, MOST = 1e-6, 1e15  # beyond them a number is a fault's, and is written with an exponent
# Codes whose sign is not just the code without brackets.
_SIGNS: Final = {
    "Cel": "°C", "[degF]": "°F", "1": "", "deg": "°", "Ohm": "Ω", "kOhm": "kΩ", "MOhm": "MΩ", "{rpm}/min": "rpm",
    "[in_i]": "in", "[ft_i]": "ft", "%{LEL}": "%LEL", "kW.h": "kWh", "W.h": "Wh",
}  # fmt: skip


def unit_sign(code: str) -> str:
    """A UCUM code as people write it.

    >>> unit_sign("[ppm]"), unit_sign("mg/m3"), unit_sign("Cel"), unit_sign("uSv/h")
    ('ppm', 'mg/m³', '°C', 'µSv/h')
    """
    if code in _SIGNS:
        return _SIGNS[code]
    sign = code.translate(str.maketrans("", "", "[]{}")).replace("m3", "m³").replace("s2", "s²").replace("m2", "m²")
    return "µ" + sign[1:] if sign.startswith("u") else sign


def number(value: float | None, locale: str = "en") -> str:
    """A value with sensible digits; an em dash where there is none.

    >>> number(43.2178), number(0.43218), number(1013.26), number(20.0), number(None), number(float("nan"))
    ('43.2', '0.432', '1,013', '20', '—', '—')
    """
    if value is None or not math.isfinite(value):
        return "—"
    if value and not LEAST <= abs(value) < MOST:
        return f"{value:.2e}"
    size = math.floor(math.log10(abs(value))) if value else 0
    decimals = min(max(DIGITS - 1 - size, 0), 6)
    return _written(round(value, decimals), decimals, locale)


@lru_cache(maxsize=4096)
def _written(value: float, decimals: int, locale: str) -> str:
    """Kept, because a list shows the same limits again and again, and Babel reads its pattern anew each time."""
    return str(format_decimal(value, format="#,##0." + "#" * decimals if decimals else "#,##0", locale=locale))


def quantity(value: float | None, code: str, locale: str = "en") -> str:
    """A value with its unit.

    >>> quantity(20.94, "%"), quantity(55.02, "%{LEL}"), quantity(1.0, "1")
    ('20.9 %', '55 %LEL', '1')
    """
    sign = unit_sign(code)
    return (
        f"{number(value, locale)} {sign}"
        if sign and value is not None and math.isfinite(value)
        else number(value, locale)
    )
