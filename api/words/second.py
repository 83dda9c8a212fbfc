"""Words of the second opinion: what is unusual of a window, who agrees, what was left out and why. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from gettext import NullTranslations
from typing import Any, Final, Protocol

from api.words.numbers import number, quantity
from api.words.texts import later

MODELS: Final = {"pca": "PCA", "mcd": "MCD", "knn": "KNN", "iforest": "IForest"}
SAID: Final = {
    "worth": later("Worth a look"),
    "nothing": later("Nothing"),
    "sensor_fault": later("Sensor fault"),
}
SECOND_REFUSALS: Final = (
    later("Say one of: worth a look, nothing, sensor fault."),
    later("It was begun three times and never ended: the process that did it was stopped each time."),
    later("The second opinion took too long and was ended."),
    later("The second opinion ended without an answer: {problem}"),
)
_TIMES: Final = {
    "spread": later("it spreads %(times)s the usual"),
    "roughness": later("it jumps from minute to minute %(times)s the usual"),
    "bump": later("its shape within the quarter of an hour bends %(times)s the usual"),
    "range": later("from its lowest to its highest reading it is %(times)s the usual"),
    "crest factor": later("its peaks stand out %(times)s the usual (crest factor)"),
    "kurtosis": later("it knocks %(times)s the usual (kurtosis)"),
}
_BAND: Final = later("its vibration from %(band)s is %(times)s the usual")
_LEFT: Final = {
    "short": later("%(name)s: needs %(needs)s days of usual history, has %(has)s."),
    "missing": later("%(name)s: no quarter of an hour of that day had enough readings."),
    "still": later("%(name)s: has stood still for %(has)s days, and did so that day: nothing to compare it with."),
    "moved": later("%(name)s: had stood still for %(has)s days and moved that day. No model can rank that: look at it."),
    "many": later("%(name)s: the first %(needs)s of its signals that moved were judged together; each was judged by itself."),
    "bands": later("%(name)s: frequency bands need %(needs)s readings a second, it sends %(has)s; it was judged by its level, spread and shape alone."),
}  # fmt: skip
NOT_LOOKED_AT: Final = later(
    "Not looked at that night: %(n)s of %(all)s signals. A night looks at so many and no more; the next one goes on with these, and each has its turn within about %(nights)s nights."
)
MOST_TIMES: Final = 1000.0
HARDLY: Final = 0.01


class Called(Protocol):
    """What something is called."""

    @property
    def name(self) -> str: ...
    @property
    def name_zh(self) -> str: ...
    @property
    def unit(self) -> str: ...


class Windowed(Protocol):
    """A window, as far as words need it."""

    @property
    def kind(self) -> str: ...
    @property
    def models(self) -> list[str]: ...
    @property
    def facts(self) -> list[dict[str, Any]]: ...


Names = Mapping[tuple[str, int], Called]


def unusual(texts: NullTranslations, window: Windowed, names: Names, language: str, locale: str) -> list[str]:
    """What is unusual of it, the most unusual first; of a machine each with its signal."""
    if not window.facts:
        return [texts.gettext("no single number stands out: it is how they come together")]
    told = []
    for fact in window.facts:
        called = names.get(("sensor", int(fact["sensor"])))
        words = _fact(texts, fact, called.unit if called else "", locale)
        if window.kind == "asset" and called is not None:
            words = texts.gettext("%(name)s: %(what)s") % {"name": _name(called, language), "what": words}
        told.append(words)
    return told


def agreement(texts: NullTranslations, window: Windowed) -> str:
    """Which of the four find it odd."""
    if not window.models:
        return texts.gettext("No model finds it odder than 99 of 100 usual windows: the least usual of a usual night.")
    which = texts.gettext(", ").join(MODELS.get(name, name) for name in window.models)
    return texts.gettext("%(n)s of 4 models find it odder than 99 of 100 usual windows: %(which)s.") % {
        "n": len(window.models), "which": which,
    }  # fmt: skip


def left_out(texts: NullTranslations, each: Mapping[str, Any], names: Names, language: str, locale: str) -> str:
    """Why something was not judged."""
    return _left(texts, each, _left_name(texts, each, names, language), locale)


def left_out_together(
    texts: NullTranslations, left: Sequence[Mapping[str, Any]], names: Names, language: str, locale: str
) -> list[tuple[bool, str]]:
    """The same of a night, in a sentence for each reason: whether somebody should look at it, and the sentence."""
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for each in left:
        alone = each["number"] if each["why"] in ("moved", "many") else None
        groups.setdefault((each["why"], each["kind"], each.get("needs"), each.get("has"), alone), []).append(each)
    together = texts.gettext(", ")
    return [
        (why == "moved", _left(texts, same[0], together.join(_left_name(texts, e, names, language) for e in same), locale))
        for (why, *_), same in groups.items()
    ]  # fmt: skip


def _left_name(texts: NullTranslations, each: Mapping[str, Any], names: Names, language: str) -> str:
    called = names.get(("asset" if each["kind"] == "asset" else "sensor", int(each["number"])))
    return _name(called, language) if called is not None else texts.gettext("A sensor that is gone")


def _left(texts: NullTranslations, each: Mapping[str, Any], name: str, locale: str) -> str:
    words = {"name": name, "needs": number(each.get("needs"), locale), "has": number(each.get("has"), locale)}
    return texts.gettext(_LEFT[each["why"]]) % words


def not_looked_at(texts: NullTranslations, signals: int, missed: int, locale: str) -> str:
    """How many of a site's signals had no turn that night, and when they have; empty where each had."""
    if not missed:
        return ""
    looked = max(signals - missed, 1)
    return texts.gettext(NOT_LOOKED_AT) % {
        "n": number(float(missed), locale), "all": number(float(signals), locale), "nights": number(float(-(-signals // looked)), locale),
    }  # fmt: skip


def times(texts: NullTranslations, ratio: float, locale: str) -> str:
    """How many times, so that it reads well both ways.

    >>> none = NullTranslations()
    >>> times(none, 4.03, "en"), times(none, 0.25, "en"), times(none, 0.0001, "en"), times(none, 1e9, "en")
    ('4.03 times', '25 % of', 'less than 1 % of', 'more than 1,000 times')
    """
    _ = texts.gettext
    if ratio < HARDLY:
        return _("less than %(n)s %% of") % {"n": 1}
    if ratio < 1.0:
        return _("%(n)s %% of") % {"n": number(float(round(100 * ratio)), locale)}
    if ratio > MOST_TIMES:
        return _("more than %(n)s times") % {"n": number(MOST_TIMES, locale)}
    return _("%(n)s times") % {"n": number(ratio, locale)}


def _fact(texts: NullTranslations, fact: Mapping[str, Any], unit: str, locale: str) -> str:
    _ = texts.gettext
    feature = str(fact["feature"])
    if feature == "level":
        return _("its level is %(value)s, usually %(low)s to %(high)s") % {
            "value": quantity(fact["value"], unit, locale), "low": number(fact["low"], locale), "high": quantity(fact["high"], unit, locale),
        }  # fmt: skip
    if feature == "slope":
        template = _("it falls by %(value)s in a quarter of an hour, usually it changes by %(low)s to %(high)s")
        if fact["value"] >= 0:
            template = _("it rises by %(value)s in a quarter of an hour, usually it changes by %(low)s to %(high)s")
        return template % {
            "value": quantity(abs(fact["value"]), unit, locale), "low": number(fact["low"], locale), "high": quantity(fact["high"], unit, locale),
        }  # fmt: skip
    said = times(texts, float(fact["times"]), locale)
    if feature.startswith("band "):
        return _(_BAND) % {"band": feature.removeprefix("band "), "times": said}
    return _(_TIMES[feature]) % {"times": said}


def _name(called: Called, language: str) -> str:
    return called.name_zh if language == "zh" else called.name
