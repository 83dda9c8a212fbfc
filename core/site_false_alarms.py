"""What a site file says of false alarms: how many of its statistical alarms may be none, and which setpoints people keep themselves.

A limit on a physical value is where a danger begins; a limit on a statistic is where something is rare. How rare it must be before somebody
is called is a question of how many calls for nothing a site bears: `false_alarms: 2 a week`. From that Davy works out the
setpoints of its statistical alarms (alerting/false_alarms.py); what a person has set stays as they set it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

from core.limit_rule import PackLimit
from core.model import Priority
from core.row import Row
from core.yaml_lines import Block

if TYPE_CHECKING:
    from core.portfolio import DefinitionRow, Portfolio

PER_WEEK: Final = 2.0  # where a site says nothing: a call for nothing every third or fourth day. Ours
FEWEST, MOST = 7.0 / 365.25, 70.0  # a week: fewer than one a year can be shown by nothing, ten a day is no budget. Ours
OFF: Final = "off"
MOST_OWN: Final = 500
DAYS: Final[Mapping[str, float]] = {"day": 1.0, "week": 7.0, "month": 365.25 / 12.0, "year": 365.25}
EXAMPLE: Final = "2 a week"
# Detectors whose number says how rare or how far from its own past a reading is: where such a number becomes an alarm is a matter of how
# many are borne. What is stuck, silent or out of range is a fault of the signal and no matter of luck; it is not among them.
STATISTICAL: Final = frozenset({"ewma", "cusum", "odd", "spike", "shift", "noise", "profile"})
_MODEL: Final = "_model."
SCORES: Final = frozenset({"_mewma", "_pca_q", "_knn"})  # of a model: -log10 of a p-value; what else it says is none
_RATE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?) (?:a|per) (day|week|month|year)")
_OWN_PLACES: Final = re.compile(r"[A-Za-z0-9_.-]{1,200}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FalseAlarmRow(Row):
    """The budget of one site.

    Args:
        per_week: false alarms that it bears; None: no setpoint is worked out, each is as its pack or the file has it.
        own: (key of a limit, its setpoint or None for that of its pack): what people keep themselves.
    """

    kind: ClassVar[str] = "false-alarms"
    named_by: ClassVar[tuple[str, ...]] = ("site",)
    guarded: ClassVar[frozenset[str]] = frozenset({"per_week", "own"})
    site: str
    per_week: float | None
    own: tuple[tuple[str, float | None], ...] = ()


def is_statistical(row: DefinitionRow) -> bool:
    """Whether its setpoint says how rare something must be, and a budget may say it. Life safety never is: it waits for no statistics.

    A model's own number is an ordinary limit on a virtual sensor; `_missing`, which counts members, or a forecast is none.
    """
    if row.role != "alarm" or row.direction != "high" or row.priority is Priority.LIFE_SAFETY:
        return False
    return row.detector in STATISTICAL or (
        row.detector == "limit" and row.device.startswith(_MODEL) and row.sensor in SCORES
    )


def read_rate(text: str) -> float | None:
    """How many a week a text says; None: it is no rate.

    >>> read_rate("2 a week"), read_rate("1 a day"), read_rate("often")
    (2.0, 7.0, None)
    """
    found = _RATE.fullmatch(text.strip())
    return None if found is None else float(found.group(1)) * 7.0 / DAYS[found.group(2)]


def read_false_alarms(site: Block, portfolio: Portfolio, company: str, key: str) -> None:
    """Adds what the site says, where it says anything."""
    if not site.offers("false_alarms"):
        return
    line = site.line_of("false_alarms")
    if site.is_text("false_alarms"):
        per_week = _rate(site, "false_alarms", site.text("false_alarms"))
        portfolio.false_alarms.append(FalseAlarmRow(company=company, site=key, per_week=per_week, line=line))
        return
    block = site.block("false_alarms", f"false_alarms of {site.where}", example=EXAMPLE)
    if block is None:
        return
    most = block.text("most", required=False)
    per_week = _rate(block, "most", most) if most else PER_WEEK
    own = tuple(sorted(_own(block), key=lambda pair: pair[0]))
    portfolio.false_alarms.append(FalseAlarmRow(company=company, site=key, per_week=per_week, own=own, line=block.line))
    block.finish()


def _rate(block: Block, name: str, text: str) -> float | None:
    if text == OFF:
        return None
    found = read_rate(text)
    if found is None:
        block.mistake(
            name,
            f"{name} of {block.where} is {text!r}; write how many false alarms the site bears, such as {EXAMPLE!r} or '1 a month', or {OFF!r}.",
        )
    elif not FEWEST <= found <= MOST:
        block.mistake(
            name,
            f"{name} of {block.where} is {text!r}, {found:.3g} a week; it must be from 1 a year to 10 a day. "
            "Fewer can be shown by no history, and more is no budget.",
        )
    else:
        return found
    return PER_WEEK


def _own(block: Block) -> Iterator[tuple[str, float | None]]:
    seen: set[str] = set()
    for each in block.blocks("own", f"own of {block.where},"):
        key = each.key("limit", _OWN_PLACES, "the full key of a limit, such as _model.pump-1.model-unusual")
        setpoint = each.number("setpoint", required=False, above=0.0)
        if key in seen:
            each.mistake("limit", f"{key} is there twice in {block.where}; keep one of them.")
        elif len(seen) == MOST_OWN:
            each.mistake("limit", f"{block.where} names more than {MOST_OWN} limits of its own; write `most: {OFF}`.")
        elif key:
            seen.add(key)
            yield key, setpoint
        each.finish()


def check_false_alarms(wanted: Portfolio, current: Portfolio) -> list[tuple[int, str]]:
    """Limits named as their own that are none, or are none that a budget would move, as (line, sentence)."""
    limits = {(row.site, row.key): row for each in (current, wanted) for row in each.definitions}
    told = []
    for row in wanted.false_alarms:
        for key, _ in row.own:
            limit = limits.get((row.site, key))
            if limit is None or limit.retired:
                told.append(
                    (
                        row.line,
                        f"{row.subject} names {key}, which is no limit of site {row.site}; name it by its full key.",
                    )
                )
            elif not is_statistical(limit):
                told.append(
                    (
                        row.line,
                        f"{row.subject} names {key}, whose setpoint comes from no budget anyway; take it off the list.",
                    )
                )
    return told  # fmt: skip


@dataclass(frozen=True, slots=True)
class Budgeted:
    """A limit whose setpoint the site's budget may set.

    Args:
        base: the limit as pack and file have it, without the budget.
    """

    base: DefinitionRow


def budgeted(wanted: Portfolio, packs: Mapping[str, PackLimit]) -> list[Budgeted]:
    """The statistical limits for which nobody has stated a setpoint: those that stand as a pack has them, at sites with a budget.

    Whoever writes the very number of the pack has stated none.
    """
    of_site = {row.site: row for row in wanted.false_alarms}
    shipped = {(each.rule.detector, each.key, each.rule.setpoint) for each in packs.values()}
    found = []
    for row in wanted.definitions:
        says = of_site.get(row.site)
        if not is_statistical(row) or row.retired or (says is not None and says.per_week is None):
            continue
        if says is not None and row.key in dict(says.own):
            continue
        name = row.key.rpartition(".")[2]
        if (row.detector, name, row.setpoint) in shipped:
            found.append(Budgeted(row))
    return found


def with_own_setpoints(portfolio: Portfolio) -> Portfolio:
    """The portfolio with the setpoints that the budget's `own` states."""
    stated = {
        (row.site, key): setpoint for row in portfolio.false_alarms for key, setpoint in row.own if setpoint is not None
    }
    if not stated:
        return portfolio
    definitions = [
        replace(row, setpoint=stated[row.site, row.key]) if (row.site, row.key) in stated else row
        for row in portfolio.definitions
    ]
    return replace(portfolio, definitions=definitions)


