"""Words of back-tests: states, outcomes, what changes, by how much. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from gettext import NullTranslations
from typing import Any, Final

from api.words.numbers import duration, number
from api.words.texts import later

STATES: Final = {
    "waiting": later("waiting"),
    "running": later("under way"),
    "done": later("done"),
    "failed": later("not possible"),
    "cancelled": later("called off"),
}
OUTCOMES: Final = {
    "found": later("found at the same instant"),
    "earlier": later("found earlier"),
    "later": later("found later"),
    "lost": later("lost"),
    "gained": later("found only by the proposal"),
    "neither": later("found by neither version"),
    "unknown": later("cannot be judged: readings are missing"),
}
# Letters beside the colour of a mark: nobody has to tell colours apart.
SIGNS: Final = {"found": "=", "earlier": "<", "later": ">", "lost": "×", "gained": "+", "neither": "–", "unknown": "?"}
FIELDS: Final = {
    "setpoint": later("Setpoint"),
    "deadband": later("Deadband"),
    "on_delay_s": later("On-delay (s)"),
    "off_delay_s": later("Off-delay (s)"),
    "votes": later("Votes needed"),
    "votes_of": later("Of the last numbers"),
    "priority": later("Priority"),
    "direction": later("Direction"),
    "latch": later("Latching"),
    "detector": later("Detector"),
    "other": later("Compared with"),
}
SHAPES: Final = {
    "step": later("Sudden step"),
    "ramp": later("Rise over ten minutes"),
    "slow_leak": later("Slow leak over half an hour, seen with the detector's lag"),
    "spike": later("Puff of twenty seconds"),
    "stuck": later("Signal that sticks"),
}
SIZES: Final = {"slight": later("just past the limit"), "clear": later("far past the limit")}
COUNTS: Final = (
    ("would_fire", later("Alarms")),
    ("calls", later("Times somebody is called")),
    ("notifications_per_day", later("Messages a day")),
    ("active_s", later("Time in alarm")),
    ("chatter", later("Bursts of chattering")),
    ("flood_windows", later("Ten-minute floods of the site")),
    ("fired_in_floods", later("Alarms of it within floods")),
)
REFUSALS: Final = (
    later("Choose the limit that is to be tried."),
    later("Twenty back-tests wait already; call one off, or wait until some are done."),
    later("Only who asked for a back-test can call it off, and only while it is not done."),
    later("Say from when until when."),
    later("The stretch begins at its end or after it; look at the two times."),
    later("The stretch ends in the future; it may end now at the latest."),
    later("The stretch is {days} days long; nothing is kept for longer than {most}."),
    later("{name} is {found}; it must be a number."),
    later("{key}: {name} is {found}; it must lie between 0 and {most} seconds."),
    later("{key}: deadband is {found}; it must be 0 or more."),
    later("{key}: setpoint is {found}, but the sensor measures {low} to {high}; it would never be passed."),
    later(
        "{key}: deadband is {found}, as wide as the sensor's whole range ({low} to {high}) or wider; the alarm would never end."
    ),
    later(
        "{key}: with a deadband of {found} the alarm ends at {back}, but the sensor measures {low} to {high}; it would never end."
    ),
    later(
        "{key} is a compound: its parts are put together reading by reading, and single readings of this site are kept from {begin} on. Begin the stretch then or later."
    ),
    later(
        "{key} is a compound: its parts are put together reading by reading, and no single readings of this site are kept."
    ),
    later("{key}: a compound stays one, and no other limit becomes one; leave its detector out."),
    later("{key} is a compound: it has no parameters; leave them out."),
    later("Nothing is stored of {keys} at {site} between {begin} and {end}."),
    later("There is no definition {key} at {site}; did you mean {near}?"),
    later("The back-test failed ({name}); the log of the risk process says where."),
    later(
        "Silence over {days} days cannot be tried: which minutes were watched is looked up for {most} days at most. Ask for a shorter stretch."
    ),
    later("The back-test was begun three times and never ended: the process that did it was stopped each time."),
)


def difference(texts: NullTranslations, key: str, was: float | None, would_be: float | None, locale: str) -> str:
    """In words, of one number."""
    _ = texts.gettext
    if was is None or would_be is None:
        return "—"
    if was == would_be:
        return _("the same")
    by = value(texts, key, abs(would_be - was), locale)
    return (_("%(by)s less") if would_be < was else _("%(by)s more")) % {"by": by}


def value(texts: NullTranslations, key: str, amount: float | None, locale: str) -> str:
    """One number of a version."""
    if amount is None:
        return "—"
    if key == "active_s":
        return duration(texts, timedelta(seconds=amount)) if amount else number(0, locale)
    return number(round(amount, 2), locale)


def verdict(texts: NullTranslations, told: Mapping[str, Any]) -> str:
    """Whether one person alone may make the change."""
    _ = texts.gettext
    unknown = ""
    if told.get("unknown"):
        unknown = " " + _("Could not be judged, as readings are missing: %(n)s.") % {"n": told["unknown"]}
    if not told["refused"] and not told["dangers"]:
        return (
            _("No true danger lies in this time, so none was compared; no injected incident would be lost.") + unknown
        )
    if not told["refused"]:
        return _("No true danger would be lost or found later; looked at: %(n)s.") % {"n": told["dangers"]} + unknown
    parts = [
        text % {"n": told[key]}
        for key, text in (
            ("lost", _("true dangers lost: %(n)s")),
            ("delayed", _("true dangers found later: %(n)s")),
            ("lost_injected", _("injected incidents lost: %(n)s")),
            ("endless", _("limits that would chatter without end: %(n)s")),
        )
        if told.get(key)
    ]
    return _("Refused unless two people overrule it in writing (%(what)s).") % {"what": _("; ").join(parts)} + unknown


def field(texts: NullTranslations, name: str) -> str:
    """What a field of a definition is called."""
    return texts.gettext(FIELDS[name]) if name in FIELDS else name
