"""Something that waits for a second person, for tests that need one of each kind."""

from __future__ import annotations

from alerting.outbox import LEASE
from core.occasion import Subject
from tests.alerting.plant import NOW, Plant


def something_approved(plant: Plant, subject: Subject) -> int:
    """An order, or a change that nobody has settled; its number."""
    of = plant.company, plant.site
    by = plant.people["officer"], NOW
    statement, values = {
        Subject.ORDER: (
            ("INSERT INTO suppression_order (company_id, site_id, kind, begins_at, ends_at, number, reason, signed_by, requested_by, recorded_at)"
            " VALUES (%s, %s, 'out_of_service', %s, %s, 'x', 'x', 'x', %s, %s) RETURNING order_id"), (*of, NOW, NOW + LEASE, *by),
        ),
        Subject.LIMIT_CHANGE: (
            ("INSERT INTO limit_change (company_id, site_id, definition_id, base_version, old, proposed, reason, proposed_by, proposed_at)"
            " VALUES (%s, %s, %s, 1, '{\"setpoint\": 25}', '{\"setpoint\": 20}', 'x', %s, %s) RETURNING change_id"), (*of, plant.definitions["gas"].definition_id, *by),
        ),
        Subject.ROUTE_CHANGE: (
            ("INSERT INTO route_change (company_id, site_id, route_id, old, proposed, reason, proposed_by, proposed_at)"
            " SELECT %s, %s, route_id, davy_route_steps(route_id), davy_route_steps(route_id), 'x', %s, %s FROM route ORDER BY route_id LIMIT 1"
            " RETURNING change_id"), (*of, *by),
        ),
    }[subject]  # fmt: skip
    return int(plant.rows(statement, *values)[0][0])
