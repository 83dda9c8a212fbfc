"""What came, held against what had to come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from simulators.stream import MICROSECONDS
from simulators.truth import Expected, Truth


@dataclass(frozen=True, slots=True)
class Raised:
    """An occurrence: the definition, the sensor, and the instant of the transition that began it, microseconds UTC."""

    definition: str
    sensor: str
    at_us: int


@dataclass(frozen=True, slots=True)
class LeadTime:
    """Seconds between the transitions and the harm they warned of; None where no such pair was."""

    min: float | None
    p50: float | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer of `davy simulate`.

    Args:
        expected: how many had to come.
        raised: how many came.
        missed: of the expected ones.
        false: of the raised ones, those that match nothing.
        allowed_false: how many of these the truth leaves open.
        too_early: of the false ones, those that came before any expected one of theirs could, or before one that is missed.
    """

    expected: int
    raised: int
    missed: int
    false: int
    allowed_false: int
    lead_time_s: LeadTime
    too_early: int

    @property
    def holds(self) -> bool:
        """Whether Davy's judgement stands up to the truth."""
        return self.missed == 0 and self.false <= self.allowed_false and self.too_early == 0


def judge(truth: Truth, raised: Iterable[Raised]) -> Outcome:
    """Match each occurrence, earliest first, to one expected alarm: of the open ones that which closes first.

    Each expected alarm takes at most one occurrence; taking the window that closes first leaves none missed that another
    choice would have matched.
    """
    occurrences = sorted(raised, key=lambda r: (r.at_us, r.definition, r.sensor))
    waiting: dict[tuple[str, str], list[Expected]] = {}
    for expected in sorted(truth.expected, key=lambda e: (e.until_us, e.from_us)):
        waiting.setdefault((expected.definition, expected.sensor), []).append(expected)
    leads: list[float] = []
    unmatched: list[Raised] = []
    for occurrence in occurrences:
        windows = waiting.get((occurrence.definition, occurrence.sensor), [])
        match = next((w for w in windows if w.from_us <= occurrence.at_us <= w.until_us), None)
        if match is None:
            unmatched.append(occurrence)
            continue
        windows.remove(match)
        if match.harm_us is not None:
            leads.append((match.harm_us - occurrence.at_us) / MICROSECONDS)
    first = {(e.definition, e.sensor): e.from_us for e in sorted(truth.expected, key=lambda e: e.from_us, reverse=True)}
    too_early = sum(
        occurrence.at_us < first.get((occurrence.definition, occurrence.sensor), occurrence.at_us)
        or any(occurrence.at_us < w.from_us for w in waiting.get((occurrence.definition, occurrence.sensor), []))
        for occurrence in unmatched
    )
    return Outcome(
        expected=len(truth.expected),
        raised=len(occurrences),
        missed=sum(len(windows) for windows in waiting.values()),
        false=len(unmatched),
        allowed_false=truth.allowed_false,
        lead_time_s=LeadTime(min(leads), median(leads)) if leads else LeadTime(None, None),
        too_early=too_early,
    )
