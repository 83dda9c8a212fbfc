"""What happened, in sentences: states, reasons, events. Pure; every function takes the reader's texts."""

from __future__ import annotations

from collections.abc import Mapping
from gettext import NullTranslations
from typing import Protocol

from api.words.numbers import duration, number, quantity, unit_sign
from api.words.texts import later
from core.model import COMPOUND
from core.sensor_faults import OF_SENSOR

PRIORITIES = {
    "life-safety": later("Life safety"),
    "high": later("High"),
    "medium": later("Medium"),
    "low": later("Low"),
}
STATES = {
    "A": later("Back to normal, to be resolved"),
    "B": later("Active, unacknowledged"),
    "C": later("Active, acknowledged"),
    "D": later("Back to normal, unacknowledged"),
    "E": later("Cleared but latched, unacknowledged"),
    "F": later("Cleared, waiting for reset"),
}
UNACKNOWLEDGED = frozenset(
    "BDE"
)  # the states that wait for somebody (ISA-18.2, api reads the letters of `alarm.state`)
RESOLUTIONS = {
    "true_danger": later("True danger"),
    "near_miss": later("Near miss"),
    "test_or_drill": later("Test or drill"),
    "nuisance": later("Nuisance: no danger, limit or delay to be reviewed"),
    "sensor_fault": later("Fault of the sensor"),
    "unknown": later("Cause unknown"),
}
ROLES = {
    "safety_officer": later("Safety officer"),
    "integrator": later("Integrator"),
    "underwriter": later("Underwriter"),
    "risk_engineer": later("Risk engineer"),
    "admin": later("Operator"),
}
_EVENTS = {
    "raise": later("Alarm raised"),
    "clear": later("Condition cleared"),
    "acknowledge": later("Acknowledged"),
    "reset": later("Latch reset"),
    "escalate": later("A higher limit on the same sensor was reached: to be acknowledged again"),
    "realarm": later("Alarm raised again: still active"),
    "shelve": later("Shelved"),
    "unshelve": later("Taken off the shelf"),
    "shelf_expired": later("Shelf time over"),
    "suppress": later("Suppressed by design"),
    "unsuppress": later("No longer suppressed by design"),
    "take_out_of_service": later("Taken out of service"),
    "return_to_service": later("Returned to service"),
    "resolve": later("Resolved"),
    "exercise_over": later("The exercise is over"),
}
# Sensors of a virtual device `_model.{asset}` (core/site_models.py); no device of a plant can have a key like these.
DEVIATION, APART, SECOND_OPINION = "_mewma", "_pca_q", "_knn"
MISSING, DRIFT, UNSEEN, AHEAD = "_missing", "_drift", "_unseen", "_ahead"
SCORES = frozenset({DEVIATION, APART, SECOND_OPINION})
CURVES = SCORES | {AHEAD}  # of Davy's own sensors those whose course says something
MODEL_SENSORS = CURVES | {MISSING, DRIFT, UNSEEN}
CHANNELS = {
    "smtp": later("E-mail"),
    "webhook": later("Webhook"),
    "wecom": later("WeCom robot"),
    "dingtalk": later("DingTalk robot"),
    "feishu": later("Feishu robot"),
    "ntfy": later("Push message"),
    "apprise": later("Another service (Apprise)"),
    "sms": later("Text message"),
    "voice": later("Telephone call"),
}
_SENDING = {
    "planned": later("planned"),
    "waiting": later("waiting to be sent"),
    "claimed": later("being sent"),
    "sent": later("sent"),
    "delivered": later("sent, and the receiver has it"),
    "seen": later("its reader has seen it"),
    "answered": later("its reader has acknowledged by its link"),
    "failed": later("failed"),
    "cancelled": later("not sent: no longer needed"),
}


class Judged(Protocol):
    """What a reason needs: an occurrence with its definition and sensor."""

    @property
    def detector(self) -> str: ...
    @property
    def direction(self) -> str: ...
    @property
    def setpoint(self) -> float: ...
    @property
    def on_delay_s(self) -> float: ...
    @property
    def parameters(self) -> dict[str, float]: ...
    @property
    def first_value(self) -> float | None: ...
    @property
    def unit(self) -> str: ...
    @property
    def sensor_key(self) -> str: ...


def said(texts: NullTranslations, table: Mapping[str, str], word: str) -> str:
    """A word of one of our tables in the reader's language; the bare word where the table does not know it."""
    return texts.gettext(table[word]) if word in table else word


