"""Rules of suppression as ingest and the clock need them: whom each silences, and since when its parent holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection

from alerting.episode import Episode
from alerting.ledger import AlarmKey
from alerting.store.columns import columns, key_columns
from alerting.store.suppressions import guarded_now
from alerting.suppressing import Rule


def rules_of_parents(connection: Connection[Any], parents: Sequence[int], now: datetime) -> list[Rule]:
    """The rules that hang on these definitions, retired ones of a state too: theirs is never an alarm.

    What people at work depend on at `now` is not among whom they silence: `covers` says the same.
    """
    rows = connection.execute(
        """
        SELECT r.rule_id, d.definition_id, d.sensor_id, d.role = 'state', r.longest_s, r.active_since, r.quiet_since,
               r.episode_since, r.title || ' / ' || r.title_zh,
               coalesce(array_agg(c.definition_id ORDER BY c.definition_id) FILTER (WHERE c.definition_id IS NOT NULL), '{}'),
               coalesce(array_agg(c.sensor_id ORDER BY c.definition_id) FILTER (WHERE c.definition_id IS NOT NULL), '{}')
        FROM suppression_rule r JOIN alarm_definition d ON d.definition_id = r.parent_id
        LEFT JOIN suppression_rule_alarm a ON a.rule_id = r.rule_id AND r.retired_at IS NULL
        LEFT JOIN alarm_definition c ON c.definition_id = a.definition_id AND c.retired_at IS NULL AND c.priority <> 'life-safety'
        WHERE r.parent_id = ANY (%s::int[]) AND (r.retired_at IS NULL OR d.role = 'state')
        GROUP BY r.rule_id, d.definition_id ORDER BY r.rule_id
        """,
        (list(parents),),
    ).fetchall()
    children = sorted({child for row in rows for child in row[-2]})
    guarded = guarded_now(connection, children, now)
    return [
        Rule(
            rule_id=rule_id,
            parent=AlarmKey(parent, sensor),
            is_state=is_state,
            longest=timedelta(seconds=longest_s),
            episode=Episode(active, still, since),
            children=tuple(AlarmKey(*key) for key in zip(definitions, sensors, strict=True) if key[0] not in guarded),
            words=words,
        )
        for rule_id, parent, sensor, is_state, longest_s, active, still, since, words, definitions, sensors in rows
    ]


def set_episodes(connection: Connection[Any], episodes: Mapping[int, Episode]) -> None:
    """How the parent of each rule stands."""
    rows = [(rule, each.active_since, each.quiet_since, each.since) for rule, each in sorted(episodes.items())]
    connection.execute(
        """
        UPDATE suppression_rule r SET active_since = u.active, quiet_since = u.quiet, episode_since = u.since
        FROM unnest(%s::int[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[]) AS u(rule_id, active, quiet, since)
        WHERE r.rule_id = u.rule_id
          AND (r.active_since, r.quiet_since, r.episode_since) IS DISTINCT FROM (u.active, u.quiet, u.since)
        """,
        columns(rows, 4),
    )


def unmended(connection: Connection[Any]) -> list[AlarmKey]:
    """The parents of rules that say something else than their parent's row, and the children of these rules."""
    rows = connection.execute(
        """
        WITH found AS (
            SELECT r.rule_id, a.definition_id, a.sensor_id FROM suppression_rule r JOIN alarm a ON a.definition_id = r.parent_id
            WHERE r.retired_at IS NULL AND a.active <> (r.active_since IS NOT NULL)
        )
        SELECT definition_id, sensor_id FROM found
        UNION
        SELECT d.definition_id, d.sensor_id FROM found
        JOIN suppression_rule_alarm c USING (rule_id) JOIN alarm_definition d ON d.definition_id = c.definition_id
        """
    ).fetchall()
    return [AlarmKey(*row) for row in rows]


def mend_active(connection: Connection[Any], parents: Sequence[AlarmKey], now: datetime) -> None:
    """Rules that are newer than the last word of ingest on their parent: as of now. Of the others ingest keeps the instant.

    Args:
        parents: locked already: whoever writes down since when a rule holds has its parent first, and never waits crosswise.
    """
    rows = connection.execute(
        """
        SELECT r.rule_id, r.longest_s, r.active_since, r.quiet_since, r.episode_since, a.active FROM suppression_rule r
        JOIN alarm a ON a.definition_id = r.parent_id
        JOIN unnest(%s::int[], %s::int[]) AS k(definition_id, sensor_id) USING (definition_id, sensor_id)
        WHERE r.retired_at IS NULL AND a.active <> (r.active_since IS NOT NULL) ORDER BY r.rule_id
        """,
        key_columns(parents),
    ).fetchall()
    mended = {}
    for rule_id, longest_s, active, still, since, holds in rows:
        was = Episode(active, still, since)
        mended[rule_id] = was.begun(now, timedelta(seconds=longest_s)) if holds else was.ended(now)
    set_episodes(connection, mended)
