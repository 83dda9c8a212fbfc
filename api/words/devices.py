"""What kind of device one is. A site file says it in its own words: the usual ones are said in the reader's language, others as they are."""

from __future__ import annotations

from api.words.texts import later

DEVICE_KINDS = {
    "gateway": later("gateway"),
    "controller": later("controller"),
    "plc": later("programmable controller (PLC)"),
    "programmable controller": later("programmable controller (PLC)"),
    "gas controller": later("gas controller"),
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