def why(texts: NullTranslations, fired: Judged, sensor: str, locale: str = "en") -> str:
    """Why it fired, in one sentence, with the numbers that were used.

    Args:
        sensor: the sensor's name in the reader's language.
    """
    _ = texts.gettext
    if fired.sensor_key.startswith("_gateway."):
        return _("Davy lost contact with the device %(device)s.") % {
            "device": fired.sensor_key.removeprefix("_gateway.")
        }
    if fired.sensor_key == "_broker":
        return _("Messages from this site were lost on their way: %(value)s known missing.") % {
            "value": number(fired.first_value, locale)
        }
    if fired.sensor_key == "_clocks":
        return _("The clocks of %(value)s devices of this site were wrong when it began.") % {
            "value": number(fired.first_value, locale)
        }
    if fired.sensor_key == "_limits":
        return _("Limits of this site were judged by nobody when it began: %(value)s. Their detectors do not take them as they stand.") % {
            "value": number(fired.first_value, locale)
        }  # fmt: skip
    if fired.sensor_key == "_models":
        return _("Models of this site have stopped judging: %(value)s said nothing when it began.") % {
            "value": number(fired.first_value, locale)
        }
    if fired.sensor_key == "_spool":
        return _("%(value)s of the room is taken in which readings wait while Davy's database is away or slow.") % {
            "value": reading(texts, fired, fired.first_value, locale)
        }
    if fired.sensor_key in MODEL_SENSORS:
        return _of_a_model(texts, fired, sensor, locale)
    words = {
        "sensor": sensor,
        "value": reading(texts, fired, fired.first_value, locale),
        "limit": reading(texts, fired, fired.setpoint, locale),
        "delay": duration(texts, fired.on_delay_s),
    }
    said = _(_sentence(fired)) % words
    if fired.detector not in OF_SENSOR:
        return said
    return _(
        "%(said)s This is about the sensor itself: until it has been checked, do not rely on it, neither to warn you nor to give the all-clear."
    ) % {"said": said}


def _of_a_model(texts: NullTranslations, fired: Judged, sensor: str, locale: str) -> str:
    """What a model's number says; it is -log10 of the share of normal windows that look as odd."""
    _ = texts.gettext
    if fired.sensor_key == MISSING:
        return _("%(sensor)s: signals were missing for %(delay)s, so nobody judged whether it runs as usual.") % {
            "sensor": sensor,
            "delay": duration(texts, fired.on_delay_s),
        }
    if fired.sensor_key == DRIFT:
        return _(
            "%(sensor)s: the machine does not run as it did when its model was fitted, so the model may alarm for what is usual now, or miss "
            "what is not."
        ) % {"sensor": sensor}
    if fired.sensor_key == UNSEEN:
        return _(
            "%(sensor)s: for %(delay)s the machine has run in state %(state)s, in which its model has not seen it, so nobody judged whether "
            "it runs as usual."
        ) % {"sensor": sensor, "delay": duration(texts, fired.on_delay_s), "state": number(fired.first_value, locale)}
    if fired.sensor_key == AHEAD:
        return _("%(sensor)s: %(value)s is to be expected, beyond the limit of %(limit)s.") % {
            "sensor": sensor,
            "value": reading(texts, fired, fired.first_value, locale),
            "limit": reading(texts, fired, fired.setpoint, locale),
        }
    odds = number(None if fired.first_value is None else round(10.0 ** min(fired.first_value, 9.0)), locale)
    words = {"sensor": sensor, "odds": odds, "delay": duration(texts, fired.on_delay_s)}
    if fired.sensor_key == SECOND_OPINION:
        return (
            _(
                "%(sensor)s. Nothing near to this was seen in normal operation: at most one normal moment in %(odds)s is as odd."
            )
            % words
        )
    if fired.sensor_key == APART:
        return _("%(sensor)s. They do not go together as in normal operation: at most one normal moment in %(odds)s is as odd. It has lasted %(delay)s.") % words  # fmt: skip
    return _("%(sensor)s. They do not run as in normal operation: at most one normal moment in %(odds)s is as odd. It has lasted %(delay)s.") % words  # fmt: skip


FOREVER_S = 3_155_760_000.0  # what a time to a limit says of what does not move towards it: a century
_PLAIN = {
    "unusable",
    "spike",
    "shift",
    "still",
    "clipped",
    "noise",
    "odd",
}  # whose number is a count or a multiple, in no unit
_OWN_SENTENCES = {
    "spike": later(
        "%(sensor)s jumped %(value)s times as far as ever while its normal was settled; the limit is %(limit)s."
    ),
    "shift": later(
        "%(sensor)s has moved %(value)s times as far as ever while its normal was settled; the limit is %(limit)s."
    ),
    "still": later(
        "%(sensor)s has stood still %(value)s times as long as ever while its normal was settled; the limit is %(limit)s."
    ),
    "clipped": later(
        "%(sensor)s reads the same highest or lowest value %(value)s times as often as ever while its normal was settled; the limit is %(limit)s."
    ),
    "outside": later(
        "%(sensor)s reads what it cannot measure: %(value)s of its range beyond the end of it; the limit is %(limit)s."
    ),
    "profile": later(
        "%(sensor)s is %(value)s away from what is usual at this hour of this weekday; the limit is %(limit)s."
    ),
    "drift": later(
        "%(sensor)s and the sensor it is compared with drift apart: %(value)s have gathered in their difference; the limit is %(limit)s."
    ),
    "odd": later(
        "%(sensor)s did what it hardly ever does: %(value)s on a scale where 2 is one reading in a hundred; the limit is %(limit)s."
    ),
    "cusum": later(
        "%(sensor)s keeps to one side of its settled level: %(value)s have gathered; the limit is %(limit)s."
    ),
    "unusable": later("%(sensor)s sent %(value)s readings in a row that cannot be used; the limit is %(limit)s."),
    "deviation": later("%(sensor)s was %(value)s away from where it belongs; the limit is %(limit)s."),
    "difference": later(
        "%(sensor)s differed by %(value)s from the sensor it is compared with; the limit is %(limit)s."
    ),
    "time_to_limit": later(
        "%(sensor)s would reach its limit in %(value)s if it went on like this; warned of from %(limit)s."
    ),
    "time_over": later(
        "%(sensor)s was beyond its level for %(value)s within the time looked at; the limit is %(limit)s."
    ),
    "exposure": later("%(sensor)s: %(value)s at least on average over the time looked at; the limit is %(limit)s."),
    COMPOUND: later("%(sensor)s: %(value)s of its conditions came together; %(limit)s are enough."),
}


