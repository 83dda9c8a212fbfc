"""The form of a route's steps: what a site file would say, as fields that a browser without scripts can send, and back. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from core.portfolio import RouteRow, Step

SPARE: Final = 1  # empty places for recipients more than there are
MOST_STEPS: Final = 60
_POSITION: Final = "roster:"
_PERSON: Final = "person:"


@dataclass(frozen=True, slots=True)
class ToForm:
    """Whom a step tells and over what, as typed: `person:KEY` or `roster:KEY`."""

    whom: str = ""
    channel: str = "preferred"


@dataclass(frozen=True, slots=True)
class StepForm:
    """One step as it stands in the form; everything as typed.

    Args:
        after: seconds after the onset.
        times, every: how often it is repeated, and after how many seconds each.
    """

    after: str = ""
    to: list[ToForm] = field(default_factory=list)
    times: str = ""
    every: str = ""

    @property
    def places(self) -> list[ToForm]:
        """Whom it tells, and a place for one more."""
        return [*self.to, *[ToForm()] * SPARE]

    def mapping(self) -> dict[str, Any]:
        """As a site file has it."""
        said: dict[str, Any] = {"after_s": self.after, "to": [_recipient(each) for each in self.to]}
        if self.times or self.every:
            said["repeat"] = {"times": self.times, "every_s": self.every}
        return said


def form_of(row: RouteRow) -> list[StepForm]:
    """The form as it is shown first; repeats stand as the steps that they are."""
    by_position: dict[int, list[Step]] = {}
    for step in row.steps:
        by_position.setdefault(step.position, []).append(step)
    return [
        StepForm(after=f"{steps[0].after_s:.12g}", to=[ToForm(whom(step), step.channel) for step in steps])
        for _, steps in sorted(by_position.items())
    ]


def whom(step: Step) -> str:
    """How the form names the recipient of a step."""
    return _POSITION + step.roster if step.roster else _PERSON + step.person


def typed_form(fields: Mapping[str, Sequence[str]]) -> list[StepForm]:
    """The steps as somebody has sent them; one that tells nobody is left out.

    >>> [step] = typed_form({"0.after": ["60"], "0.whom": ["person:li", ""], "0.channel": ["smtp", "sms"], "1.after": ["9"]})
    >>> step.mapping()
    {'after_s': '60', 'to': [{'person': 'li', 'channel': 'smtp'}]}
    """

    def one(name: str) -> str:
        return (fields.get(name) or [""])[0].strip()

    found = []
    for n in range(MOST_STEPS + 1):
        recipients = zip(fields.get(f"{n}.whom", ()), fields.get(f"{n}.channel", ()), strict=False)
        to = [ToForm(who, channel) for who, channel in recipients if who]
        step = StepForm(one(f"{n}.after"), to, one(f"{n}.times"), one(f"{n}.every"))
        if step.to:
            found.append(step)
    return found


def mappings(steps: Sequence[StepForm]) -> list[dict[str, Any]]:
    """As a site file has them, in the order of their times, so that one may be added at the end of the form for between two.

    >>> [each["after_s"] for each in mappings([StepForm("120"), StepForm("0"), StepForm("60")])]
    ['0', '60', '120']
    """
    try:
        ordered = sorted(steps, key=lambda each: float(each.after or 0))
    except ValueError:
        ordered = list(steps)  # the reader says which is no number
    return [each.mapping() for each in ordered]


def _recipient(to: ToForm) -> dict[str, str]:
    kind, _, key = to.whom.partition(":")
    return {"roster" if f"{kind}:" == _POSITION else "person": key, "channel": to.channel}
