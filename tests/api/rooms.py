"""Of one company one of each thing that the rooms of models, of the second opinion, of routes and of findings against Davy show."""

from __future__ import annotations

from datetime import timedelta

from psycopg.types.json import Jsonb

from risk.own_finding import Offending, TooMany
from tests.api.plant import Company, Plant
from tests.api.test_model_card import modelled, scored


def rooms_of(plant: Plant, company: Company, value: float = 71.0) -> dict[str, int]:
    """Its ids by the names that routes give them.

    Args:
        value: what the second opinion says that a sensor read.
    """
    made = {"asset_id": modelled(plant, company)}
    scored(plant, company)
    at = plant.began - timedelta(hours=3)
    worst = Offending(
        limit="lel-pump.lel-1", title=f"Gas at {company.key}", title_zh=company.key, announced=9, change=None, backtest=None
    )  # fmt: skip
    facts = TooMany(days_over=4, of_days=7, most=23, budget=5, people=2, proposed=(worst,))
    fact = {"sensor": company.sensors["temp-pump"], "feature": "level", "value": value, "low": value, "high": value, "times": None, "steps": 5.0}  # fmt: skip
    given = {
        "company": company.company_id, "site": company.site_id, "person": company.people["officer"], "at": at, "until": at + timedelta(minutes=15),
        "sensor": company.sensors["temp-pump"], "key": f"{company.key}-route", "facts": Jsonb(facts.as_json()), "odd": Jsonb([fact]),
    }  # fmt: skip
    with plant.owner() as owner:
        for name, query in _MADE.items():
            row = owner.execute(query, {**given, **made}).fetchone()
            assert row is not None
            made[name] = int(row[0])
    return made


_MADE = {
    "own_finding_id": """
        INSERT INTO own_finding (company_id, site_id, kind, opened_at, told_at, facts)
        VALUES (%(company)s, %(site)s, 'too_many_messages', %(at)s, %(at)s, %(facts)s) RETURNING own_finding_id""",
    "route_id": """
        INSERT INTO route (company_id, site_id, key, audience, priorities)
        VALUES (%(company)s, %(site)s, %(key)s, 'client', '{life-safety}') RETURNING route_id""",
    "step": """
        INSERT INTO route_step (route_id, company_id, position, after_s, person_id, channel)
        VALUES (%(route_id)s, %(company)s, 0, 0, %(person)s, 'smtp') RETURNING position""",
    "change_id": """
        INSERT INTO route_change (company_id, site_id, route_id, old, proposed, reason, proposed_by, proposed_at)
        SELECT %(company)s, %(site)s, %(route_id)s, s, s, %(key)s, %(person)s, %(at)s FROM davy_route_steps(%(route_id)s) s RETURNING change_id""",
    "night_id": """
        INSERT INTO second_opinion_night (company_id, site_id, day, state, begun_at, ended_at, subjects, windows)
        VALUES (%(company)s, %(site)s, %(at)s::date, 'done', %(at)s, %(at)s, 2, 192) RETURNING night_id""",
    "opinion_id": """
        INSERT INTO second_opinion (company_id, night_id, place, kind, sensor_id, asset_id, from_at, until_at, rank, models, facts)
        VALUES (%(company)s, %(night_id)s, 1, 'asset', %(sensor)s, %(asset_id)s, %(at)s, %(until)s, 1.5, '{pca}', %(odd)s) RETURNING opinion_id""",
}
