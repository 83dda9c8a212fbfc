"""What was changed after somebody had said that it should be: found in the journal and in findings, and written down once a person."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection

# A change so long after the word is not told as its doing. Ours.
HEARD_FOR: Final = timedelta(days=90)


def write_changes_of_limits(connection: Connection[Any], now: datetime) -> int:
    """A limit that was changed or taken away after somebody had rated its alarm as not useful, or complained of it. Gives how many are new.

    Who changed it themselves knows.
    """
    return connection.execute(
        """
        INSERT INTO told_back (company_id, site_id, person_id, rating_id, complaint_id, change, definition_id, journal_id, changed_at, told_at)
        SELECT DISTINCT ON (w.person_id, j.journal_id) w.company_id, w.site_id, w.person_id, w.rating_id, w.complaint_id, j.action,
               o.definition_id, j.journal_id, j.at, %(now)s
        FROM (
            SELECT r.company_id, r.site_id, r.person_id, r.rating_id, NULL::bigint AS complaint_id, r.changed_at AS said_at, r.occurrence_id
            FROM rating r WHERE NOT r.useful AND r.occurrence_id IS NOT NULL AND r.changed_at > %(since)s
            UNION ALL
            SELECT c.company_id, c.site_id, c.filed_by, NULL, c.complaint_id, c.filed_at, c.occurrence_id
            FROM complaint c WHERE c.filed_by IS NOT NULL AND c.occurrence_id IS NOT NULL AND c.filed_at > %(since)s
        ) w
        JOIN person p ON p.person_id = w.person_id AND p.active
        JOIN site s ON s.site_id = w.site_id
        CROSS JOIN LATERAL (SELECT definition_id FROM v_occurrence WHERE occurrence_id = w.occurrence_id LIMIT 1) o
        CROSS JOIN LATERAL (SELECT key FROM v_alarm_definition WHERE definition_id = o.definition_id LIMIT 1) d
        JOIN journal j ON j.subject = 'limit ' || s.key || '/' || d.key AND j.company_id = w.company_id
             AND j.action IN ('limit_changed', 'limit_retired') AND j.at > w.said_at AND j.at <= %(now)s
             AND j.person_id IS DISTINCT FROM w.person_id
        ORDER BY w.person_id, j.journal_id, w.complaint_id NULLS LAST, w.said_at
        ON CONFLICT DO NOTHING
        """,
        {"now": now, "since": now - HEARD_FOR},
    ).rowcount


def write_changes_of_routes(connection: Connection[Any], now: datetime) -> int:
    """Who is told at a site was changed after somebody had said that the wrong person was told, or too late. Gives how many are new."""
    return connection.execute(
        """
        INSERT INTO told_back (company_id, site_id, person_id, rating_id, change, journal_id, changed_at, told_at)
        SELECT DISTINCT ON (r.person_id, j.journal_id) r.company_id, r.site_id, r.person_id, r.rating_id, 'route_changed', j.journal_id, j.at,
               %(now)s
        FROM rating r JOIN site s USING (site_id) JOIN person p ON p.person_id = r.person_id AND p.active
        JOIN journal j ON j.company_id = r.company_id AND starts_with(j.subject, 'route ' || s.key || '/')
             AND j.action IN ('route_added', 'route_changed') AND j.at > r.changed_at AND j.at <= %(now)s
             AND j.person_id IS DISTINCT FROM r.person_id
        WHERE NOT r.useful AND r.reason IN ('wrong_person', 'too_late') AND r.changed_at > %(since)s
        ORDER BY r.person_id, j.journal_id, r.changed_at
        ON CONFLICT DO NOTHING
        """,
        {"now": now, "since": now - HEARD_FOR},
    ).rowcount


def write_closed_findings(connection: Connection[Any], now: datetime) -> int:
    """A finding was closed after somebody had complained of it or of what it came from, or had rated it as not useful. Gives how many are new."""
    return connection.execute(
        """
        INSERT INTO told_back (company_id, site_id, person_id, rating_id, complaint_id, change, finding_id, changed_at, told_at)
        SELECT DISTINCT ON (w.person_id, f.finding_id) w.company_id, w.site_id, w.person_id, w.rating_id, w.complaint_id, 'finding_closed',
               f.finding_id, f.closed_at, %(now)s
        FROM (
            SELECT r.company_id, r.site_id, r.person_id, r.rating_id, NULL::bigint AS complaint_id, r.changed_at AS said_at, r.occurrence_id, r.finding_id
            FROM rating r WHERE NOT r.useful AND r.changed_at > %(since)s
            UNION ALL
            SELECT c.company_id, c.site_id, c.filed_by, NULL, c.complaint_id, c.filed_at, c.occurrence_id, c.finding_id
            FROM complaint c WHERE c.filed_by IS NOT NULL AND c.filed_at > %(since)s
        ) w
        JOIN person p ON p.person_id = w.person_id AND p.active
        JOIN finding f ON f.company_id = w.company_id AND (f.finding_id = w.finding_id OR f.occurrence_id = w.occurrence_id)
             AND f.state = 'closed' AND f.closed_at > w.said_at AND f.verified_by <> w.person_id AND NOT f.simulated
        ORDER BY w.person_id, f.finding_id, w.complaint_id NULLS LAST, w.said_at
        ON CONFLICT DO NOTHING
        """,
        {"now": now, "since": now - HEARD_FOR},
    ).rowcount


def write_settled_own_findings(connection: Connection[Any], now: datetime) -> int:
    """The insurer settled a finding against Davy of a site where somebody had said that alarms come too often, or for nothing. Gives how many are new."""
    return connection.execute(
        """
        INSERT INTO told_back (company_id, site_id, person_id, rating_id, change, journal_id, changed_at, told_at)
        SELECT DISTINCT ON (r.person_id, j.journal_id) r.company_id, r.site_id, r.person_id, r.rating_id, 'own_finding_settled', j.journal_id,
               j.at, %(now)s
        FROM rating r JOIN person p ON p.person_id = r.person_id AND p.active
        JOIN own_finding f ON f.site_id = r.site_id AND f.kind = 'too_many_messages' AND f.closed_at > r.changed_at AND f.closed_by IS NOT NULL
        JOIN journal j ON j.subject = 'own_finding/' || f.own_finding_id AND j.company_id = r.company_id AND j.action = 'own_finding_settled'
             AND j.at <= %(now)s
        WHERE NOT r.useful AND r.reason IN ('too_often', 'no_danger') AND r.changed_at > %(since)s
        ORDER BY r.person_id, j.journal_id, r.changed_at
        ON CONFLICT DO NOTHING
        """,
        {"now": now, "since": now - HEARD_FOR},
    ).rowcount
