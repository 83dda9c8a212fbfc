"""What silences an alarm, and when it is over: one pure question of instants.

An alarm is put aside while something in force covers it: an order that a person wrote down (a maintenance window, out of
service), a rule whose parent holds (a plant that does not run, a main switch that is open), or a shelf. What covers it is never
counted up and down; it is asked anew at each instant, so that the order in which things begin and end does not matter.

Where several cover one alarm, the row of the alarm shows the one that goes first: out of service, then the shelf, then by
design. When that one ends the next takes its place, and nobody is called. Only one thing ends another: who takes an alarm out of
service takes it off the shelf.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, NamedTuple

from alerting.alarm import Alarm, Happening, Suppression
from alerting.episode import Episode
from alerting.ledger import TAKES_OVER, AlarmKey, Change

_S: Final = Suppression
_SETS: Final = {_S.OUT_OF_SERVICE: Happening.TAKE_OUT, _S.BY_DESIGN: Happening.SUPPRESS}
# How each suppression ends by itself.
LEAVES: Final = {
    _S.SHELVED: Happening.SHELF_EXPIRED,
    _S.BY_DESIGN: Happening.UNSUPPRESS,
    _S.OUT_OF_SERVICE: Happening.RETURN_TO_SERVICE,
}
_MOMENT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Cover:
    """Something that silences an alarm from an instant until another.

    Args:
        suppression: out of service, or by design.
        ends_at: the first instant at which it holds no more.
        order_id: of the order behind it; None: a rule.
        rule_id: of the rule behind it; None: an order.
        by: the person who wrote the order down.
    """

    suppression: Suppression
    begins_at: datetime
    ends_at: datetime
    order_id: int | None = None
    rule_id: int | None = None
    by: int | None = None

    @property
    def source(self) -> tuple[str, int]:
        """What stands behind it: ("order" or "rule", id)."""
        return ("order", self.order_id) if self.order_id is not None else ("rule", self.rule_id or 0)

    def holds(self, now: datetime) -> bool:
        """Whether it is in force."""
        return self.begins_at <= now < self.ends_at


class Move(NamedTuple):
    """What must happen to an alarm so that it shows what covers it."""

    happening: Happening
    until: datetime | None
    cover: Cover | None


def covered(alarm: Alarm, covers: Iterable[Cover], now: datetime) -> bool:
    """Whether anything in force silences the alarm."""
    return _shelved(alarm, now) or any(cover.holds(now) for cover in covers)


def move(alarm: Alarm, covers: Iterable[Cover], now: datetime) -> Move | None:
    """What must happen to the alarm at `now`; None where it shows what covers it.

    Args:
        covers: all that might, in force or not.
    """
    in_force = [cover for cover in covers if cover.holds(now)]
    out = _longest(in_force, _S.OUT_OF_SERVICE)
    if out is not None:
        return _set(alarm, out)
    if _shelved(alarm, now):
        return None
    design = _longest(in_force, _S.BY_DESIGN)
    if design is not None:
        return _set(alarm, design)
    if alarm.suppression is _S.NONE:
        return None
    return Move(LEAVES[alarm.suppression], alarm.until, None)


def _longest(covers: Iterable[Cover], suppression: Suppression) -> Cover | None:
    """Of several the one that lasts longest; its end is what people are told."""
    those = [cover for cover in covers if cover.suppression is suppression]
    return max(those, key=lambda c: (c.ends_at, c.order_id or 0, c.rule_id or 0), default=None)


def _set(alarm: Alarm, cover: Cover) -> Move | None:
    if (alarm.suppression, alarm.until) == (cover.suppression, cover.ends_at):
        return None
    return Move(_SETS[cover.suppression], cover.ends_at, cover)


def _shelved(alarm: Alarm, now: datetime) -> bool:
    return alarm.suppression is _S.SHELVED and alarm.until is not None and now < alarm.until


def moved(alarm: Alarm, to: Move) -> Alarm:
    """The alarm's suppression after the move, as far as covers look at it."""
    if to.cover is None:
        return replace(alarm, suppression=_S.NONE, until=None)
    return replace(alarm, suppression=to.cover.suppression, until=to.until)


@dataclass(frozen=True, slots=True)
class Rule:
    """While the parent's condition holds, its children call nobody.

    Args:
        is_state: the parent is a state of the plant, not an alarm.
        episode: since when it holds, and since when the longest time counts.
        longest: after so long it silences nobody, although it holds.
        words: its title in both languages, as it is kept with what it did.
    """

    rule_id: int
    parent: AlarmKey
    is_state: bool
    longest: timedelta
    episode: Episode
    children: tuple[AlarmKey, ...]
    words: str

    def cover(self) -> Cover | None:
        """What it covers its children with."""
        begins_at, counts_from = self.episode.active_since, self.episode.since
        if begins_at is None or counts_from is None:
            return None
        return Cover(_S.BY_DESIGN, begins_at, counts_from + self.longest, rule_id=self.rule_id)

    def turned(self, at: datetime, *, holds: bool) -> Rule:
        """The rule once its parent has begun or ended."""
        return replace(self, episode=self.episode.begun(at, self.longest) if holds else self.episode.ended(at))


