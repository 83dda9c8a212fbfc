"""`davy detectors promote`: a person puts a version in force, with a reason; an older one too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final

from psycopg import Connection

from core.db import connect, transaction
from core.errors import BadInput, Refused
from core.store.writes import JournalEntry, write_journal
from davy.models.plans import find_plan, find_version, unlike
from detectors.store import models as store
from detectors.store.models import FittedRow, Plan
from detectors.store.promotions import Promotion, add_promotion, load_promotions
from detectors.store.shadows import judged_windows
from detectors.store.versions import lock_asset

# At one window in two hundred, five of a thousand are beyond the setpoint: fewer windows do not show a version that cries wolf. Ours.
LEAST_SHADOW: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Promoted:
    """What `davy detectors promote` says.

    Args:
        before: the version that was in force; None: none was.
        shadow_windows: that it had judged in shadow.
        overruled: why it went in force although those were too few.
    """

    asset: str
    version: int
    before: int | None
    promoted_at: str
    reason: str
    shadow_windows: int
    overruled: str | None

    def answer(self) -> dict[str, Any]:
        """For a machine."""
        return asdict(self)

    def line(self) -> str:
        """For a person."""
        instead = "; nobody judged before" if self.before is None else f" instead of version {self.before}"
        return f"{self.asset}: version {self.version} judges from {self.promoted_at} on{instead}."


def promote_version(
    url: str,
    token: Callable[[], str],
    *,
    asset: str,
    version: int,
    actor: str,
    reason: str,
    overrule: str = "",
    now: datetime | None = None,
) -> Promoted:
    """Puts a version in force; running processes take it up from the first window that ends after it.

    Args:
        overrule: why it goes in force although it has not judged enough windows in shadow.

    Raises:
        BadInput: no such model or version, no reason, or it is in force already.
        Refused: it was fitted for something else than is declared now, or has not judged enough windows in shadow.
        DatabaseAway: it does not answer.
    """
    at = now or datetime.now(UTC)
    connection = connect(url, application="detectors-promote")
    try:
        with transaction(connection, token()):
            plan = find_plan(store.load_plans(connection), asset)
            lock_asset(connection, plan.asset_id)
            row = find_version(connection, plan, version)[0]
            return put_in_force(connection, plan, row, at=at, actor=actor, reason=reason, overrule=overrule)
    finally:
        connection.close()


def put_in_force(
    connection: Connection[Any], plan: Plan, row: FittedRow, *, at: datetime, actor: str, reason: str, overrule: str
) -> Promoted:
    """The same within a transaction that has locked the asset.

    Args:
        row: any kind of the version.

    Raises:
        BadInput, Refused: as of `promote_version`.
    """
    if not reason.strip():
        raise BadInput(f'Say why version {row.version} of {plan.key} is to judge: --reason "...". It is kept.')
    if why := unlike(row, plan):
        raise Refused(f"Version {row.version} of {plan.key} {why}. Fit it anew.")
    earlier = load_promotions(connection, plan.asset_id).get(plan.asset_id, [])
    if earlier and earlier[0].version == row.version:
        raise BadInput(
            f"Version {row.version} of {plan.key} is in force already, since {earlier[0].promoted_at.isoformat()}."
        )
    judged = judged_windows(connection, plan.asset_id, row.version)
    overruled = _must_be_overruled(plan, row.version, judged, earlier, overrule)
    promotion = Promotion(
        asset_id=plan.asset_id,
        version=row.version,
        promoted_at=at,
        promoted_by=actor,
        reason=reason.strip(),
        shadow_windows=judged,
        overruled=overruled,
    )
    add_promotion(connection, plan, promotion)
    before = earlier[0].version if earlier else None
    write_journal(connection, [_entry(plan, promotion, before)])
    return Promoted(
        asset=plan.key,
        version=row.version,
        before=before,
        promoted_at=at.isoformat(),
        reason=promotion.reason,
        shadow_windows=judged,
        overruled=overruled,
    )


def _must_be_overruled(plan: Plan, version: int, judged: int, earlier: list[Promotion], overrule: str) -> str | None:
    """What was written against the rule, where the rule stands in the way; None where it does not.

    The first version of an asset stands beside nobody, and one that has judged before has shown what it does.

    Raises:
        Refused: it stands in the way, and nothing was written.
    """
    if not earlier or judged >= LEAST_SHADOW or any(each.version == version for each in earlier):
        return None
    if overrule.strip():
        return overrule.strip()
    raise Refused(
        f"Version {version} of {plan.key} has judged {judged} windows in shadow; {LEAST_SHADOW} are asked for before it takes over, "
        f"about {(LEAST_SHADOW - judged) * plan.window_s / 3600:.1f} h more. Wait and look at `davy detectors compare`, or write why "
        'it cannot wait: --although-untried "...".'
    )


def _entry(plan: Plan, promotion: Promotion, before: int | None) -> JournalEntry:
    new: dict[str, Any] = {"version": promotion.version, "shadow_windows": promotion.shadow_windows}
    if promotion.overruled is not None:
        new["overruled"] = promotion.overruled
    return JournalEntry(
        at=promotion.promoted_at,
        company=plan.company,
        actor=promotion.promoted_by,
        action="model_promoted",
        subject=f"model {plan.key}",
        old=None if before is None else {"version": before},
        new=new,
        reason=promotion.reason,
    )
