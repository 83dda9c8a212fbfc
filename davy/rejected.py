"""`davy rejected`: what was not taken, for the operator, and taking it in again, as owner."""

from __future__ import annotations

import time
from contextlib import closing
from datetime import UTC, datetime
from typing import Any, Final

from core.db import connect
from core.errors import BadInput
from core.migrate import require_current
from core.store.writes import JournalEntry, write_journal
from core.wire_rules import MENDABLE, REASONS
from davy.site.known import require_known
from ingest.store import again as store
from ingest.store.holds import company_of, site_keys

LOOK_S: Final = 0.2


def list_rejected(owner_url: str) -> list[dict[str, Any]]:
    """By reason and device, the newest first."""
    with closing(connect(owner_url, application="rejected")) as connection:
        require_current(connection, "davy_owner")
        return [
            {
                "site": group.site,
                "device": group.device,
                "reason": group.reason,
                "mendable": group.reason in MENDABLE,
                "messages": group.messages,
                "kept": group.kept,
                "cut": group.cut,
                "first_at": group.first_at.isoformat(),
                "last_at": group.last_at.isoformat(),
                "sentence": group.sentence,
            }
            for group in store.lying(connection)
        ]


def replay(
    owner_url: str, *, site: str, device: str, reason: str, actor: str, now: datetime, wait_s: float
) -> dict[str, Any]:
    """Ingest takes a group in again; the company's journal says so.

    Args:
        wait_s: how long is waited for the end.

    Returns:
        messages that were taken and refused, and whether it is finished.

    Raises:
        BadInput: no such site or reason, one that mending the map does not help, or nothing lies there.
    """
    with closing(connect(owner_url, application="rejected")) as connection:
        require_current(connection, "davy_owner")
        require_known(site, site_keys(connection))
        if reason not in REASONS:
            raise BadInput(f"There is no reason {reason[:60]}; `davy rejected list` names those that lie there.")
        if reason not in MENDABLE:
            raise BadInput(f"Mending the map does not help with {reason}: the device must send it right.")
        lying = {(group.site, group.device, group.reason): group for group in store.lying(connection)}
        group = lying.get((site, device, reason))
        if group is None:
            raise BadInput(
                f"Nothing of {device} at {site} lies there for {reason}; `davy rejected list` says what does."
            )
        if not group.kept:
            raise BadInput(
                f"All {group.cut} are longer than 64 KB and kept in part only: the device must send them again."
            )
        with connection.transaction():
            came = store.ask(connection, site=site, device=device, reason=reason, by=actor, now=now)
            entry = JournalEntry(
                at=now,
                company=company_of(connection, site),
                actor=actor,
                action="rejected_replay",
                subject=f"site/{site}",
                old=None,
                new={"replay": came.replay_id, "device": device, "reason": reason},
                reason="taken in again after the map was mended",
            )
            write_journal(connection, [entry])
        deadline = time.monotonic() + wait_s
        while came.finished_at is None and time.monotonic() < deadline:
            time.sleep(LOOK_S)
            came = store.came(connection, came.replay_id)
    return {
        "replay": came.replay_id,
        "asked_at": now.astimezone(UTC).isoformat(),
        "taken": came.taken,
        "refused": came.refused,
        "cut": group.cut,
        "finished": came.finished_at is not None,
    }
