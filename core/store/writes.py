"""Changes of the portfolio, written by whoever imports a site file as the owner of the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString

from psycopg import Connection
from psycopg.types.json import Jsonb

from core.portfolio import (
    AssetRow,
    CompanyRow,
    DeviceRow,
    HazardRow,
    PersonRow,
    PolicyRow,
    Row,
    SensorRow,
    SiteRow,
    ZoneRow,
)

# One import at a time; any number that no other lock of Davy uses.
LOCK = "SELECT pg_advisory_xact_lock(7251102)"

COMPANY = """
INSERT INTO company (key, name, name_zh) VALUES (%(key)s, %(name)s, %(name_zh)s)
ON CONFLICT (key) DO UPDATE SET name = excluded.name, name_zh = excluded.name_zh"""

PERSON = """
INSERT INTO person (company_id, key, name, email, phone, language, role, active)
VALUES ((SELECT company_id FROM company WHERE key = %(company)s),
        %(key)s, %(name)s, %(email)s, %(phone)s, %(language)s, %(role)s, %(active)s)
ON CONFLICT (key) DO UPDATE SET name = excluded.name, email = excluded.email, phone = excluded.phone,
    language = excluded.language, role = excluded.role, active = excluded.active"""

LOOKS_AFTER_NO_MORE = """
DELETE FROM person_company l USING person p, company c
WHERE p.key = %(key)s AND l.person_id = p.person_id AND c.company_id = l.company_id AND c.key <> ALL (%(looks_after)s)"""

LOOKS_AFTER = """
INSERT INTO person_company (person_id, company_id)
SELECT p.person_id, c.company_id FROM person p JOIN company c ON c.key = ANY (%(looks_after)s) WHERE p.key = %(key)s
ON CONFLICT DO NOTHING"""

SITE = """
INSERT INTO site (company_id, key, name, name_zh, time_zone, jurisdiction)
SELECT company_id, %(key)s, %(name)s, %(name_zh)s, %(time_zone)s, %(jurisdiction)s
FROM company WHERE key = %(company)s
ON CONFLICT (key) DO UPDATE SET name = excluded.name, name_zh = excluded.name_zh, time_zone = excluded.time_zone,
    jurisdiction = excluded.jurisdiction"""

POLICY = """
INSERT INTO policy (company_id, number, begins_on, ends_on, premium, sum_insured, currency)
SELECT company_id, %(number)s, %(begins_on)s, %(ends_on)s, %(premium)s, %(sum_insured)s, %(currency)s
FROM company WHERE key = %(company)s
ON CONFLICT (number) DO UPDATE SET begins_on = excluded.begins_on, ends_on = excluded.ends_on,
    premium = excluded.premium, sum_insured = excluded.sum_insured, currency = excluded.currency"""

COVERS_NO_MORE = """
DELETE FROM policy_site l USING policy p, site s
WHERE p.number = %(number)s AND l.policy_id = p.policy_id AND s.site_id = l.site_id AND s.key <> ALL (%(sites)s)"""

COVERS = """
INSERT INTO policy_site (policy_id, site_id, company_id)
SELECT p.policy_id, s.site_id, p.company_id
FROM policy p JOIN site s ON s.company_id = p.company_id AND s.key = ANY (%(sites)s) WHERE p.number = %(number)s
ON CONFLICT DO NOTHING"""

HAZARD_ENDS = """
UPDATE hazard_scenario h SET ended_at = greatest(%(now)s, h.valid_from) FROM site s
WHERE s.key = %(site)s AND h.site_id = s.site_id AND h.key = %(key)s AND h.ended_at IS NULL"""

# The first declaration holds from the day of the assessment, which may lie before the day it was told to Davy.
HAZARD = """
INSERT INTO hazard_scenario (company_id, site_id, key, title, title_zh, likelihood, exposure, consequence, assessed_on, source,
                             valid_from, ended_at)
SELECT s.company_id, s.site_id, %(key)s, %(title)s, %(title_zh)s, %(likelihood)s, %(exposure)s, %(consequence)s,
       %(assessed_on)s, %(source)s,
       CASE WHEN EXISTS (SELECT FROM hazard_scenario h WHERE h.site_id = s.site_id AND h.key = %(key)s) THEN %(now)s
            ELSE least(%(now)s, %(assessed_on)s::timestamp AT TIME ZONE s.time_zone) END,
       CASE WHEN %(retired)s THEN %(now)s::timestamptz END
FROM site s WHERE s.key = %(site)s"""

ZONE = """
INSERT INTO zone (company_id, site_id, key, name, name_zh)
SELECT company_id, site_id, %(key)s, %(name)s, %(name_zh)s FROM site WHERE key = %(site)s
ON CONFLICT (site_id, key) DO UPDATE SET name = excluded.name, name_zh = excluded.name_zh"""

ASSET = """
INSERT INTO asset (company_id, zone_id, key, kind, name, name_zh)
SELECT z.company_id, z.zone_id, %(key)s, %(asset_kind)s, %(name)s, %(name_zh)s
FROM zone z JOIN site s USING (site_id) WHERE s.key = %(site)s AND z.key = %(zone)s
ON CONFLICT (zone_id, key) DO UPDATE SET kind = excluded.kind, name = excluded.name, name_zh = excluded.name_zh"""

DEVICE = """
INSERT INTO device (company_id, site_id, key, kind, retired_at)
SELECT company_id, site_id, %(key)s, %(device_kind)s, CASE WHEN %(retired)s THEN %(now)s::timestamptz END
FROM site WHERE key = %(site)s
ON CONFLICT (key) DO UPDATE SET kind = excluded.kind,
    retired_at = CASE WHEN %(retired)s THEN coalesce(device.retired_at, %(now)s) END"""

GATEWAY = """
UPDATE device SET gateway_id = (SELECT g.device_id FROM device g WHERE g.key = %(gateway)s) WHERE key = %(key)s"""

SENSOR = """
INSERT INTO sensor (company_id, site_id, zone_id, asset_id, device_id, key, name, name_zh, quantity, unit, range_low,
                    range_high, period_s, period_declared, mandatory, states, calibrated_on, calibration_days, is_virtual,
                    valid_from, retired_at)
