"""Why it fired, as a person would say it: one sentence a detector, and the lines that stand below it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from gettext import NullTranslations
from typing import Final, Protocol

from api.words.alarms import FOREVER_S, MODEL_SENSORS, reading, why
from api.words.firing_texts import (
    MODEL,
    NOTE_TEXTS,
    OF_SENSOR_TEXT,
    PARAMETER_TEXTS,
    PROBLEM_TEXTS,
    PURPOSE_TEXTS,
    SENTENCES,
    TAILS,
)
from api.words.numbers import duration, instant, number, quantity
from core.sensor_faults import OF_SENSOR
from detectors.why.told import Firing, Usual

NO_RATIO: Final = frozenset({"Cel", "[degF]"})  # 40 °C is not twice 20 °C
RATIOS: Final = (0.1, 5.0)  # beyond these a share of what is usual says less than the two numbers
RARE: Final = 0.05  # of its numbers beyond the limit: above it nothing is usual that could be told
LIKE: Final = 0.03  # so near to what is usual a percentage says nothing
_PLACES: Final = {"ewma": "value", "deviation": "value", "shift": "mean"}  # which fact is held against the level
# Whose number is a value of the sensor, so that what is usual is said in its unit and by its bounds.
_VALUES: Final = frozenset({"limit", "exposure"})
_TIMES: Final = frozenset({"stale", "stuck", "time_over", "time_to_limit"})
_SECONDS: Final = frozenset(
    {"window_s", "memory_s", "hold_s", "relearn_s", "renew_s", "period_s", "ceiling_s", "mean_s"}
)
_IN_UNIT: Final = frozenset({"tolerance", "reference", "limit", "level", "low", "high"})


class Subject(Protocol):
    """The sensor an alarm is on, with the names a reader knows it by."""

    @property
    def sensor_key(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def time_zone(self) -> str: ...


@dataclass(frozen=True, slots=True)
class _Fired:
    """What `api.words.alarms.reading` asks of an occurrence, of a firing."""

    detector: str
    direction: str
    setpoint: float
    on_delay_s: float
    parameters: dict[str, float]
    first_value: float | None
    unit: str
    sensor_key: str


class Telling:
    """A firing in one reader's language.

    Args:
        names: of the sensor, and of the one it is compared with, in that language.
    """

    def __init__(
        self, texts: NullTranslations, firing: Firing, about: Subject, names: tuple[str, str | None], locale: str
    ) -> None:
        self._texts, self._locale, self._zone = texts, locale, about.time_zone
        self.firing, self._unit, self._names = firing, about.unit, names
        self._is_virtual = about.sensor_key.startswith("_")
        judged = firing.judged
        self._fired = _Fired(
            judged.detector, judged.direction, judged.setpoint, judged.on_delay_s, judged.parameters, firing.recorded,
            about.unit, about.sensor_key,
        )  # fmt: skip

    def sentence(self) -> str | None:
        """In one sentence; None where what is known is not enough for one, and of Davy's own sensors, which have their own."""
        if self._is_virtual or self.firing.problem is not None:
            return None
        words = self._words()
        for text, needs in SENTENCES.get(self._case(), ()):
            if all(words.get(name) is not None for name in needs):
                told = self._texts.gettext(text) % words
                tail = self._tail(text)
                both = self._texts.gettext("%(sentence)s %(tail)s")
                return both % {"sentence": told, "tail": tail} if tail else told
        return None

    def said(self) -> str:
        """The sentence; where there is none, the plain one of every page."""
        return self.sentence() or why(self._texts, self._fired, self._names[0], self._locale)

    def purpose(self) -> str:
        """What the detector is for."""
        name = MODEL if self._fired.sensor_key in MODEL_SENSORS else self.firing.judged.detector
        return self._texts.gettext(PURPOSE_TEXTS.get(name, PURPOSE_TEXTS[""]))

    def number(self, value: float | None) -> str:
        """A number of the detector, with its unit; short times not in whole seconds alone."""
        if value is not None and self.firing.judged.detector in _TIMES and value < 60.0:
            return self._texts.gettext("%(n)s s") % {"n": number(round(value, 1), self._locale)}
        return reading(self._texts, self._fired, value, self._locale)

    def problem(self) -> str | None:
        """Why nothing can be drawn."""
        return None if self.firing.problem is None else self._texts.gettext(PROBLEM_TEXTS[self.firing.problem])

    def notes(self) -> list[str]:
        """What a reader must know of what is drawn; of a fault of the sensor first that it is one, where the sentence has not said it."""
        words = {"recorded": self.number(self.firing.recorded), "played": self.number(self.firing.played)}
        of_sensor = self.firing.judged.detector in OF_SENSOR and self.sentence() is not None
        return [
            *([self._texts.gettext(OF_SENSOR_TEXT)] if of_sensor else []),
            *(self._texts.gettext(NOTE_TEXTS[note]) % words for note in self.firing.notes if note in NOTE_TEXTS),
        ]

    def parameters(self) -> list[tuple[str, str]]:
        """What the detector was set to: a name and a value each; by its own name where we have no word for it."""
        return [
            (self._called(name), self._setting(name, value)) for name, value in self.firing.judged.parameters.items()
        ]

    def _called(self, name: str) -> str:
        for key in (f"{self.firing.judged.detector}.{name}", name):
            if key in PARAMETER_TEXTS:
                return self._texts.gettext(PARAMETER_TEXTS[key])
        return name

    def usual(self) -> str:
        """What its number was before."""
        _, usual = self._texts.gettext, self.firing.usual
        if usual is None:
            return _("not known: there were too few readings before it")
        words = {**self._bounds(usual), "n": usual.numbers, "since": self.at(usual.since_ms), "beyond": usual.beyond}
        if usual.beyond:
            return (
                _("%(low)s to %(high)s, %(middle)s in the middle, since %(since)s (numbers: %(n)s; beyond the limit: %(beyond)s)")
                % words
            )  # fmt: skip
        return _("%(low)s to %(high)s, %(middle)s in the middle, since %(since)s (numbers: %(n)s)") % words

    def at(self, ms: float) -> str:
        """An instant at the site."""
        return instant(datetime.fromtimestamp(ms / 1000, UTC), self._zone)

    def _bounds(self, usual: Usual) -> dict[str, str]:
        return {name: self.number(getattr(usual, name)) for name in ("low", "middle", "high")}

    def _tail(self, text: str) -> str:
        """What is usual, behind the sentence."""
        usual = self.firing.usual
        if usual is None or usual.most is None or text in TAILS.without or usual.beyond > RARE * usual.numbers:
            return ""
        if self.firing.judged.detector in _VALUES:
            return self._texts.gettext(TAILS.between) % self._bounds(usual)
        is_low = self.firing.judged.direction == "low"
        most = (
            usual.most if not usual.beyond else usual.low if is_low else usual.high
        )  # one more hardly ever fits in between
        return self._texts.gettext(TAILS.at_least if is_low else TAILS.at_most) % {"most": self.number(most)}

    def _case(self) -> str:
        """Which sentences: of the detector, and of the side where it has two."""
        judged = self.firing.judged
        if judged.detector in ("limit", "noise") and judged.direction == "low":
            return f"{judged.detector}.low"
        side = self.firing.facts.get("side")
        if judged.detector in ("ewma", "cusum", "clipped") and side is not None:
            return f"{judged.detector}.{'above' if side > 0 else 'below'}"
        if judged.detector == "time_over" and judged.parameters.get("below"):
            return "time_over.below"
        return judged.detector

    def _words(self) -> dict[str, str | None]:
        facts, judged = self.firing.facts, self.firing.judged
        recorded = self.firing.recorded if self.firing.recorded is not None else self.firing.played
        words: dict[str, str | None] = {
            name: quantity(value, self._unit, self._locale) for name, value in facts.items() if name not in _WRITTEN
        }
        words.update({name: write(self, facts[name]) for name, write in _WRITTEN.items() if name in facts})
        return {
            **words,
            "sensor": self._names[0],
            "other_name": self._names[1],
            "number": None if recorded is None else self.number(recorded),
            "setpoint": self.number(judged.setpoint),
            "delay": duration(self._texts, judged.on_delay_s) if judged.on_delay_s else None,
            "window": self._window(),
            "level_set": self._in_unit("level"),
            "low_set": self._in_unit("low"),
            "high_set": self._in_unit("high"),
            "percent": self._percent(),
        }

    def _window(self) -> str | None:
        width = self.firing.judged.parameters.get("window_s")
        return duration(self._texts, width) if width else None

    def _in_unit(self, name: str) -> str | None:
        value = self.firing.judged.parameters.get(name)
        return None if value is None else quantity(value, self._unit, self._locale)

    def _percent(self) -> str | None:
        """How much of what is usual it is, where a share has a meaning."""
        level = self.firing.facts.get("level", 0.0)
        value = self.firing.facts.get(_PLACES.get(self.firing.judged.detector, ""), 0.0)
        if self._unit in NO_RATIO or level <= 0.0 or not RATIOS[0] <= value / level <= RATIOS[1]:
            return None
        share = value / level
        return None if abs(share - 1.0) <= LIKE else f"{number(round(100 * share), self._locale)} %"

    def _setting(self, name: str, value: float) -> str:
        if name in _SECONDS:
            return duration(self._texts, value) if value >= 1.0 or not value else f"{number(value, self._locale)} s"
        return quantity(value, self._unit, self._locale) if name in _IN_UNIT else number(value, self._locale)


def _count(telling: Telling, value: float) -> str:
    return number(value, telling._locale)


def _multiple_of_slope(telling: Telling, value: float) -> str:
    return quantity(abs(value), telling._unit, telling._locale)


def _share(telling: Telling, value: float) -> str:
    return f"{number(value, telling._locale)} %"


def _time(telling: Telling, value: float) -> str:
    return duration(telling._texts, min(value, FOREVER_S)) if value >= 1.0 else f"{number(value, telling._locale)} s"


_WRITTEN: Final[Mapping[str, Callable[[Telling, float], str]]] = {
    "odds": lambda telling, value: number(round(value), telling._locale),
    "rests": _count,
    "usual_rest": _count,
    "side": _count,
    "share": _share,
    "usual_share": _share,
    "pause": _time,
    "pause_most": _time,
    "since_ms": Telling.at,
    "slope": _multiple_of_slope,
}