def as_budgeted(
    definitions: Iterable[DefinitionRow],
    current: Iterable[DefinitionRow],
    kept: Mapping[tuple[str, str], tuple[float, float]],
) -> list[DefinitionRow]:
    """The definitions with the setpoint and the delay that the budget has set, where it is still the budget's.

    Args:
        kept: (site, key) -> (setpoint, on-delay) that the budget set last, of those it may set by the file.
    """
    in_force = {(row.site, row.key): row for row in current}
    found = []
    for row in definitions:
        own, now = kept.get((row.site, row.key)), in_force.get((row.site, row.key))
        if own is not None and now is not None and (now.setpoint, now.on_delay_s) == own:
            found.append(replace(row, setpoint=own[0], on_delay_s=own[1]))
        else:
            found.append(row)
    return found


def without_budget(
    definitions: Iterable[DefinitionRow], base: Mapping[tuple[str, str], tuple[float, float]]
) -> list[DefinitionRow]:
    """The definitions as pack and file have them.

    Args:
        base: (site, key) -> (setpoint, on-delay) of those that stand as the budget set them.
    """
    found = []
    for row in definitions:
        own = base.get((row.site, row.key))
        found.append(row if own is None else replace(row, setpoint=own[0], on_delay_s=own[1]))
    return found


def shown(row: FalseAlarmRow) -> Any:
    """How a site file says it."""
    rate = OFF if row.per_week is None else said(row.per_week)
    if not row.own:
        return rate
    return {"most": rate, "own": [{"limit": key, "setpoint": setpoint} for key, setpoint in row.own]}


def said(per_week: float) -> str:
    """A rate in the words of a site file, exactly.

    >>> said(2.0), said(0.25)
    ('2 a week', '0.25 a week')
    """
    return f"{per_week:.17g} a week" if read_rate(f"{per_week:g} a week") != per_week else f"{per_week:g} a week"
