"""What a site file says of calm: which messages go together, when there is a storm, and which alarm is the cause of which others.

What it does not say is as `alerting.calm` has it; a test holds that both have the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from core.compound_row import COMPOUND_PREFIX, CompoundRow
from core.limit_rule import PRIORITIES
from core.model import Priority
from core.row import Row
from core.yaml_lines import Block

if TYPE_CHECKING:
    from core.portfolio import DefinitionRow, Portfolio

WINDOW_S: Final = 600.0
LONGEST_WINDOW_S: Final = 3600.0  # beyond an hour two alarms of a place are two events. Ours
STORM_BEGINS, STORM_ENDS = 10, 5  # alarms in ten minutes; of what source: alerting/calm.py
FEWEST_BEGINS, MOST_BEGINS = 3, 1000
DIGEST_EVERY_S: Final = 600.0
SHORTEST_EVERY_S, LONGEST_EVERY_S = 60.0, 3600.0
MOST_EFFECTS: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class CalmRow(Row):
    """How one site wants it.

    Args:
        one_by_one: priorities that go out one by one.
        causes: (cause, effect), keys of limits.
    """

    kind: ClassVar[str] = "calm"
    named_by: ClassVar[tuple[str, ...]] = ("site",)
    guarded: ClassVar[frozenset[str]] = frozenset(
        {"window_s", "one_by_one", "storms", "storm_begins", "storm_ends", "digest_every_s", "causes"}
    )
    site: str
    window_s: float
    one_by_one: tuple[str, ...]
    storms: bool
    storm_begins: int
    storm_ends: int
    digest_every_s: float
    causes: tuple[tuple[str, str], ...] = ()

    @property
    def grouped(self) -> list[str]:
        """Priorities that go together; life safety is never among them."""
        return [each for each in PRIORITIES if each not in (*self.one_by_one, Priority.LIFE_SAFETY.value)]


def read_calm(site: Block, portfolio: Portfolio, company: str, key: str) -> None:
    """Adds what the site says, where it says anything."""
    block = site.block("calm", f"calm of {site.where}", example="such as {window_s: 600}")
    if block is None:
        return
    window_s = block.number("window_s", default=WINDOW_S, least=0.0, most=LONGEST_WINDOW_S)
    one_by_one = []
    for line, word in block.texts("one_by_one"):
        if word not in PRIORITIES:
            block.reading.mistake(line, f"There is no priority {word}; there are {', '.join(PRIORITIES)}.")
        elif word == Priority.LIFE_SAFETY:
            block.reading.mistake(line, "Life safety always goes out one by one and at once; leave it out.")
        one_by_one.append(word)
    storms, begins, ends, every_s = _storm(block)
    row = CalmRow(
        company=company,
        site=key,
        window_s=WINDOW_S if window_s is None else window_s,
        one_by_one=tuple(each for each in PRIORITIES if each in one_by_one),
        storms=storms,
        storm_begins=begins,
        storm_ends=ends,
        digest_every_s=every_s,
        causes=tuple(sorted(set(_causes(block)))),
        line=block.line,
    )
    portfolio.calm.append(row)
    block.finish()


def _storm(block: Block) -> tuple[bool, int, int, float]:
    inner = block.block("storm", f"storm of {block.where}", example="{begins: 10, ends: 5} or {off: true}")
    if inner is None:
        return True, STORM_BEGINS, STORM_ENDS, DIGEST_EVERY_S
    off = inner.flag("off")
    begins = _whole(inner, "begins", STORM_BEGINS, FEWEST_BEGINS, MOST_BEGINS)
    ends = _whole(inner, "ends", min(STORM_ENDS, begins - 1), 1, MOST_BEGINS)
    if ends >= begins:
        inner.mistake(
            "ends",
            f"ends of {inner.where} is {ends} and begins is {begins}; it must be less, or a storm would begin and end at each alarm.",
        )
        ends = begins - 1
    every_s = inner.number("digest_every_s", default=DIGEST_EVERY_S, least=SHORTEST_EVERY_S, most=LONGEST_EVERY_S)
    inner.finish()
    return not off, begins, ends, every_s or DIGEST_EVERY_S


def _whole(block: Block, name: str, default: int, least: int, most: int) -> int:
    found = block.number(name, default=float(default))
    number = float(default) if found is None else found
    if number != int(number) or not least <= number <= most:
        block.mistake(
            name, f"{name} of {block.where} is {number:g}; it must be a whole number of alarms from {least} to {most}."
        )
        return default
    return int(number)


def _causes(block: Block) -> Iterator[tuple[str, str]]:
    for each in block.blocks("causes", f"cause of {block.where},"):
        cause = each.text("cause")
        effects = [text for _, text in each.texts("effects")]
        if not 1 <= len(set(effects)) <= MOST_EFFECTS:
            each.mistake(
                "effects",
                f"{cause or 'A cause'} of {block.where} has {len(set(effects))} effects; name 1 to {MOST_EFFECTS} keys of limits.",
            )
        each.finish()
        yield from ((cause, effect) for effect in effects if cause and effect)


def check_calm(wanted: Portfolio, current: Portfolio) -> list[tuple[int, str]]:
    """Mistakes of causes against everything there will be, Davy's own limits included, as (line, sentence)."""
    limits = {(row.site, row.key): row for each in (current, wanted) for row in each.definitions}
    compounds = {row.name_parts: row for each in (current, wanted) for row in each.compounds}
    mistakes = []
    for row in wanted.calm:
        told = [*_wrong(row, limits), *_circles(row, compounds.values())]
        mistakes += [(row.line, f"{row.subject} {sentence}") for sentence in told]
    return mistakes


