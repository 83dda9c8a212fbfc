"""Changing a rotation on the page: read and checked as a site file is, by the same code, so that neither takes what the other refuses.

What is typed becomes the mapping that a site file has for a duty position. It runs inside the caller's transaction, under the web role and
the person's own principal.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import Connection

from alerting import coverage
from alerting.duty import kept, told_of_change
from alerting.roster import holes
from alerting.store import duty
from alerting.store.duty import RosterHead, side_of, unreached
from alerting.store.roster_file import change_head, read_rosters, write_layers
from core.errors import Refused
from core.portfolio import PersonRow, Portfolio
from core.site_rosters import DAYS_AHEAD, RosterRow, check_rosters, read_roster
from core.yaml_lines import Reading, read_block


def find_row(connection: Connection[Any], head: RosterHead) -> RosterRow:
    """The duty position as a site file has it."""
    for row in read_rosters(connection):
        if (row.site, row.key) == (head.site, head.key):
            return row
    raise Refused("There is no such duty position.")


def read_typed(old: RosterRow, typed: Mapping[str, Any], people: Sequence[PersonRow], now: datetime) -> RosterRow:
    """The duty position as somebody has typed it.

    Args:
        typed: time_zone, holidays, may_be_empty and layers, as a site file has them; all else is as it was.
        people: everybody of its own side.

    Raises:
        Refused: with the first mistake.
    """
    mapping = {
        "key": old.key, "name": {"en": old.name, "zh": old.name_zh}, "audience": old.audience, **typed
    }  # fmt: skip
    reading, found = Reading(), Portfolio()
    block = read_block(json.dumps(mapping, ensure_ascii=False).replace("${", "$${"), reading)
    if block is not None:
        block.where = "the roster"
        read_roster(block, found, old.company or "", old.site, old.time_zone)
    mistakes = [sentence for _, sentence in reading.mistakes]
    if not mistakes:
        found.people.extend(people)
        mistakes = [sentence for _, sentence in check_rosters(found, Portfolio())]
    if mistakes:
        raise Refused(mistakes[0])
    (row,) = found.rosters
    if not row.may_be_empty:
        roster, _ = coverage.roster_of(row)
        empty = holes(roster, now, now + timedelta(days=DAYS_AHEAD))
        if empty:
            raise Refused(
                f"Nobody would be on duty at times in the next {DAYS_AHEAD} days, {len(empty)} in number, the first from "
                f"{empty[0].begins_at.astimezone(ZoneInfo(row.time_zone)):%Y-%m-%d %H:%M}; fill that, or say that it is meant."
            )
    return row


def edit(
    connection: Connection[Any],
    roster_id: int,
    *,
    by: int,
    typed: Mapping[str, Any],
    was: str,
    reason: str,
    now: datetime,
) -> None:
    """Changes a rotation; calls that wait go to whom it names now.

    Args:
        was: what `mark` gave when the form was shown.

    Raises:
        Refused: a mistake, no reason, nothing changed, somebody else was faster, or by somebody who may not.
    """
    head, who = kept(connection, roster_id, by)
    if head.audience != "client":
        raise Refused("The rotation of the insurer's duty desk is written in the site file.")
    old = find_row(connection, head)
    if was != mark(old):
        raise Refused("Somebody has changed this rotation since you opened the form; look at it again.")
    row = read_typed(old, typed, side_of(connection, head), now)
    if mark(row) == mark(old):
        raise Refused("That is so already: nothing was changed.")
    if not reason.strip():
        raise Refused("Say why the rotation changes.")
    if not change_head(connection, row):
        raise Refused("There is no such duty position.")
    write_layers(connection, [row])
    for name, channel in unreached(connection, head):
        raise Refused(
            f"{name} has no address for {channel}, by which a route tells this duty position; an integrator adds one to the site file."
        )
    before, after = _told(old), _told(row)
    changed = [name for name in after if after[name] != before[name]]
    duty.journal(
        connection, head, by=by, actor=who.role, now=now, action="roster_edited", old={name: before[name] for name in changed},
        new={name: after[name] for name in changed}, reason=reason,
    )  # fmt: skip
    told_of_change(connection, head, now)


def mark(row: RosterRow) -> str:
    """The same for the same rotation: what a form was filled in against."""
    return hashlib.sha256(json.dumps(_told(row), ensure_ascii=False, sort_keys=True).encode()).hexdigest()[:32]


def _told(row: RosterRow) -> dict[str, Any]:
    """What can be changed, as the journal has it."""
    return {
        "time_zone": row.time_zone,
        "holidays": [day.isoformat() for day in row.holidays],
        "may_be_empty": row.may_be_empty,
        "layers": [layer.told() for layer in row.layers],
    }
