"""Limits and their changes, in words: names of fields, values with their units, what happened to a limit. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from gettext import NullTranslations
from typing import Any, Final, Protocol

from api.words.alarms import PRIORITIES, reading, said
from api.words.firing_texts import PARAMETER_TEXTS
from api.words.numbers import duration, number
from api.words.texts import later
from core.limit_form import KEEP, OWN, Field
from core.limit_rule import REALARM

# Names of the fields of `core.limit_form.FIELDS`, and of the columns that a change of them touches.
NAMES: Final = {
    "setpoint": later("Limit value"),
    "deadband": later("Deadband: how far back it must go to clear"),
    "on_delay_s": later("On-delay, seconds"),
    "off_delay_s": later("Off-delay, seconds"),
    "votes.needed": later("Votes needed: how many of the last numbers must be beyond the limit"),
    "votes.of": later("Of the last so many numbers"),
    "other": later("Compared with: another sensor of the site in the same unit, written device/sensor"),
    "priority": later("Priority"),
    "latch": later("Latch: stays until a person resets it"),
    "realarm_after_s": later("Heard again while it holds, seconds after it was acknowledged; or the word never"),
    "source": later("Where the number comes from"),
    "respond_within_s": later("Time to respond, seconds"),
    "title.en": later("Title, English"),
    "title.zh": later("Title, Chinese"),
    "consequence.en": later("What happens if nobody acts, English"),
    "consequence.zh": later("What happens if nobody acts, Chinese"),
    "response.en": later("What to do, English"),
    "response.zh": later("What to do, Chinese"),
    "retired": later("Out of use: judged no longer"),
}
COLUMNS: Final = {
    **NAMES,
    "deadband": later("Deadband"),
    "on_delay_s": later("On-delay"),
    "off_delay_s": later("Off-delay"),
    "votes": later("Votes needed"),
    "votes_of": later("Of the last numbers"),
    "latch": later("Latch"),
    "realarm_after_s": later("Heard again while it holds"),
    "respond_within_s": later("Time to respond"),
    "title": later("Title, English"),
    "title_zh": later("Title, Chinese"),
    "consequence": later("What happens if nobody acts, English"),
    "consequence_zh": later("What happens if nobody acts, Chinese"),
    "response": later("What to do, English"),
    "response_zh": later("What to do, Chinese"),
    "retired": later("Out of use"),
    "other": later("Compared with"),
    "parameters": later("Numbers of the detector"),
    "detector": later("Detector"),
    "direction": later("Direction"),
    "standard": later("Standard"),
    "edition": later("Edition"),
    "clause": later("Clause"),
    "verified_by": later("Verified by"),
    "verified_on": later("Verified on"),
}
ACTIONS: Final = {
    "limit_added": later("Set up"),
    "limit_changed": later("Changed"),
    "limit_retired": later("Taken out of use"),
    "limit_restored": later("Taken into use again"),
}
STATES: Final = {
    "proposed": later("Proposed, not in force"),
    "refused": later("Refused"),
    "withdrawn": later("Withdrawn"),
}
SOURCES: Final = {KEEP: later("The standard, or stricter"), OWN: later("The plant's own number")}
_FLAGS: Final = {True: later("yes"), False: later("no")}
_SECONDS: Final = frozenset({"on_delay_s", "off_delay_s", "respond_within_s", REALARM})


class Limited(Protocol):
    """What the words for a limit need of it."""

    @property
    def detector(self) -> str: ...
    @property
    def direction(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def setpoint(self) -> float: ...


def name_of(texts: NullTranslations, field: Field, detector: str) -> str:
    """What the form calls a field; a detector's own number as the page of what it raised calls it.

    >>> name_of(NullTranslations(), Field("parameters.memory", "parameter"), "profile")
    'Weeks remembered'
    """
    if field.name in NAMES:
        return texts.gettext(NAMES[field.name])
    name = field.name.removeprefix("parameters.")
    words = _parameter(texts, detector, name)
    return texts.gettext("%(what)s, seconds") % {"what": words} if name.endswith("_s") else words


def _parameter(texts: NullTranslations, detector: str, name: str) -> str:
    """A number of a detector in words, which may mean by it what others do not; by its own name where we have none."""
    text = PARAMETER_TEXTS.get(f"{detector}.{name}", PARAMETER_TEXTS.get(name))
    return name if text is None else texts.gettext(text)


def bound(texts: NullTranslations, limit: Limited, locale: str) -> str:
    """The number of a limit with its side and unit."""
    sign = "≥" if limit.direction == "high" else "≤"
    return f"{sign} {value(texts, limit, 'setpoint', limit.setpoint, locale)}"


def value(texts: NullTranslations, limit: Limited, name: str, content: Any, locale: str) -> str:
    """A value of one column, as people read it."""
    if content is None and name == REALARM:
        return texts.gettext("never")
    if content is None or content == "":
        return "—"
    if isinstance(content, bool):
        return texts.gettext(_FLAGS[content])
    if name == "priority":
        return said(texts, PRIORITIES, content)
    if name in _SECONDS:
        return duration(texts, float(content)) if float(content) == int(content) else f"{number(content, locale)} s"
    if name in ("setpoint", "deadband"):
        return reading(texts, _Of(limit), float(content), locale)
    if isinstance(content, Mapping):
        return (
            texts.gettext(", ").join(
                f"{_parameter(texts, limit.detector, key)} {number(each, locale)}" for key, each in content.items()
            )
            or "—"
        )
    return str(content)


def changes(
    texts: NullTranslations, limit: Limited, old: Mapping[str, Any] | None, new: Mapping[str, Any], locale: str
) -> list[tuple[str, str, str]]:
    """(field, as it was, as it became) of each column that changed, in the order of the form."""
    if old is None:
        return []
    order = list(COLUMNS)
    names = sorted(new, key=lambda name: order.index(name) if name in order else len(order))
    return [
        (
            texts.gettext(COLUMNS[name]) if name in COLUMNS else name,
            value(texts, limit, name, old.get(name), locale),
            value(texts, limit, name, new[name], locale),
        )
        for name in names
    ]


class _Of:
    """A limit as `reading` asks for one that fired."""

    def __init__(self, limit: Limited) -> None:
        self.detector, self.direction, self.unit = limit.detector, limit.direction, limit.unit
        self.setpoint, self.on_delay_s, self.first_value, self.sensor_key = limit.setpoint, 0.0, None, ""
        self.parameters: dict[str, float] = {}
