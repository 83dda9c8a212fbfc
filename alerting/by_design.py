"""Rules at work: what a batch says of parents silences or frees their children in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from psycopg import Connection

from alerting.alarm import Alarm, Happening
from alerting.ledger import AlarmKey, Change, Standing
from alerting.store import alarms
from alerting.store import rules as stored_rules
from alerting.store import suppressions as store
from alerting.suppressing import Rule, with_rules


def rules_of(connection: Connection[Any], changes: Sequence[Change], now: datetime) -> list[Rule]:
    """The rules whose parents these changes are of: one statement, and almost always none."""
    parents = {c.alarm.definition_id for c in changes if c.happening in (Happening.RAISE, Happening.CLEAR)}
    return stored_rules.rules_of_parents(connection, sorted(parents), now) if parents else []


def keys_of(changes: Sequence[Change], rules: Sequence[Rule]) -> list[AlarmKey]:
    """Every alarm that the changes may touch, in the order in which they are locked."""
    children = {child for rule in rules for child in rule.children}
    return sorted({change.alarm for change in changes} | children)


def with_what_they_silence(
    connection: Connection[Any],
    changes: Sequence[Change],
    rules: Sequence[Rule],
    standings: Mapping[AlarmKey, Standing],
    now: datetime,
) -> Sequence[Change]:
    """The changes with what the rules make of them; states of the plant are written down here, and are nobody's alarm: with a
    rule that looks at them, or without."""
    states = {key for key, standing in standings.items() if standing.is_state}
    found = _with_rules(connection, changes, rules, standings, now) if rules else changes
    if not states:
        return found
    _write_states(connection, changes, states, standings)
    return [change for change in found if change.alarm not in states]


def _with_rules(
    connection: Connection[Any],
    changes: Sequence[Change],
    rules: Sequence[Rule],
    standings: Mapping[AlarmKey, Standing],
    now: datetime,
) -> Sequence[Change]:
    children = sorted({child for rule in rules for child in rule.children})
    loaded = {rule.rule_id for rule in rules}
    covers = {
        key: [cover for cover in found if cover.rule_id not in loaded]
        for key, found in store.covers(connection, now, children).items()
    }
    known: dict[AlarmKey, tuple[Alarm, datetime]] = {
        key: (standing.alarm, standing.changed_at) for key, standing in standings.items()
    }
    words = store.words_for(connection, (cover for found in covers.values() for cover in found))
    changed, episodes = with_rules(changes, rules, known, covers, words)
    stored_rules.set_episodes(connection, episodes)
    return changed


def _write_states(
    connection: Connection[Any],
    changes: Sequence[Change],
    states: set[AlarmKey],
    standings: Mapping[AlarmKey, Standing],
) -> None:
    """Whether a state holds: what a restarted ingest compares its conditions with. It has no transitions and no occurrence."""
    newest: dict[AlarmKey, Standing] = {}
    for change in changes:
        if change.alarm in states and not change.late:
            was = newest.get(change.alarm, standings[change.alarm])
            alarm = replace(was.alarm, active=change.happening is Happening.RAISE)
            newest[change.alarm] = replace(was, alarm=alarm, changed_at=change.at)
    if newest:
        alarms.save(connection, [newest[key] for key in sorted(newest)])