SELECT d.company_id, d.site_id, z.zone_id, a.asset_id, d.device_id, %(key)s, %(name)s, %(name_zh)s, %(quantity)s,
       %(unit)s, %(range_low)s, %(range_high)s, coalesce(%(period_s)s, 1), %(period_s)s::float8 IS NOT NULL, %(mandatory)s,
       %(states)s, %(calibrated_on)s,
       %(calibration_days)s, %(is_virtual)s, %(now)s,
       CASE WHEN %(retired)s THEN %(now)s::timestamptz END
FROM device d
LEFT JOIN zone z ON z.site_id = d.site_id AND z.key = %(zone)s
LEFT JOIN asset a ON a.zone_id = z.zone_id AND a.key = %(asset)s
WHERE d.key = %(device)s
ON CONFLICT (device_id, key) DO UPDATE SET zone_id = excluded.zone_id, asset_id = excluded.asset_id,
    name = excluded.name, name_zh = excluded.name_zh, quantity = excluded.quantity, range_low = excluded.range_low,
    range_high = excluded.range_high, period_s = excluded.period_s, period_declared = excluded.period_declared,
    mandatory = excluded.mandatory,
    states = excluded.states, calibrated_on = excluded.calibrated_on, calibration_days = excluded.calibration_days,
    valid_from = excluded.valid_from,
    retired_at = CASE WHEN %(retired)s THEN coalesce(sensor.retired_at, %(now)s) END"""

JOURNAL = """
INSERT INTO journal (at, company_id, actor, action, subject, old, new, reason)
VALUES (%(at)s, (SELECT company_id FROM company WHERE key = %(company)s),
        %(actor)s, %(action)s, %(subject)s, %(old)s, %(new)s, %(reason)s)"""

CREDENTIAL = """
UPDATE device SET credential_set_at = %(now)s WHERE key = %(device)s
RETURNING (SELECT c.key FROM company c WHERE c.company_id = device.company_id), retired_at IS NOT NULL"""

DEFINITIONS_CHANGED = "SELECT davy_definitions_changed()"

_STATEMENTS: Final[Mapping[type[Row], Sequence[LiteralString]]] = {
    CompanyRow: (COMPANY,),
    PersonRow: (PERSON, LOOKS_AFTER_NO_MORE, LOOKS_AFTER),
    SiteRow: (SITE,),
    PolicyRow: (POLICY, COVERS_NO_MORE, COVERS),
    HazardRow: (HAZARD_ENDS, HAZARD),
    ZoneRow: (ZONE,),
    AssetRow: (ASSET,),
    DeviceRow: (DEVICE, GATEWAY),
    SensorRow: (SENSOR,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """Who changed what, why, and what it was before.

    Args:
        company: key; None: of no company, or of the insurer.
        actor: who, in words: the command line has no person.
    """

    at: datetime
    company: str | None
    actor: str
    action: str
    subject: str
    old: Mapping[str, Any] | None
    new: Mapping[str, Any] | None
    reason: str


def lock_portfolio(connection: Connection[Any]) -> None:
    """Until the transaction ends, nobody else imports."""
    connection.execute(LOCK)


def write_rows(connection: Connection[Any], rows: Iterable[Row], now: datetime) -> None:
    """Inserts or updates rows of one kind that core owns; what they name must be there."""
    rows = list(rows)
    written = [_parameters(row, now) for row in rows]
    for statement in _STATEMENTS[type(rows[0])] if rows else ():
        with connection.cursor() as cursor:
            cursor.executemany(statement, written)


def write_journal(connection: Connection[Any], entries: Iterable[JournalEntry]) -> None:
    """Appends to the journal."""
    with connection.cursor() as cursor:
        cursor.executemany(
            JOURNAL,
            [
                {
                    "at": each.at,
                    "company": each.company,
                    "actor": each.actor,
                    "action": each.action,
                    "subject": each.subject,
                    "old": None if each.old is None else Jsonb(dict(each.old)),
                    "new": None if each.new is None else Jsonb(dict(each.new)),
                    "reason": each.reason,
                }
                for each in entries
            ],
        )


def mark_credential(connection: Connection[Any], device: str, now: datetime) -> tuple[str, bool] | None:
    """Notes that a device has a new credential.

    Returns:
        Its company's key and whether it is retired; None where there is no such device.
    """
    row = connection.execute(CREDENTIAL, {"device": device, "now": now}).fetchone()
    return None if row is None else (row[0], row[1])


def definitions_changed(connection: Connection[Any]) -> int:
    """Tells ingest and alerting, when the transaction commits.

    Returns:
        The new definitions version.
    """
    row = connection.execute(DEFINITIONS_CHANGED).fetchone()
    assert row is not None
    return int(row[0])


def _parameters(row: Row, now: datetime) -> dict[str, Any]:
    columns = {name: list(value) if isinstance(value, tuple) else value for name, value in row.columns().items()}
    if columns.get("states") is not None:
        columns["states"] = Jsonb(dict(columns["states"]))
    return {**columns, "now": now}
