"""Why a site file changes what it changes: asked for, and kept in the journal with who answers for it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from core.errors import Refused
from core.site_changes import Change
from core.store.writes import JournalEntry

DEFAULT_REASON: Final = "site import"
_TOLD: Final = 5


def require_reason(changes: Iterable[Change], reason: str) -> None:
    """Whether it is said where it is needed.

    Raises:
        Refused: something that alarms depend on changes, and nobody says why.
    """
    unexplained = [change for change in changes if change.needs_reason]
    if unexplained and not reason.strip():
        told = "; ".join(str(change) for change in unexplained[:_TOLD])
        more = f"; and {len(unexplained) - _TOLD} more" if len(unexplained) > _TOLD else ""
        raise Refused(f"These changes touch what alarms depend on, so say why with --reason: {told}{more}.")


def journal_entries(
    changes: Iterable[Change], now: datetime, actor: str, reason: str, answered: Mapping[str, str]
) -> list[JournalEntry]:
    """What the journal says; beside a change of people or addresses that two answer for, who they are.

    Args:
        answered: by subject.
    """
    why = reason.strip() or DEFAULT_REASON
    return [
        JournalEntry(
            at=now,
            company=change.row.company,
            actor=actor,
            action=f"{change.row.kind}_{change.action}",
            subject=change.subject,
            old=change.old,
            new=change.new,
            reason=why + answered.get(change.subject, ""),
        )
        for change in changes
    ]
