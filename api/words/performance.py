"""The words of the performance page: what each figure is called, what it should be, what a proposal says."""

from __future__ import annotations

from collections.abc import Mapping
from gettext import NullTranslations
from typing import Final

from alerting.performance_targets import OURS
from alerting.starting_points import Proposal
from alerting.store.performance import Limit
from api.performance import Figure
from api.words.numbers import duration
from api.words.texts import later
from core.numbers import number, quantity

# What the figure is -> how it is written: "count", "rate", "share".
FIGURES: Final[Mapping[str, tuple[str, str]]] = {
    "per_day": (later("Alarms a day"), "rate"),
    "per_hour": (later("Alarms an hour"), "rate"),
    "per_ten_minutes": (later("Alarms in ten minutes, on average"), "rate"),
    "most_in_ten_minutes": (later("Most alarms in any ten minutes"), "count"),
    "busy_periods": (later("Ten-minute periods with more than 10 alarms"), "share"),
    "busy_hours": (later("Hours with more than 30 alarms"), "share"),
    "flood_share": (later("Time in alarm flood (from 10 in ten minutes until fewer than 5)"), "share"),
    "top_share": (later("Share of the ten most frequent alarms"), "share"),
    "chattering": (later("Chattering alarms (three times in a minute)"), "count"),
    "fleeting": (later("Fleeting alarms (gone within a minute, and not back)"), "count"),
    "stale": (later("Stale alarms (active for more than 24 h), most on one day"), "count"),
    "urgent_share": (later("Share of the two highest priorities"), "share"),
    "medium_share": (later("Share of medium priority"), "share"),
    "nameless": (later("Suppressed with nobody's name, or without an end"), "count"),
    "told_per_day": (later("Alarms that called somebody, a day"), "rate"),
    "most_messages": (later("Most messages to one person on one day"), "count"),
    "days_over_budget": (later("Days on which somebody got more than 5 messages"), "count"),
    "night_calls_per_week": (later("Calls at night (22:00 to 06:00), a week"), "rate"),
    "precision": (later("Precision: true danger or near miss, of what was resolved with a reason"), "share"),
}
OWN: Final = ("told_per_day", "most_messages", "days_over_budget", "night_calls_per_week", "precision")
VERDICTS: Final = {"met": later("within"), "over": later("outside"), "far_over": later("far outside")}
PROPOSED: Final = {
    "deadband": later("Deadband from %(now)s to %(then)s"),
    "off_delay": later("Off-delay from %(now)s to %(then)s"),
    "on_delay": later("On-delay from %(now)s to %(then)s: only where nothing has to be done while it clears by itself"),
    "mend": later("No number helps any more: look for the cause (sensor, process, setpoint)"),
}
# state of a limit that the budget of false alarms sets -> what is said of it
BUDGET_STATES: Final[Mapping[str, str]] = {
    "kept": later("Within its part of the budget."),
    "unused": later("At the lowest setpoint there is, which uses less than its part."),
    "capped": later("Its calibration is too small for the budget; this is the most that it can."),
    "unknown": later("Too little is known of normal operation yet; the setpoint is its pack's."),
    "own": later("A person has set it; the budget leaves it alone."),
}
_AT_MOST, _BELOW, _AT_LEAST = later("at most %(n)s"), later("below %(n)s"), later("at least %(n)s")
_AND_NEVER: Final = later("%(aim)s, never above %(most)s")
LEAST_RATE: Final = 0.1  # nobody plans by a hundredth of an alarm
_NONE: Final = later("none")
_CLAUSE: Final = later(", clause %(clause)s")
_PROPOSAL: Final = later("Davy's own proposal for a part-time safety officer")
_UNVERIFIED: Final = later("%(source)s; not verified against its text")


def written(key: str, value: float | None, locale: str) -> str:
    """A figure's value as people read it.

    >>> written("busy_periods", 0.0123, "en"), written("stale", 3, "en"), written("per_day", None, "en")
    ('1.23 %', '3', '—')
    >>> written("per_day", 0.397, "en"), written("per_ten_minutes", 0.00276, "en")
    ('0.4', '< 0.1')
    """
    if value is None:
        return "—"
    if FIGURES[key][1] == "share":
        return f"{number(100 * value, locale)} %"
    if FIGURES[key][1] == "rate" and 0 < value < LEAST_RATE:
        return f"< {number(LEAST_RATE, locale)}"
    return number(round(value, 1) if FIGURES[key][1] == "rate" and value < 10 else value, locale)


def target(texts: NullTranslations, figure: Figure, locale: str) -> str:
    """What it should be."""
    if figure.aim is None:
        return "—"
    if figure.aim == 0 and not figure.least:
        return texts.gettext(_NONE)
    how = _AT_LEAST if figure.least else _BELOW if figure.below else _AT_MOST
    aim = texts.gettext(how) % {"n": written(figure.key, figure.aim, locale)}
    if figure.most is None:
        return aim
    return texts.gettext(_AND_NEVER) % {"aim": aim, "most": written(figure.key, figure.most, locale)}


def source(texts: NullTranslations, figure: Figure) -> str:
    """Where the target comes from, and that nobody has held it against the text."""
    if figure.source == OURS:
        return texts.gettext(_PROPOSAL)
    name, _, clause = (figure.source or "").partition(", clause ")
    told = name + (texts.gettext(_CLAUSE) % {"clause": clause} if clause else "")
    return texts.gettext(_UNVERIFIED) % {"source": told}


def proposed(texts: NullTranslations, proposal: Proposal, now: Limit, unit: str, locale: str) -> str:
    """What a proposal changes.

    Args:
        now: the limit as it is.
    """
    then = proposal.settings
    parts = {
        "deadband": (quantity(now.deadband, unit, locale), quantity(then.deadband, unit, locale)),
        "off_delay": (duration(texts, now.off_delay_s), duration(texts, then.off_delay_s)),
        "on_delay": (duration(texts, now.on_delay_s), duration(texts, then.on_delay_s)),
        "mend": ("", ""),
    }[proposal.what]
    sentence = PROPOSED[proposal.what]
    return texts.gettext(sentence) % {"now": parts[0], "then": parts[1]}