def _sentence(fired: Judged) -> str:
    if fired.detector == "ewma":
        return later("%(sensor)s is %(value)s away from its own usual level; the limit is %(limit)s.")
    if fired.detector == "stale" and fired.parameters.get("periods"):
        return later("%(sensor)s has sent no usable reading for %(value)s; that is longer than is usual for it.")
    if fired.detector == "stale":
        return later("%(sensor)s has sent no usable reading for %(value)s; the limit is %(limit)s.")
    if fired.detector == "stuck":
        return later("%(sensor)s has not moved for %(value)s; the limit is %(limit)s.")
    if fired.detector == "rate":
        return later("%(sensor)s changed by %(value)s; the limit is %(limit)s.")
    if fired.detector == "noise" and fired.direction == "low":
        return later(
            "%(sensor)s is smoother than ever while its normal was settled: %(value)s of the smoothest; the limit is %(limit)s."
        )
    if fired.detector == "noise":
        return later(
            "%(sensor)s is %(value)s times as rough as ever while its normal was settled; the limit is %(limit)s."
        )
    if fired.detector in _OWN_SENTENCES:
        return _OWN_SENTENCES[fired.detector]
    if fired.direction == "low":
        if fired.on_delay_s > 0:
            return later("%(sensor)s read %(value)s, at or below the limit of %(limit)s for %(delay)s.")
        return later("%(sensor)s read %(value)s, at or below the limit of %(limit)s.")
    if fired.on_delay_s > 0:
        return later("%(sensor)s read %(value)s, at or above the limit of %(limit)s for %(delay)s.")
    return later("%(sensor)s read %(value)s, at or above the limit of %(limit)s.")


def reading(texts: NullTranslations, fired: Judged, value: float | None, locale: str = "en") -> str:
    """A detector's number with the unit it has there: the sensor's, the sensor's a minute, or a time."""
    if value is None:
        return number(None)
    if fired.detector == "time_to_limit" and value >= FOREVER_S:
        return texts.gettext("never at this rate")
    if fired.detector in ("stale", "stuck", "time_over", "time_to_limit"):
        return duration(texts, value)
    if fired.detector in ("ewma", "cusum", "profile", "drift"):
        return texts.gettext("%(value)s standard deviations") % {"value": number(value, locale)}
    if fired.detector in _PLAIN:
        return number(value, locale)
    if fired.detector == "outside":
        return quantity(value, "%", locale)
    if fired.detector == "rate":
        return texts.gettext("%(value)s a minute") % {"value": quantity(value, fired.unit, locale)}
    return quantity(value, fired.unit, locale)


def limit_sign(direction: str, unit: str, setpoint: float, locale: str = "en") -> str:
    """The limit as lists show it beside a value.

    >>> limit_sign("high", "%{LEL}", 40.0)
    '≥ 40 %LEL'
    """
    return f"{'≤' if direction == 'low' else '≥'} {number(setpoint, locale)} {unit_sign(unit)}".rstrip()


def happened(texts: NullTranslations, kind: str, what: str, detail: str) -> str:
    """One line of the timeline, without who and when."""
    _ = texts.gettext
    if kind == "notification":
        return _("%(channel)s: %(state)s") % {
            "channel": said(texts, CHANNELS, what),
            "state": said(texts, _SENDING, detail),
        }
    if kind == "duty":
        if what == "nobody":
            return _("Nobody is on duty, by a person's word")
        if what == "given_back":
            return _("Duty given back")
        return (
            _("%(name)s takes over the duty") % {"name": detail} if detail else _("Somebody else takes over the duty")
        )
    if kind == "comment":
        return _("Comment")
    if kind == "assigned":
        if what == "nobody":
            return _("No longer given to anybody")
        return _("Given to %(name)s") % {"name": detail} if detail else _("Given to somebody at the company")
    if kind == "insurer":
        return _("Acknowledged for the insurer by %(name)s") % {"name": detail}
    if kind == "look":
        return _("The insurer looked at the evidence")
    if what == "realarm" and detail == "E":
        return _("People called: latched, waits for a person")
    return said(texts, _EVENTS, what)
