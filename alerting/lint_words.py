"""What `davy alarms lint` says of limits, and how grave it is. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from core.i18n import translations
from core.model import Priority


def later(text: str) -> str:
    """Marks a text for the catalogues; it is translated when a reader is known."""
    return text


class Level(StrEnum):
    """How grave a remark is: an error is wrong whatever the plant, a warning may have its reasons."""

    ERROR = "error"
    WARNING = "warning"


# rule -> (level, sentence): what is wrong, and what would be right.
RULES: Final[Mapping[str, tuple[Level, str]]] = {
    "duplicate": (
        Level.WARNING,
        later("Says the same as %(other)s: %(number)s and %(other_number)s on one sensor. Keep one of them, or set them apart."),
    ),
    "incomplete": (
        Level.ERROR,
        later("Has no real %(missing)s. An alarm that says no consequence, no response or no time to act in is a line of a log: write it, or retire the limit."),
    ),
    "priority-mix": (
        Level.WARNING,
        later("Of %(count)s limits %(high)s %% are high or life safety, %(medium)s %% medium and %(low)s %% low. About 5, 15 and 80 %% is what people can follow (ISA-18.2-2016 and EEMUA 191, not verified against their text): lower the priority of what can wait."),
    ),
    "looser-than-standard": (
        Level.ERROR,
        later("Lets more pass than the standard of the site's jurisdiction (%(country)s): %(number)s, where %(standard)s wants %(wanted)s; the lowest that applies wins. Set %(wanted)s or stricter."),
    ),
    "no-limit": (
        Level.WARNING,
        later("Sensor %(sensor)s measures %(quantity)s and has no limit that raises an alarm; %(standard)s wants %(wanted)s."),
    ),
    "slow-on-gas": (
        Level.ERROR,
        later("Waits %(delay)s s before it raises an alarm on gas; take 5 s at most: the detector's own delay is half a minute already."),
    ),
    "deadband-too-wide": (
        Level.ERROR,
        later("Has a deadband of %(deadband)s, as wide as the sensor's whole range (%(low)s to %(high)s): it would never clear. Take 1 to 5 %% of the range."),
    ),
    "contradiction": (
        Level.ERROR,
        later("Contradicts %(other)s: %(number)s and %(other_number)s, so one of them is always in alarm. The low limit must lie below the high one."),
    ),
    "urgent-after-lesser": (
        Level.ERROR,
        later("Is reached before %(other)s though it is more urgent: %(number)s and %(other_number)s. The lesser alarm must come first, to leave time to act."),
    ),
    "out-of-range": (
        Level.ERROR,
        later("Lies outside of what its sensor measures: %(number)s, and the sensor goes from %(low)s to %(high)s. It would never be reached, or always."),
    ),
    "calibration-too-small": (
        Level.WARNING,
        later("Its calibration is too small for the false alarms that the site bears: it needs %(needs)s windows and has %(has)s. Fit the model on a longer normal interval; until then the alarm must last longer before it calls."),
    ),
    "never-reached": (
        Level.ERROR,
        later("Can never call: its setpoint is %(setpoint)s, and the number of the model in force ends at %(highest)s. Lower the setpoint, or fit the model on a longer normal interval."),
    ),
    "chatter": (
        Level.WARNING,
        later("Will chatter: no deadband and no delay on a value that moves. Take a deadband of 1 to 5 %% of the range, or an off-delay of a minute."),
    ),
    "nobody-hears": (
        Level.ERROR,
        later("%(count)s limits of priority %(priority)s raise alarms that no route carries to an active person of the company (%(keys)s). Add the priority to a route of the client's."),
    ),
}  # fmt: skip
_PRIORITIES: Final = {
    Priority.LIFE_SAFETY.value: later("Life safety"),
    Priority.HIGH.value: later("High"),
    Priority.MEDIUM.value: later("Medium"),
    Priority.LOW.value: later("Low"),
}
_MISSING: Final = {
    "consequence": later("consequence"),
    "response": later("response"),
    "time": later("time to respond"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Something to mend in the limits of a site.

    Args:
        rule: a key of `RULES`.
        limit: the limit's key; None: it is about the site, or a sensor.
        line: of the site file; 0: it came from the database.
        words: what stands in the sentence's places.
    """

    rule: str
    site: str
    limit: str | None
    line: int = 0
    words: Mapping[str, str] = field(default_factory=dict)

    @property
    def level(self) -> Level:
        """How grave it is."""
        lesser = self.rule == "nobody-hears" and self.words["priority"] == Priority.MEDIUM
        return Level.WARNING if lesser else RULES[self.rule][0]

    def said(self, language: str) -> str:
        """The sentence in a reader's language."""
        texts = translations(language)
        words = {name: self._word(texts.gettext, name, word) for name, word in self.words.items()}
        return texts.gettext(RULES[self.rule][1]) % words

    @staticmethod
    def _word(gettext: object, name: str, word: str) -> str:
        say = gettext if callable(gettext) else str
        if name == "priority":
            return str(say(_PRIORITIES[word]))
        if name == "missing":
            return str(say(", ")).join(str(say(_MISSING[each])) for each in word.split(", "))
        return word
