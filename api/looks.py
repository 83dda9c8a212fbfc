"""Every page and answer that one of the insurer's people opens is written down first, for the client to see.

The gate does it for every route with a right, so that a new one is journalled without thinking of it. What a route is about
is read from its path: `/occurrences/{occurrence_id}` is about an occurrence, `/portfolio` about all companies of the reader.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from api.store import looks
from api.visitor import Visitor
from core.model import Role

INSURER: Final = frozenset({Role.UNDERWRITER, Role.RISK_ENGINEER})
# Parameter of a path -> kind of subject (api/store/looks.py knows whose it is).
PARAMETERS: Final[Mapping[str, str]] = {
    "occurrence_id": "occurrence",
    "finding_id": "finding",
    "own_finding_id": "own_finding",
    "impairment_id": "impairment",
    "order_id": "order",
    "definition_id": "limit",
    "roster_id": "roster",
    "asset_id": "model",
    "complaint_id": "complaint",
    "service_id": "service",
    "site": "site",
}
_LONGEST_ID: Final = 18  # digits that surely fit a bigint


def note(connection: Connection[TupleRow], visitor: Visitor, path: str, parameters: Mapping[str, str]) -> None:
    """Writes down what an insurer's person is about to see.

    Args:
        path: as the route has it, such as `/api/v1/occurrences/{occurrence_id}`.
        parameters: what stands in its places.
    """
    found = subject_of(path, parameters)
    if found is None:
        return  # it names nothing: the page will say so
    subject, kind, key = found
    companies = visitor.companies
    if kind is not None:
        company = looks.company_of(connection, kind, key)
        companies = () if company is None else (company,)
    looks.journal(
        connection,
        companies=companies,
        subject=subject,
        action=looks.LOOKED,
        person_id=visitor.person_id,
        role=visitor.role,
        reason="looked at a page",
    )


def subject_of(path: str, parameters: Mapping[str, str]) -> tuple[str, str | None, str] | None:
    """(what the journal calls it, kind and key where it is one thing); None where the path cannot name anything.

    >>> subject_of("/api/v1/occurrences/{occurrence_id}/curve", {"occurrence_id": "12"})
    ('occurrence/12', 'occurrence', '12')
    >>> subject_of("/sites/{site}/report.pdf", {"site": "north"})
    ('site/north/report.pdf', 'site', 'north')
    >>> subject_of("/portfolio", {}), subject_of("/occurrences/{occurrence_id}", {"occurrence_id": "x"})
    (('portfolio', None, ''), None)
    """
    parts = path.removeprefix("/api/v1").strip("/").split("/")
    for place, part in enumerate(parts):
        if not part.startswith("{"):
            continue
        name = part.strip("{}").partition(":")[0]
        kind, key = PARAMETERS[name], parameters.get(name, "")
        if kind != "site" and not (key.isascii() and key.isdigit() and len(key) <= _LONGEST_ID):
            return None
        more = [each for each in parts[place + 1 :] if not each.startswith("{")] if kind == "site" else []
        return "/".join((kind, key, *more)), kind, key
    return "/".join(parts), None, ""
