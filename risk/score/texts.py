"""The sentences of a score: why each driver has its points, for a person. Message ids; numbers are put in by who shows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

Words = Mapping[str, float]


def later(text: str) -> str:
    """Marks a text for the catalogues; it is translated when a reader is known."""
    return text


class Sentence(NamedTuple):
    """A sentence and when it is the right one; the first that fits is taken.

    Args:
        key: its id in `site_score.parts`.
        text: message id with %(places)s of the driver's words.
    """

    key: str
    text: str
    fits: Callable[[Words], bool]


def _always(words: Words) -> bool:
    return True


SENTENCES: Final[Mapping[str, Sequence[Sentence]]] = {
    "response": (
        Sentence("response.none", later("No alarm waited for anybody, so there is nothing to judge by."), lambda w: not w),
        Sentence(
            "response.unanswered",
            later(
                "%(alarms)s alarms; nobody acknowledged %(unanswered)s of them, which is more than one in ten. %(late)s more came late."
            ),
            lambda w: "ratio" not in w,
        ),
        Sentence(
            "response.missed",
            later(
                "%(alarms)s alarms; 9 of 10 were acknowledged within %(ratio)s times their target time; %(late)s came late, %(unanswered)s not at all."
            ),
            lambda w: w.get("unanswered", 0) > 0,
        ),
        Sentence(
            "response.waiting",
            later(
                "%(alarms)s alarms; 9 of 10 were acknowledged within %(ratio)s times their target time; %(late)s came late; %(waiting)s still wait."
            ),
            lambda w: w["waiting"] > 0,
        ),
        Sentence(
            "response",
            later("%(alarms)s alarms; 9 of 10 were acknowledged within %(ratio)s times their target time; %(late)s came late."),
            _always,
        ),
    ),
    "findings": (
        Sentence("findings.none", later("No finding was overdue."), lambda w: w["findings"] == 0),
        Sentence(
            "findings.one_major",
            later("1 finding, a major one, was overdue: %(days)s finding-days."),
            lambda w: w["findings"] == 1 == w["major"],
        ),
        Sentence(
            "findings.one",
            later("1 finding, not a major one, was overdue: %(days)s finding-days."),
            lambda w: w["findings"] == 1,
        ),
        Sentence(
            "findings",
            later("%(findings)s findings were overdue, %(major)s of them major: %(days)s finding-days."),
            _always,
        ),
    ),
    "impairments": (
        Sentence("impairments.none", later("No protection was out of service."), lambda w: w["impairments"] == 0),
        Sentence(
            "impairments.one",
            later("Protection was out of service once, %(hours)s hours."),
            lambda w: w["impairments"] == 1,
        ),
        Sentence(
            "impairments",
            later("Protection was out of service %(impairments)s times, %(hours)s hours together."),
            _always,
        ),
    ),
    "suppression": (
        Sentence("suppression.nothing", later("The site has no alarm of priority life-safety or high."), lambda w: not w),
        Sentence(
            "suppression.nobody",
            later("No life-safety or high alarm was put aside."),
            lambda w: "rule" in w and w["alarms"] == 0,
        ),
        Sentence(
            "suppression.one_kinds",
            later(
                "1 life-safety or high alarm was put aside, %(hours)s hours: shelved %(shelved)s h, out of service %(out_of_service)s h, in planned short windows %(planned)s h, in other windows %(window)s h, while the plant stood still or a parent alarm called %(rule)s h. %(percent)s %% of its time counts."
            ),
            lambda w: "rule" in w and w["alarms"] == 1,
        ),
        Sentence(
            "suppression.kinds",
            later(
                "%(alarms)s life-safety or high alarms were put aside, %(hours)s hours together: shelved %(shelved)s h, out of service %(out_of_service)s h, in planned short windows %(planned)s h, in other windows %(window)s h, while the plant stood still or a parent alarm called %(rule)s h. %(percent)s %% of their time counts."
            ),
            lambda w: "rule" in w,
        ),
        Sentence("suppression.none", later("No life-safety or high alarm was shelved."), lambda w: w["alarms"] == 0),
        Sentence(
            "suppression.one",
            later("1 life-safety or high alarm was shelved, %(hours)s hours: %(percent)s %% of its time."),
            lambda w: w["alarms"] == 1,
        ),
        Sentence(
            "suppression",
            later("%(alarms)s life-safety or high alarms were shelved, %(hours)s hours together: %(percent)s %% of their time."),
            _always,
        ),
    ),
    "calibration": (
        Sentence(
            "calibration.unstated",
            later("No sensor has a stated calibration; %(unstated)s mandatory ones should."),
            lambda w: w["sensors"] == 0,
        ),
        Sentence(
            "calibration.some",
            later(
                "%(overdue)s of %(sensors)s sensors with a stated calibration are overdue; %(unstated)s mandatory ones state none."
            ),
            lambda w: w["unstated"] > 0,
        ),
        Sentence(
            "calibration", later("%(overdue)s of %(sensors)s sensors with a stated calibration are overdue."), _always
        ),
    ),
}  # fmt: skip
TEXTS: Final[Mapping[str, str]] = {s.key: s.text for group in SENTENCES.values() for s in group}
