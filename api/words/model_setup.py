"""Words for a version of a model that was fitted for another setup than the site file declares now. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from gettext import NullTranslations
from typing import Any, Final

from api.words.numbers import number
from api.words.texts import later
from core.model_difference import FORECAST, LOAD, MEMBERS, OF_NUMBERS, SLOW, STATES, WINDOW, Difference

PARTS: Final = {
    MEMBERS: later("Signals"),
    WINDOW: later("Length of a window"),
    SLOW: later("Slow signals"),
    LOAD: later("Signals that drive the slow ones or tell the load"),
    STATES: later("States of the machine"),
    FORECAST: later("What is forecast"),
}
SILENT: Final = later(
    "It does not judge: version %(version)s, which is in force, was fitted for another setup than the site file declares now. Limits are judged and people are called all the same. Fit a version for the setup of now and put it in force."
)
SAYS_LESS: Final = later(
    "It makes no forecast: version %(version)s, which is in force, was fitted for another one than the site file declares now. Its other numbers are judged. Fit a version for the setup of now and put it in force."
)


def verdict(texts: NullTranslations, found: Sequence[Difference], version: int) -> str:
    """What follows from them, in a sentence; empty where there is none."""
    if not found:
        return ""
    silent = any(each.part in OF_NUMBERS for each in found)
    return texts.gettext(SILENT if silent else SAYS_LESS) % {"version": version}


def lines(
    texts: NullTranslations, found: Sequence[Difference], names: Mapping[str, str], language: str, locale: str
) -> list[str]:
    """Each part in which the two are apart, with what it was and what it is.

    Args:
        names: what signals are called, by `device/sensor`; others are called by that.
    """
    return [_line(texts, each, names, language, locale) for each in found]


def _line(texts: NullTranslations, each: Difference, names: Mapping[str, str], language: str, locale: str) -> str:
    part = texts.gettext(PARTS[each.part])
    if each.part == MEMBERS:
        return _members(texts, part, each.was, each.now, names)
    was, now = (_value(texts, each.part, value, names, language, locale) for value in (each.was, each.now))
    return texts.gettext("%(part)s: it was fitted for %(was)s, declared now: %(now)s.") % {
        "part": part, "was": was, "now": now,
    }  # fmt: skip


def _members(
    texts: NullTranslations, part: str, was: Sequence[str], now: Sequence[str], names: Mapping[str, str]
) -> str:
    gone, new = ([name for name in one if name not in other] for one, other in ((was, now), (now, was)))
    told = []
    if new:
        told.append(texts.gettext("new: %(which)s") % {"which": _named(texts, new, names)})
    if gone:
        told.append(texts.gettext("no longer declared: %(which)s") % {"which": _named(texts, gone, names)})
    if not told:
        told.append(texts.gettext("the same in another order"))
    return texts.gettext("%(part)s: %(what)s.") % {"part": part, "what": texts.gettext("; ").join(told)}


def _value(texts: NullTranslations, part: str, value: Any, names: Mapping[str, str], language: str, locale: str) -> str:
    _ = texts.gettext
    if value is None:
        return _("none")
    if part == WINDOW:
        return _("%(n)s s") % {"n": number(float(value), locale)}
    if part == FORECAST:
        template = _("the highest of %(name)s within %(n)s s")
        if value["falling"]:
            template = _("the lowest of %(name)s within %(n)s s")
        return template % {"name": names.get(value["of"], value["of"]), "n": number(float(value["ahead_s"]), locale)}
    if part == STATES:
        return _states(texts, value, names, language, locale)
    return _named(texts, value, names)


def _states(
    texts: NullTranslations, value: Mapping[str, Any], names: Mapping[str, str], language: str, locale: str
) -> str:
    _ = texts.gettext
    if value["by"] is None:
        return _("%(n)s, found by the load") % {"n": number(float(value["count"]), locale)}
    told = []
    for state in value["are"]:
        name = state["name_zh"] if language == "zh" else state["name"]
        below = "" if state["below"] is None else _(" below %(n)s") % {"n": number(float(state["below"]), locale)}
        told.append(name + below + ("" if state["judged"] else _(" (not judged)")))
    return _("by %(name)s: %(states)s") % {"name": names.get(value["by"], value["by"]), "states": _(", ").join(told)}


def _named(texts: NullTranslations, which: Sequence[str], names: Mapping[str, str]) -> str:
    return texts.gettext(", ").join(names.get(name, name) for name in which)
