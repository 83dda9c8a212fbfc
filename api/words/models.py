"""The words of a model's card. Pure."""

from __future__ import annotations

from gettext import NullTranslations
from typing import Final

from api.calibration import FEWEST, KEPT, OFTEN, SELDOM, UNKNOWN, Calibrated
from api.words.numbers import number
from api.words.texts import later

KINDS: Final = {
    "mewma": later("how far the signals are from how they go together in normal operation"),
    "knn": later("how far a moment is from anything that was seen in normal operation"),
    "pca_q": later("whether its signals still follow each other as they usually do"),
    "forecast": later("what of one of its signals is to come"),
    "innovation": later("what nothing in the moment before foretold"),
}
SHORT_KINDS: Final = {
    "_mewma": later("All signals together"),
    "_pca_q": later("How its signals go together"),
    "_knn": later("All signals together, judged another way"),
    "_unseen": later("State that it has not seen"),
    "_forecast": later("What is to come"),
    "_ahead": later("What is to come"),
    "_drift": later("Misfit of its model"),
    "_missing": later("Signals missing"),
}
# How much of the past a number needs before it says anything, as the kinds themselves state it.
WARM_UPS: Final = {
    "mewma": later("After a gap it says nothing for eight windows: it looks at thirty, and needs most of them."),
    "pca_q": later("After a gap it says nothing for eight windows: it looks at thirty, and needs most of them."),
    "knn": later("It looks at one window by itself, and judges the first one after a gap."),
    "forecast": later("It looks at twenty-four windows, and says nothing while one of them is missing."),
    "innovation": later("After a gap it says nothing for nine windows."),
}
STANDINGS: Final = {
    "in_force": later("in force"),
    "shadow": later("in shadow: it judges beside, and alarms nobody"),
    "earlier": later("earlier"),
}
# Why a stretch was cut from what a model learnt from (davy/models/flagged.py).
CUTS: Final = {
    "danger": later("people resolved it as a danger or a near miss"),
    "open": later("the occurrence was still open"),
    "alarm": later("in alarm"),
    "order": later("under an order that puts alarms aside"),
    "quality": later("readings of doubtful quality, or of a wrong clock"),
}
# What fitting said of its interval, as detectors/models/fitting.py and davy/models/forecasting.py write it.
NOTICES: Final = (
    later(
        "Fitted as an interval that may not be normal throughout: {out} of its {whole} windows were left out as unlike the others."
    ),
    later(
        "The interval: {first} windows in the earlier half and {second} in the later one; to be judged it needs {least} and {late}."
    ),
    later(
        "State {state}: {first} windows in the earlier half and {second} in the later one; to be judged it needs {least} and {late}."
    ),
    later(
        "The interval: a member never moved in it, so nothing is learnt of it; say `judged: false` if it rests there."
    ),
    later(
        "State {state}: a member never moved in it, so nothing is learnt of it; say `judged: false` if it rests there."
    ),
    later(
        "{kind}, State {state}: the later half of the interval is {times} times as odd as the earlier half. It may hold two operating points, or something that was not normal: look at it, or choose another."
    ),
    later(
        "{kind}: the later half of the interval is {times} times as odd as the earlier half. It may hold two operating points, or something that was not normal: look at it, or choose another."
    ),
    later(
        "forecast: {sensor} within {seconds} s; in one of twenty windows that it was not made from it was higher by more than {by}."
    ),
    later(
        "forecast: {sensor} within {seconds} s; in one of twenty windows that it was not made from it was lower by more than {by}."
    ),
)
MOST_RARE: Final = 15.0  # from 10 ** 15 on a number is written with an exponent, and no calibration has so many windows
KIND_WORDS: Final = {kind: SHORT_KINDS[f"_{kind}"] for kind in ("mewma", "pca_q", "knn")}
_VERDICTS: Final = {
    KEPT: later(
        "One window in a hundred should come to 2 or more in normal operation; it was %(share)s in a hundred. The number means what it says."
    ),
    OFTEN: later(
        "One window in a hundred should come to 2 or more in normal operation; it was %(share)s in a hundred. The machine is not what it was when this was fitted, or something is wrong that nobody has resolved: look at it, then fit it anew."
    ),
    SELDOM: later(
        "One window in a hundred should come to 2 or more in normal operation; it was only %(share)s in a hundred. It tells later than it could: fit it on a calmer stretch."
    ),
    UNKNOWN: later(
        "Too few windows have been judged since to say whether the number means what it says: %(windows)s, and %(fewest)s are needed."
    ),
}


def verdict(texts: NullTranslations, found: Calibrated, locale: str) -> str:
    """What the calibration comes to, in a sentence."""
    share = "—" if found.share is None else number(100 * found.share, locale)
    counts = {"windows": number(float(found.windows), locale), "fewest": number(float(FEWEST), locale)}
    return texts.gettext(_VERDICTS[found.verdict]) % {"share": share, **counts}


def rarity(texts: NullTranslations, score: float, locale: str) -> str:
    """What a model's number says, in words: 2 is one normal window in a hundred.

    Empty where it is beyond what a calibration can say: a setpoint is whatever somebody has typed.

    >>> rarity(NullTranslations(), 2.3, "en"), rarity(NullTranslations(), 400.0, "en")
    ('one normal window in 200', '')
    """
    if not 0.0 <= score <= MOST_RARE:
        return ""
    return texts.gettext("one normal window in %(n)s") % {"n": number(float(round(10.0**score)), locale)}