def with_rules(
    changes: Sequence[Change],
    rules: Sequence[Rule],
    alarms: Mapping[AlarmKey, tuple[Alarm, datetime]],
    covers: Mapping[AlarmKey, Sequence[Cover]],
    words: Mapping[tuple[str, int], str] = MappingProxyType({}),
) -> tuple[list[Change], dict[int, Episode]]:
    """The changes with what the rules make of them, and how the parent of each rule stands now.

    A rule begins and ends at the instant at which its parent does, whatever the batch is that says so. What of a child comes at
    that instant or later comes after its beginning, and what comes until that instant goes before its end. A parent that is put
    aside itself stands for nobody. A suppression that no rule has set is not touched: `covers` are as old as the batch, and the
    row may show a window that has begun since; the duty that looks each second sees to it.

    Args:
        changes: of one batch; those of states are taken out.
        rules: those whose parent is among them.
        alarms: the children and parents as they stand locked, with their last transition's instant.
        covers: what else may silence the children.
        words: of those covers, by their sources.
    """
    standing_rules = {rule.rule_id: rule for rule in rules}
    by_parent: dict[AlarmKey, list[Rule]] = {}
    for rule in rules:
        by_parent.setdefault(rule.parent, []).append(rule)
    states = {rule.parent for rule in rules if rule.is_state}
    aside = {key for key, (alarm, _) in alarms.items() if key in by_parent and alarm.suppression is not _S.NONE}
    flips = [
        (change.at, index, rule.rule_id, change.happening is Happening.RAISE)
        for index, change in enumerate(changes)
        if change.happening in (Happening.RAISE, Happening.CLEAR) and not change.late
        for rule in by_parent.get(change.alarm, ())
    ]
    standing = {key: alarm for key, (alarm, _) in alarms.items()}
    last = {key: at for key, (_, at) in alarms.items()}
    said = {("rule", rule.rule_id): rule.words for rule in rules} | dict(words)
    by_design: dict[AlarmKey, list[Change]] = {}
    touching: dict[AlarmKey, list[int]] = {}
    for rule in rules:
        for child in rule.children:
            touching.setdefault(child, []).append(rule.rule_id)
    ours = {
        child: _ends_of_rules([standing_rules[rule_id] for rule_id in those], covers.get(child, ()))
        for child, those in touching.items()
    }
    for at, _, rule_id, begins in sorted(flips, key=lambda flip: flip[:2]):
        if begins == (standing_rules[rule_id].episode.active_since is not None):
            continue
        rule = standing_rules[rule_id] = standing_rules[rule_id].turned(at, holds=begins)
        for child in rule.children:
            ours[child] |= _ends_of_rules([rule], ())
            if not _is_free_or_ours(standing[child], ours[child]):
                continue
            others = [standing_rules[other] for other in touching[child]]
            found = [cover for other in others if other.parent not in aside and (cover := other.cover()) is not None]
            to = move(standing[child], [*covers.get(child, ()), *found], at)
            if to is not None:
                standing[child] = moved(standing[child], to)
                # Learnt of late: never before what has happened to the alarm since. A call is known by its instant, so what is
                # freed at that of the last one is freed a moment later: else nobody would be told.
                earliest = last[child] if to.cover is not None else last[child] + _MOMENT
                last[child] = happened = max(at, earliest)
                by_design.setdefault(child, []).append(_change(child, to, happened, said))
    told = [change for change in changes if change.alarm not in states]
    return _merged(told, by_design), {rule_id: rule.episode for rule_id, rule in standing_rules.items()}


def _ends_of_rules(rules: Iterable[Rule], covers: Iterable[Cover]) -> set[datetime]:
    """The ends that the row of an alarm may show because a rule set it."""
    found = [*(rule.cover() for rule in rules), *(cover for cover in covers if cover.rule_id is not None)]
    return {cover.ends_at for cover in found if cover is not None}


def _is_free_or_ours(alarm: Alarm, ends: set[datetime]) -> bool:
    """Whether a rule may move it: nothing silences it, or a rule does."""
    return alarm.suppression is _S.NONE or (alarm.suppression is _S.BY_DESIGN and alarm.until in ends)


def _change(child: AlarmKey, to: Move, at: datetime, words: Mapping[tuple[str, int], str]) -> Change:
    reason = by = None
    if to.cover is not None:
        reason, by = words.get(to.cover.source), to.cover.by
    return Change(alarm=child, happening=to.happening, at=at, until=to.until, reason=reason, person_id=by)


def _merged(changes: Sequence[Change], by_design: Mapping[AlarmKey, list[Change]]) -> list[Change]:
    """Each alarm's own changes in their order; before those of an instant what silences it then, after them what frees it."""
    waiting = {key: list(found) for key, found in by_design.items()}
    merged: list[Change] = []
    for change in changes:
        mine = waiting.get(change.alarm, [])
        while mine and not change.late and _goes_first(mine[0], change):
            merged.append(mine.pop(0))
        merged.append(change)
    for found in waiting.values():
        merged += found
    return merged


def _goes_first(mine: Change, change: Change) -> bool:
    return mine.at < change.at or (mine.at == change.at and mine.happening in TAKES_OVER)