def _wrong(row: CalmRow, limits: Mapping[tuple[str, str], DefinitionRow]) -> Iterator[str]:
    for key in dict.fromkeys(each for pair in row.causes for each in pair):
        limit = limits.get((row.site, key))
        if limit is None or limit.retired or limit.role == "state":
            yield f"names {key}, which is no limit of site {row.site}; name it by its full key."
    for cause, effect in row.causes:
        of, to = limits.get((row.site, cause)), limits.get((row.site, effect))
        if cause == effect:
            yield f"calls {cause} its own cause; take it off the list."
        elif of is None or to is None:
            continue
        elif to.priority is Priority.LIFE_SAFETY:
            yield f"calls {effect} an effect, which is life safety and always calls; take it off the list."
        elif PRIORITIES.index(of.priority) > PRIORITIES.index(to.priority):
            yield (
                f"lets {cause} ({of.priority}) speak for {effect} ({to.priority}), which is graver; "
                "a cause must be at least as grave as what it explains."
            )


def _circles(row: CalmRow, compounds: Iterable[CompoundRow]) -> Iterator[str]:
    """Two alarms that each wait for the other would call nobody. A compound is the cause of its parts of itself."""
    after: dict[str, set[str]] = {}
    for cause, effect in row.causes:
        after.setdefault(cause, set()).add(effect)
    for compound in compounds:
        if compound.site == row.site and not compound.retired:
            after.setdefault(_alarm_of(compound), set()).update(part.limit for part in compound.parts if part.limit)
    for cause in sorted({cause for cause, _ in row.causes}):
        seen, waiting = set[str](), list(after.get(cause, ()))
        while waiting:
            key = waiting.pop()
            if key == cause:
                yield f"makes {cause} an effect of itself, by way of others; take one of them off the list."
                break
            if key not in seen:
                seen.add(key)
                waiting += after.get(key, ())


def _alarm_of(compound: CompoundRow) -> str:
    """The key of the limit on a compound, as `core.site_compounds` gives it."""
    return COMPOUND_PREFIX + compound.key


def shown(row: CalmRow) -> dict[str, Any]:
    """The block of a site file that says so."""
    causes: dict[str, list[str]] = {}
    for cause, effect in row.causes:
        causes.setdefault(cause, []).append(effect)
    return {
        "window_s": row.window_s,
        "one_by_one": list(row.one_by_one),
        "storm": {
            "off": None if row.storms else True,
            "begins": row.storm_begins,
            "ends": row.storm_ends,
            "digest_every_s": row.digest_every_s,
        },
        "causes": [{"cause": cause, "effects": effects} for cause, effects in causes.items()],
    }
