"""What forms offer to choose from: a company's sites and zones, its people who work on findings, its detectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class Place:
    """A site, or a zone of one."""

    site_id: int
    zone_id: int | None
    site: str
    site_zh: str
    zone: str | None
    zone_zh: str | None
    time_zone: str

    @property
    def code(self) -> str:
        """As a form sends it."""
        return f"s{self.site_id}" if self.zone_id is None else f"s{self.site_id}z{self.zone_id}"


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody who can be made responsible."""

    person_id: int
    name: str
    role: str


@dataclass(frozen=True, slots=True)
class DetectorChoice:
    """A detector that can be bypassed."""

    sensor_id: int
    name: str
    name_zh: str
    zone: str | None
    zone_zh: str | None
    site: str
    site_zh: str


def places(connection: Connection[Any], company_id: int | None) -> list[Place]:
    """Zones of each site first, then the site as a whole."""
    with connection.cursor(row_factory=class_row(Place)) as cursor:
        return cursor.execute(
            """
            SELECT s.site_id, z.zone_id, s.name AS site, s.name_zh AS site_zh, z.name AS zone, z.name_zh AS zone_zh, s.time_zone
            FROM site s LEFT JOIN zone z USING (site_id) WHERE s.company_id = %(company)s
            UNION
            SELECT s.site_id, NULL, s.name, s.name_zh, NULL, NULL, s.time_zone FROM site s WHERE s.company_id = %(company)s
            ORDER BY site, zone NULLS LAST
            """,
            {"company": company_id},
        ).fetchall()


def sites_of(connection: Connection[Any], company_ids: Sequence[int]) -> list[Place]:
    """The sites of several companies, as a whole."""
    with connection.cursor(row_factory=class_row(Place)) as cursor:
        return cursor.execute(
            """
            SELECT site_id, NULL::int AS zone_id, name AS site, name_zh AS site_zh, NULL::text AS zone, NULL::text AS zone_zh, time_zone
            FROM site WHERE company_id = ANY(%s) ORDER BY name, site_id
            """,
            (list(company_ids),),
        ).fetchall()


def colleagues(connection: Connection[Any], company_id: int) -> list[Colleague]:
    """The company's active people, by name."""
    with connection.cursor(row_factory=class_row(Colleague)) as cursor:
        return cursor.execute(
            """
            SELECT person_id, name, role FROM person
            WHERE company_id = %s AND active AND role IN ('safety_officer', 'integrator') ORDER BY name, person_id
            """,
            (company_id,),
        ).fetchall()


def myself_at_the_insurer(connection: Connection[Any]) -> list[tuple[int, str]]:
    """Whom one of the insurer's people may put on duty at their desk: themselves. They see none of the others by name."""
    rows = connection.execute(
        "SELECT person_id, name FROM person WHERE person_id = davy_person() AND company_id IS NULL AND active"
    )
    return [(int(person_id), str(name)) for person_id, name in rows.fetchall()]


def detectors(connection: Connection[Any], company_id: int | None) -> list[DetectorChoice]:
    """The company's sensors in use, by site and name."""
    with connection.cursor(row_factory=class_row(DetectorChoice)) as cursor:
        return cursor.execute(
            """
            SELECT n.sensor_id, n.name, n.name_zh, z.name AS zone, z.name_zh AS zone_zh, s.name AS site, s.name_zh AS site_zh
            FROM sensor n JOIN site s ON s.site_id = n.site_id LEFT JOIN zone z ON z.zone_id = n.zone_id
            WHERE n.company_id = %s AND n.retired_at IS NULL AND NOT n.is_virtual
            ORDER BY site, zone NULLS LAST, n.name
            """,
            (company_id,),
        ).fetchall()
