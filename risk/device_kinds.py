"""What kind of device one is. A site file says it in its own words: the usual ones are said in the reader's language, others as they are. Pure."""

from __future__ import annotations

from collections.abc import Callable

from risk.report.refusal import later

DEVICE_KINDS = {
    "gateway": later("gateway"),
    "controller": later("controller"),
    "plc": later("programmable controller (PLC)"),
    "programmable controller": later("programmable controller (PLC)"),
    "gas controller": later("gas controller"),
    "gas gateway": later("gas gateway"),
    "fire alarm controller": later("fire alarm controller"),
    "tank gauging": later("tank gauging"),
    "weather station": later("weather station"),
    "pump controller": later("pump controller"),
    "motor control centre": later("motor control centre"),
    "motor protection relay": later("motor protection relay"),
    "vibration monitor": later("vibration monitor"),
    "mine monitoring substation": later("mine monitoring substation"),
    "data logger": later("data logger"),
    "model": later("Davy's models"),
    "virtual": later("Davy itself"),
}


def device_kind(gettext: Callable[[str], str], written: str) -> str:
    """The kind in the reader's language, however it is written; what the table does not know as it is.

    >>> device_kind(str, "Gas-controller"), device_kind(str, "S7-1500")
    ('gas controller', 'S7-1500')
    """
    key = " ".join(written.casefold().replace("-", " ").replace("_", " ").split())
    return gettext(DEVICE_KINDS[key]) if key in DEVICE_KINDS else written
