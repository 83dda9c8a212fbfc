"""The portfolio as it is in the database, as rows of `core.portfolio`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, LiteralString, TypeVar

from psycopg import Connection
from psycopg.rows import kwargs_row

from core.portfolio import (
    AssetRow,
    CompanyRow,
    DeviceRow,
    HazardRow,
    PersonRow,
    PolicyRow,
    Portfolio,
    SensorRow,
    SiteRow,
    ZoneRow,
)

T = TypeVar("T")

COMPANIES = "SELECT key AS company, key, name, name_zh FROM company ORDER BY company_id"

PEOPLE = """
SELECT c.key AS company, p.key, p.name, p.role, p.language, p.email, p.phone, p.active,
       ARRAY(SELECT k.key FROM person_company l JOIN company k USING (company_id)
             WHERE l.person_id = p.person_id ORDER BY k.key COLLATE "C") AS looks_after
FROM person p LEFT JOIN company c USING (company_id)
ORDER BY p.person_id"""

SITES = """
SELECT c.key AS company, s.key, s.name, s.name_zh, s.time_zone, s.jurisdiction
FROM site s JOIN company c USING (company_id)
ORDER BY s.site_id"""

# The newest declaration of each scenario; one that has ended stands for a retired one.
HAZARDS = """
SELECT c.key AS company, s.key AS site, h.key, h.title, h.title_zh, h.likelihood, h.exposure, h.consequence, h.assessed_on,
       h.source, h.ended_at IS NOT NULL AS retired
FROM hazard_scenario h JOIN site s USING (site_id) JOIN company c ON c.company_id = h.company_id
WHERE NOT EXISTS (SELECT FROM hazard_scenario n WHERE n.site_id = h.site_id AND n.key = h.key AND n.scenario_id > h.scenario_id)
ORDER BY h.site_id, h.key"""

POLICIES = """
SELECT c.key AS company, p.number, p.begins_on, p.ends_on, p.premium, p.sum_insured, p.currency,
       ARRAY(SELECT s.key FROM policy_site l JOIN site s USING (site_id)
             WHERE l.policy_id = p.policy_id ORDER BY s.key COLLATE "C") AS sites
FROM policy p JOIN company c USING (company_id)
ORDER BY p.policy_id"""

ZONES = """
SELECT c.key AS company, s.key AS site, z.key, z.name, z.name_zh
FROM zone z JOIN site s USING (site_id) JOIN company c ON c.company_id = z.company_id
ORDER BY z.zone_id"""

ASSETS = """
SELECT c.key AS company, s.key AS site, z.key AS zone, a.key, a.kind AS asset_kind, a.name, a.name_zh
FROM asset a JOIN zone z USING (zone_id) JOIN site s ON s.site_id = z.site_id
JOIN company c ON c.company_id = a.company_id
ORDER BY a.asset_id"""

DEVICES = """
SELECT c.key AS company, s.key AS site, d.key, d.kind AS device_kind, g.key AS gateway,
       d.retired_at IS NOT NULL AS retired
FROM device d JOIN site s USING (site_id) JOIN company c ON c.company_id = d.company_id
LEFT JOIN device g ON g.device_id = d.gateway_id
WHERE NOT starts_with(d.key, '_test.') -- Davy makes it when it is first wanted (0034): no file and no map knows it
ORDER BY d.device_id"""

SENSORS = """
SELECT c.key AS company, t.key AS site, d.key AS device, s.key, s.name, s.name_zh, s.quantity, s.unit,
       z.key AS zone, a.key AS asset, s.range_low, s.range_high,
       CASE WHEN s.period_declared THEN s.period_s END AS period_s, s.mandatory, s.states,
       s.calibrated_on, s.calibration_days, s.is_virtual,
       s.retired_at IS NOT NULL AS retired
FROM sensor s JOIN device d USING (device_id) JOIN site t ON t.site_id = s.site_id
JOIN company c ON c.company_id = s.company_id
LEFT JOIN zone z ON z.zone_id = s.zone_id LEFT JOIN asset a ON a.asset_id = s.asset_id
WHERE s.judged AND NOT starts_with(d.key, '_test.')
ORDER BY s.sensor_id"""


def read_portfolio(connection: Connection[Any]) -> Portfolio:
    """Everything core keeps of all companies, in the order it came; addresses, limits and routes are alerting's."""
    return Portfolio(
        companies=_rows(connection, COMPANIES, CompanyRow),
        people=_rows(connection, PEOPLE, lambda **row: PersonRow(**row | {"looks_after": tuple(row["looks_after"])})),
        sites=_rows(connection, SITES, SiteRow),
        policies=_rows(connection, POLICIES, lambda **row: PolicyRow(**row | {"sites": tuple(row["sites"])})),
        hazards=_rows(connection, HAZARDS, HazardRow),
        zones=_rows(connection, ZONES, ZoneRow),
        assets=_rows(connection, ASSETS, AssetRow),
        devices=_rows(connection, DEVICES, DeviceRow),
        sensors=_rows(connection, SENSORS, SensorRow),
    )


def _rows(connection: Connection[Any], query: LiteralString, row: Callable[..., T]) -> list[T]:
    with connection.cursor(row_factory=kwargs_row(row)) as cursor:
        return cursor.execute(query).fetchall()
