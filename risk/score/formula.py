"""The formula of a site's score, as data: weights, targets and scales from packs/score, one file a version. Pure but for reading them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from itertools import pairwise
from typing import Final, Literal

import msgspec
import yaml

from core.errors import BadInput

CURRENT: Final = "control-4"


class Name(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text in both languages."""

    en: str
    zh: str


class Enough(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Below this there is no number: days with readings, and the share of readings that came."""

    days: int
    coverage: float


class Grade(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a product above `above` is called."""

    key: str
    above: float
    name: Name


class Hazard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From L x E x C to 0-100: corners of a line, rising."""

    curve: list[tuple[float, float]]
    grades: list[Grade]


class Confidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Over how many days readings are counted, and from which share a point counts as present.

    Args:
        gaps: what an hour counts for in which messages of the device are known to be missing: "missing" at most the rest of
            it, "counted" (the first two formulas, which state nothing) whatever came in it.
    """

    days: int
    present: float
    gaps: Literal["missing", "counted"] = "counted"


class Response(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Seconds to acknowledge by priority, and how many times the target leaves no points.

    Args:
        unanswered: what an alarm beyond its target that nobody has acknowledged counts as: "never" longer than any other,
            "waited" (the first formula, which states nothing) as if it had been acknowledged at the end of the day.
    """

    weight: float
    name: Name
    targets_s: Mapping[str, float]
    worst: float
    unanswered: Literal["never", "waited"] = "waited"


class Findings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much a major finding counts, how many overdue ones take half of the points."""

    weight: float
    name: Name
    major: float
    half_at: float
    assumed: float


class Burden(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something whose amount takes points: half of them at `half_at`."""

    weight: float
    name: Name
    half_at: float
    assumed: float


class Planned(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a window is a planned, short one: written down so long before it began, and so short."""

    notice_h: float
    longest_h: float


class Suppression(Burden, frozen=True, forbid_unknown_fields=True):
    """Hours in which alarms were put aside.

    Args:
        kinds: what an hour of each kind counts; empty (the first three formulas, which state nothing): what a person put aside
            alarm by alarm counts whole, what was suppressed by design does not.
    """

    kinds: Mapping[str, float] = {}
    planned: Planned = Planned(notice_h=0.0, longest_h=0.0)


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The share in calibration is the points."""

    weight: float
    name: Name


class Control(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The weighted table."""

    response: Response
    findings: Findings
    impairments: Burden
    suppression: Suppression
    calibration: Calibration


class Formula(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One version of the score.

    Args:
        davy: version of the file's form.
        level: of every interval, two-sided, between 0 and 1.
    """

    davy: str
    formula: str
    window_days: int
    level: float
    enough: Enough
    hazard: Hazard
    confidence: Confidence
    control: Control


def read_formula(text: str) -> Formula:
    """The formula that a file says.

    Raises:
        BadInput: the file is not of the form `score/1`, or its weights do not add up to 1.
    """
    try:
        found = msgspec.convert(yaml.safe_load(text), Formula)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise BadInput(f"The formula of the score cannot be read: {error}") from error
    control = found.control
    weights = sum(getattr(control, name).weight for name in control.__struct_fields__)
    if abs(weights - 1) > 1e-9:
        raise BadInput(f"The weights of {found.formula} add up to {weights:g}; they must add up to 1.")
    corners = found.hazard.curve
    if any(b[0] <= a[0] or b[1] < a[1] for a, b in pairwise(corners)):
        raise BadInput(f"The hazard curve of {found.formula} must rise from corner to corner.")
    return found


@cache
def shipped(name: str = CURRENT) -> Formula:
    """A formula that comes with Davy.

    Raises:
        BadInput: there is none of this name.
    """
    folder = resources.files("packs").joinpath("score")
    known = sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml"))
    if name not in known:
        raise BadInput(f"There is no formula {name}; there are {', '.join(known)}.")
    return read_formula(folder.joinpath(f"{name}.yaml").read_text("utf-8"))


def explaining(name: str | None) -> Formula:
    """The formula that a score was made with; the one in use where there is no score, or its formula no longer ships."""
    try:
        return shipped(name or CURRENT)
    except BadInput:
        return shipped()
