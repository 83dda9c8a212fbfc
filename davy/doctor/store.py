"""What doctor asks the database, as owner; it changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from psycopg import Connection
from psycopg.rows import class_row

from alerting.store.compounds import load_compounds
from alerting.store.definitions import load_definitions
from core.model import DefinitionSet


@dataclass(frozen=True, slots=True)
class ServerVersion:
    """Which database this is.

    Args:
        number: such as 170004.
        timescaledb: its version; None on plain PostgreSQL.
        licence: `apache` or `timescale`; None on plain PostgreSQL.
    """

    number: int
    version: str
    timescaledb: str | None
    licence: str | None


def server_version(connection: Connection[Any]) -> ServerVersion:
    """Version and licence."""
    with connection.cursor(row_factory=class_row(ServerVersion)) as cursor:
        row = cursor.execute(
            """SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS version,
                      (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb') AS timescaledb,
                      current_setting('timescaledb.license', true) AS licence"""
        ).fetchone()
    assert row is not None
    return row


@dataclass(frozen=True, slots=True)
class Beat:
    """The last word of an ingest worker.

    Args:
        off: which detectors broke and are switched off.
        late: sensors whose late readings no average has counted yet; uncounted: names of those that could not be counted.
    """

    worker: str
    state: str
    beat_at: datetime
    off: list[str]
    late: int
    uncounted: list[str]


def beats(connection: Connection[Any]) -> list[Beat]:
    """The last word of each worker."""
    with connection.cursor(row_factory=class_row(Beat)) as cursor:
        return cursor.execute(
            """
            SELECT worker, state, beat_at, ARRAY(SELECT jsonb_object_keys(report -> 'detectors_off') ORDER BY 1) AS off,
                   coalesce((report #>> '{late,waiting}')::int, 0) AS late,
                   ARRAY(SELECT device.key || '/' || sensor.key
                         FROM jsonb_array_elements_text(coalesce(report #> '{late,failing}', '[]')) AS failing(id)
                         JOIN sensor ON sensor.sensor_id = failing.id::int JOIN device USING (device_id) ORDER BY 1) AS uncounted
            FROM ingest_status ORDER BY worker
            """
        ).fetchall()


def definitions(connection: Connection[Any]) -> DefinitionSet:
    """All that ingest judges by, conditions of compounds' own with them, without a directory."""
    with connection.transaction():  # it is read in parts
        _, own = load_compounds(connection)
        rows = load_definitions(connection, own)
    return DefinitionSet(0, rows, np.zeros(len(rows), np.int32), 1)


def site_keys(connection: Connection[Any]) -> dict[int, str]:
    """What each site is called."""
    return dict(connection.execute("SELECT site_id, key FROM site").fetchall())


def database_now(connection: Connection[Any]) -> datetime:
    """What the database's clock shows."""
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    now: datetime = row[0]
    return now


@dataclass(frozen=True, slots=True)
class Waiting:
    """Notifications that are due and not delivered.

    Args:
        oldest: when the first of them was due; None without one.
        failed: how many have been given up in the last day.
    """

    count: int
    oldest: datetime | None
    failed: int


def waiting_notifications(connection: Connection[Any], now: datetime) -> Waiting:
    """What is due at `now` and still waits."""
    with connection.cursor(row_factory=class_row(Waiting)) as cursor:
        row = cursor.execute(
            """SELECT count(*) FILTER (WHERE state IN ('waiting', 'claimed') AND due_at <= %(now)s) AS count,
                      min(due_at) FILTER (WHERE state IN ('waiting', 'claimed') AND due_at <= %(now)s) AS oldest,
                      count(*) FILTER (WHERE state = 'failed' AND finished_at > %(now)s - interval '1 day') AS failed
               FROM notification WHERE state IN ('waiting', 'claimed', 'failed')""",
            {"now": now},
        ).fetchone()
    assert row is not None
    return row


def addresses(connection: Connection[Any], channel: str) -> Sequence[str]:
    """Where a channel's messages would go: people who are in a route step, each address once."""
    rows = connection.execute(
        """SELECT DISTINCT a.address FROM channel_address a JOIN v_route_person s USING (person_id, channel)
           WHERE a.channel = %s ORDER BY 1""",
        (channel,),
    ).fetchall()
    return [row[0] for row in rows]


def unheard_routes(connection: Connection[Any]) -> list[str]:
    """Routes of which nobody is active, still of their side, and to be reached at an address that lives; as site/route."""
    rows = connection.execute(
        """SELECT t.key || '/' || r.key FROM route r JOIN site t USING (site_id)
           WHERE NOT EXISTS (
               SELECT FROM v_route_person e JOIN person p USING (person_id)
               WHERE e.route_id = r.route_id AND p.active
                 AND CASE r.audience WHEN 'client' THEN p.company_id = r.company_id ELSE p.company_id IS NULL AND EXISTS (
                     SELECT FROM person_company c WHERE c.person_id = p.person_id AND c.company_id = r.company_id) END
                 AND EXISTS (SELECT FROM channel_address a WHERE a.person_id = e.person_id AND a.channel = e.channel AND a.dead_at IS NULL))
           ORDER BY 1"""
    ).fetchall()
    return [row[0] for row in rows]


@dataclass(frozen=True, slots=True)
class SiteSilence:
    """When something was last heard of a site that has sensors."""

    site: str
    received_at: datetime | None


def last_readings(connection: Connection[Any]) -> list[SiteSilence]:
    """Each site with sensors of its own, the longest silent first."""
    with connection.cursor(row_factory=class_row(SiteSilence)) as cursor:
        return cursor.execute(
            """SELECT si.key AS site, max(l.received_at) AS received_at
               FROM site si JOIN sensor s USING (site_id) LEFT JOIN latest l USING (sensor_id)
               WHERE s.retired_at IS NULL AND NOT s.is_virtual
               GROUP BY si.key ORDER BY max(l.received_at) NULLS FIRST, si.key"""
        ).fetchall()


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """A device's clock minus ours."""

    device: str
    offset_s: float


def clock_offsets(connection: Connection[Any], heard_since: datetime | None = None) -> list[ClockOffset]:
    """Devices whose clock is known, the worst first.

    Args:
        heard_since: only those heard from since then.
    """
    with connection.cursor(row_factory=class_row(ClockOffset)) as cursor:
        return cursor.execute(
            """SELECT d.key AS device, t.clock_offset_ms / 1000 AS offset_s
               FROM device_stream t JOIN device d USING (device_id)
               WHERE t.clock_offset_ms IS NOT NULL AND d.retired_at IS NULL
                 AND (%(since)s::timestamptz IS NULL OR t.last_received_at >= %(since)s)
               ORDER BY abs(t.clock_offset_ms) DESC, d.key""",
            {"since": heard_since},
        ).fetchall()


@dataclass(frozen=True, slots=True)
class ModelState:
    """How a declared model stands.

    Args:
        fitted_at: its first fit; None: none yet.
        promoted_at: since when somebody judges; None: no version is in force.
        drifted_since: since when the version in force no longer fits its machine; None: it does.
        scored_until: end of the last window that was scored.
        heard_until: end of the last window that ingest has stored.
    """

    key: str
    window_s: float
    fitted_at: datetime | None
    promoted_at: datetime | None
    drifted_since: datetime | None
    scored_until: datetime | None
    heard_until: datetime | None

    def is_late(self, now: datetime, grace: timedelta) -> bool:
        """Whether a window is due since longer than `grace`."""
        last = self.scored_until or self.promoted_at
        return last is not None and now - last > grace + timedelta(seconds=self.window_s)

    def is_unheard(self, grace: timedelta) -> bool:
        """Whether what was scored has not come in for longer than `grace`."""
        if self.scored_until is None or self.promoted_at is None:
            return False
        return self.scored_until - (self.heard_until or self.promoted_at) > grace


def models(connection: Connection[Any]) -> list[ModelState]:
    """The models that are declared and not retired."""
    with connection.cursor(row_factory=class_row(ModelState)) as cursor:
        return cursor.execute(
            """SELECT m.key, m.window_s, (SELECT min(f.fitted_at) FROM detector_model f WHERE f.asset_id = m.asset_id) AS fitted_at,
                      (SELECT min(q.promoted_at) FROM model_promotion q WHERE q.asset_id = m.asset_id) AS promoted_at,
                      (SELECT w.drifted_since FROM model_drift w WHERE w.asset_id = m.asset_id AND w.version = (
                          SELECT q.version FROM model_promotion q WHERE q.asset_id = m.asset_id ORDER BY q.promoted_at DESC LIMIT 1)) AS drifted_since,
                      p.scored_until, l.measured_at AS heard_until
               FROM asset_model m LEFT JOIN model_progress p USING (asset_id)
               LEFT JOIN device d ON d.key = '_model.' || m.key
               LEFT JOIN sensor s ON s.device_id = d.device_id AND s.key = '_missing'
               LEFT JOIN latest l ON l.sensor_id = s.sensor_id
               WHERE m.retired_at IS NULL ORDER BY m.key"""
        ).fetchall()


def user_of(connection: Connection[Any]) -> str:
    """Whom a connection acts as."""
    row = connection.execute("SELECT current_user").fetchone()
    return str(row[0]) if row else ""


def sees_everything(connection: Connection[Any]) -> bool:
    """Whether the database believes the token of this transaction."""
    row = connection.execute("SELECT davy_everything()").fetchone()
    return bool(row and row[0])
