"""The underwriter's table: which columns, in which order, which sites, and the same as CSV. Pure."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from api.store.portfolio import SiteLine, insured_of
from api.words.texts import later

LOW_CONFIDENCE: Final = 60.0  # below, a score is shown grey and with words: too little is known
WEAK_CONTROL: Final = 60.0  # below, a site wants attention

Value = float | str | Decimal | None


class Column(NamedTuple):
    """Something to sort by.

    Args:
        key: in the address.
        title: message id.
        of: the value of a site; None stands last, whichever way round.
        falling: whether the first click shows the largest first.
    """

    key: str
    title: str
    of: Callable[[SiteLine], Value]
    falling: bool


def figure(line: SiteLine, name: str) -> float | None:
    """One of the figures kept with the score."""
    return (line.figures or {}).get(name)


def _answered_in(line: SiteLine) -> float | None:
    """Nine of ten; where more than a tenth are not acknowledged, longer than any time."""
    return math.inf if nobody_answered(line, "ack_p90_s") else figure(line, "ack_p90_s")


def nobody_answered(line: SiteLine, name: str) -> bool:
    """Whether a time to acknowledge has no number because too many alarms were not acknowledged."""
    return bool(figure(line, "counted")) and figure(line, name) is None


def _insured(line: SiteLine) -> Decimal | None:
    found = insured_of(line)
    return found[0][1] if found else None


COLUMNS: Final = (
    Column("site", later("Site"), lambda s: s.key, False),
    Column("company", later("Company"), lambda s: s.company, False),
    Column("hazard", later("Hazard"), lambda s: s.hazard, True),
    Column("control", later("Control"), lambda s: s.control, False),
    Column("confidence", later("Confidence"), lambda s: s.confidence, False),
    Column("findings", later("Findings"), lambda s: 1000 * s.overdue_major + 10 * s.overdue + s.major, True),
    Column("impairments", later("Out of service"), lambda s: s.impairments, True),
    Column("ack", later("Acknowledged in"), _answered_in, True),
    Column("alarms", later("Alarms"), lambda s: figure(s, "alarms_per_1000_sensor_hours"), True),
    Column("coverage", later("Readings received"), lambda s: s.coverage, False),
    Column("insured", later("Sum insured"), _insured, True),
)
_BY_KEY: Final = {column.key: column for column in COLUMNS}


@dataclass(frozen=True, slots=True)
class View:
    """What the address asks for: words, order."""

    sort: str = "control"
    falling: bool = False
    words: str = ""
    attention: bool = False

    def query(self, **other: Any) -> str:
        """The address of this view with something else."""
        asked = {
            "sort": self.sort,
            "order": "desc" if self.falling else "asc",
            "q": self.words,
            "only": "attention" if self.attention else "",
        }
        return urlencode({key: value for key, value in {**asked, **other}.items() if value})


def view_of(sort: str, order: str, words: str, only: str) -> View:
    """The view of an address; what it does not know falls back to the weakest control first.

    >>> view_of("nonsense", "up", " x ", "attention")
    View(sort='control', falling=False, words='x', attention=True)
    """
    column = _BY_KEY.get(sort, _BY_KEY["control"])
    falling = order == "desc" if order in ("asc", "desc") else column.falling
    return View(column.key, falling, words.strip()[:80], only == "attention")


def wants_attention(line: SiteLine) -> bool:
    """Whether an underwriter should look at this site today."""
    weak = line.control is not None and line.control < WEAK_CONTROL
    return weak or line.control is None or line.overdue_major > 0 or line.impairments > 0 or is_unsure(line)


def is_unsure(line: SiteLine) -> bool:
    """Whether too little is known of a site for its score to be read as one."""
    return line.confidence is None or line.confidence < LOW_CONFIDENCE


def arranged(lines: Sequence[SiteLine], view: View) -> list[SiteLine]:
    """The sites of a view in its order; those without a value last."""
    words = view.words.casefold()
    found = [
        line
        for line in lines
        if words in " ".join((line.key, line.name, line.name_zh, line.company, line.company_zh)).casefold()
        and (not view.attention or wants_attention(line))
    ]
    value = _BY_KEY[view.sort].of
    known = [line for line in found if value(line) is not None]
    known.sort(key=value, reverse=view.falling)  # type: ignore[arg-type]
    return known + [line for line in found if value(line) is None]


# A cell that begins so is a formula to a spreadsheet (OWASP, CSV injection); an apostrophe makes it a text.
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def cell(value: object) -> str:
    """A value as a cell that no spreadsheet takes for a formula.

    >>> cell("=HYPERLINK(1)"), cell(12.5), cell(None), cell(" -x")
    ("'=HYPERLINK(1)", '12.5', '', "' -x")
    """
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA) or text.lstrip().startswith(FORMULA) else text


HEAD: Final = (
    "site", "name", "name_zh", "company", "company_zh", "day", "formula", "hazard", "hazard_low", "hazard_high", "control",
    "control_low", "control_high", "confidence", "confidence_low", "confidence_high", "not_enough", "coverage", "findings_open",
    "findings_major", "findings_overdue", "findings_overdue_major", "impairments_open", "ack_p50_s", "ack_p90_s",
    "ack_counted", "ack_unanswered", "alarms",
    "sensor_hours", "alarms_per_1000_sensor_hours", "sum_insured", "currency", "simulated",
)  # fmt: skip


def as_csv(lines: Sequence[SiteLine]) -> str:
    """The table for a spreadsheet: keys as headings, numbers as they are, in UTF-8 with the mark that Excel wants."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(HEAD)
    for s in lines:
        insured = insured_of(s)
        writer.writerow(
            cell(value)
            for value in (
                s.key, s.name, s.name_zh, s.company, s.company_zh, s.day, s.formula, s.hazard, s.hazard_low, s.hazard_high,
                s.control, s.control_low, s.control_high, s.confidence, s.confidence_low, s.confidence_high, s.not_enough,
                s.coverage, s.findings, s.major, s.overdue, s.overdue_major, s.impairments, figure(s, "ack_p50_s"),
                figure(s, "ack_p90_s"), figure(s, "counted"), figure(s, "unanswered"), figure(s, "alarms"), figure(s, "sensor_hours"),
                figure(s, "alarms_per_1000_sensor_hours"), insured[0][1] if insured else None,
                insured[0][0] if insured else None, "yes" if s.simulated else "no",
            )
        )  # fmt: skip
    return "\ufeff" + out.getvalue()
