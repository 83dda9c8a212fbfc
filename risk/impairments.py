"""What people do to impairments: take a protection out of service, extend, restore with proof. Inside the caller's transaction.

Each act leaves an entry in the journal: who, when, why, what was before and is now.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from psycopg import Connection

from core.errors import Refused
from risk import impairment as rules
from risk.findings import LONGEST_TEXT, LONGEST_TITLE, client_worker, text_of
from risk.impairment import Outage
from risk.store import findings, people
from risk.store import impairments as store
from risk.store.impairments import ImpairmentRow

LONGEST_REASON: Final = 1000  # characters, as impairment.reason


def begin(
    connection: Connection[Any], *, person_id: int, now: datetime, site_id: int, zone_id: int | None, outage: Outage
) -> int:
    """Writes down that a protection is, or will be, out of service: the clock runs. Gives its id.

    Raises:
        Refused: something missing, a place or detector from elsewhere, or times that cannot be.
    """
    who = client_worker(connection, person_id)
    kept = Outage(
        kind=outage.kind,
        what=text_of(outage.what, "Say what is out of service: which valve, pump, panel or detector.", LONGEST_TITLE),
        reason=text_of(outage.reason, "An impairment needs a reason.", LONGEST_REASON),
        interim_measures=text_of(
            outage.interim_measures,
            "Say what holds meanwhile: fire watch, portable detectors, work stopped.",
            LONGEST_TEXT,
        ),
        began_at=outage.began_at,
        expected_until=outage.expected_until,
        sensor_id=outage.sensor_id,
    )
    company = people.place_company(connection, site_id, zone_id)
    if company is None or company != who.company_id:
        raise Refused("There is no such site or zone; choose one from the list.")
    rules.check_outage(kept, now)
    if kept.sensor_id is not None:
        stands = people.detector_place(connection, kept.sensor_id)
        rules.check_detector(site_id=site_id, zone_id=zone_id, stands=stands)
    impairment_id = store.insert(
        connection, kept, company_id=company, site_id=site_id, zone_id=zone_id, person_id=person_id, now=now
    )
    store.journal(
        connection, impairment_id, company_id=company, person_id=person_id, actor=who.role, action="impairment_begun",
        reason=kept.reason, now=now, old=None,
        new={"kind": kept.kind, "what": kept.what, "interim_measures": kept.interim_measures,
             "began_at": kept.began_at.isoformat(), "expected_until": kept.expected_until.isoformat()},
    )  # fmt: skip
    findings.notify(connection, company)
    return impairment_id


def extend(
    connection: Connection[Any],
    impairment_id: int,
    *,
    person_id: int,
    now: datetime,
    until: datetime,
    reason: str,
    interim_measures: str = "",
) -> None:
    """It takes longer: a later end, with a reason, and what holds meanwhile where that changes.

    Raises:
        Refused: restored already, no reason, not later, or past.
    """
    who = client_worker(connection, person_id)
    why = text_of(reason, "An extension needs a reason.", LONGEST_REASON)
    found = _locked(connection, impairment_id)
    rules.check_extension(found.expected_until, until, began_at=found.began_at, now=now)
    measures = text_of(interim_measures, None, LONGEST_TEXT) or found.interim_measures
    store.write_extension(connection, impairment_id, until, measures)
    old: dict[str, str] = {"expected_until": found.expected_until.isoformat()}
    new: dict[str, str] = {"expected_until": until.isoformat()}
    if measures != found.interim_measures:
        old["interim_measures"], new["interim_measures"] = found.interim_measures, measures
    store.journal(
        connection, impairment_id, company_id=found.company_id, person_id=person_id, actor=who.role,
        action="impairment_extended", reason=why, now=now, old=old, new=new,
    )  # fmt: skip
    findings.notify(connection, found.company_id)


def restore(
    connection: Connection[Any], impairment_id: int, *, person_id: int, now: datetime, restored_at: datetime, proof: str
) -> None:
    """It works again, and how that is known: what was tested, with what result.

    Raises:
        Refused: restored already, no proof, before it began, or in the future.
    """
    who = client_worker(connection, person_id)
    shown = text_of(proof, "Restoring needs proof: what was tested, and with what result.", LONGEST_TEXT)
    found = _locked(connection, impairment_id)
    restored_at = rules.restoring_time(restored_at, began_at=found.began_at)
    rules.check_restoring(restored_at, began_at=found.began_at, now=now)
    store.write_restoring(connection, impairment_id, restored_at=restored_at, person_id=person_id, proof=shown)
    store.journal(
        connection, impairment_id, company_id=found.company_id, person_id=person_id, actor=who.role,
        action="impairment_restored", reason=shown, now=now, old={"restored_at": None},
        new={"restored_at": restored_at.isoformat()},
    )  # fmt: skip
    findings.notify(connection, found.company_id)


def _locked(connection: Connection[Any], impairment_id: int) -> ImpairmentRow:
    found = store.lock(connection, impairment_id)
    if found is None:
        if store.exists(connection, impairment_id):
            raise Refused("This protection is restored already; if it is out again, register it anew.")
        raise Refused(f"There is no impairment {impairment_id}.")
    return found
