"""Limits between page and site file: what was changed on the page, and who answers for what came with a file. As the owner."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from core.portfolio import DefinitionRow


@dataclass(frozen=True, slots=True)
class PageChange:
    """A change that was applied on the page.

    Args:
        who: its proposer's name.
        two_people: somebody else approved it.
    """

    site: str
    key: str
    proposed: dict[str, Any]
    reason: str
    who: str
    at: datetime
    two_people: bool


@dataclass(frozen=True, slots=True)
class FileChange:
    """A change of a limit by a file that two people answer for."""

    row: DefinitionRow
    old: Mapping[str, Any]
    new: Mapping[str, Any]
    new_version: bool


def page_changes(connection: Connection[Any], rows: Sequence[DefinitionRow]) -> list[PageChange]:
    """What was applied on the page to these limits, oldest first."""
    with connection.cursor(row_factory=class_row(PageChange)) as cursor:
        return cursor.execute(
            """
            SELECT t.key AS site, d.key, l.proposed, l.reason, p.name AS who, l.settled_at AS at, l.settled_by <> l.proposed_by AS two_people
            FROM limit_change l JOIN alarm_definition d USING (definition_id) JOIN site t ON t.site_id = d.site_id
            JOIN person p ON p.person_id = l.proposed_by
            JOIN unnest(%s::text[], %s::text[]) AS asked (site, key) ON asked.site = t.key AND asked.key = d.key
            WHERE l.state = 'applied' AND NOT l.by_file ORDER BY l.journal_id
            """,
            ([row.site for row in rows], [row.key for row in rows]),
        ).fetchall()


def record_answered(
    connection: Connection[Any],
    changes: Iterable[FileChange],
    *,
    proposer: str,
    approver: str,
    reason: str,
    definitions_version: int | None,
    now: datetime,
) -> None:
    """Writes down beside the journal's entries of an import which two people answer for them.

    Args:
        proposer, approver: keys of people.
    """
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO limit_change (company_id, site_id, definition_id, base_version, old, proposed, reason, proposed_by, proposed_at,
                                      state, settled_by, settled_at, by_file, journal_id, definitions_version)
            SELECT d.company_id, d.site_id, d.definition_id, d.version - %(risen)s, %(old)s, %(new)s, left(%(reason)s, 1000),
                   (SELECT person_id FROM person WHERE key = %(proposer)s), %(now)s, 'applied',
                   (SELECT person_id FROM person WHERE key = %(approver)s), %(now)s, true,
                   (SELECT max(journal_id) FROM journal j WHERE j.subject = %(subject)s), %(moved)s
            FROM alarm_definition d JOIN site t USING (site_id) WHERE t.key = %(site)s AND d.key = %(key)s
            """,
            [
                {
                    "risen": int(each.new_version),
                    "old": Jsonb(dict(each.old)),
                    "new": Jsonb(dict(each.new)),
                    "reason": reason,
                    "proposer": proposer,
                    "approver": approver,
                    "subject": each.row.subject,
                    "site": each.row.site,
                    "key": each.row.key,
                    "moved": definitions_version,
                    "now": now,
                }
                for each in changes
            ],
        )
