"""`davy retain` and `davy hold`: what is forgotten and what is not, for the operator, as owner."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from psycopg import Connection

from core.db import connect
from core.errors import BadInput
from core.migrate import require_current
from core.settings import Settings
from core.store.writes import JournalEntry, write_journal
from davy.answer import say
from davy.duties.retention import forget_old_rows, keep_of
from davy.site.known import require_known
from ingest.retention import Chunk, Destiny, Fate, Hold, Keep, bytes_per_day, days_of_disk, destinies
from ingest.store import holds as store
from ingest.store.chunks import Outcome, Storage, storage_of

AROUND: Final = timedelta(hours=72)  # what a claim asks for beside an occurrence, on both sides of it; ours
_UNITS: Final = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
TOLD: Final = {
    Outcome.DROPPED: "dropped",
    Outcome.COMPRESSED: "compressed",
    Outcome.BUSY: "somebody uses it: run this again, or leave it to the risk process",
    Outcome.HELD: "a legal hold covers it",
    Outcome.NEEDED: "not all of it is in minutes and hours yet, or ingest would read it after a restart",
    Outcome.NEWEST: "the two newest days that hold readings stay",
    Outcome.YOUNG: "nothing younger than two days is touched",
    Outcome.UNKNOWN: "it is gone already",
    Outcome.NO_LICENCE: "the licence does not allow it",
}


@dataclass(frozen=True, slots=True)
class State:
    """What there is, and what is to become of it."""

    storage: Storage
    chunks: list[Chunk]
    holds: list[Hold]
    destinies: list[Destiny]


def look(connection: Connection[Any], keep: Keep, now: datetime) -> State:
    """Asks the database; changes nothing."""
    storage = storage_of(connection)
    chunks, held = storage.chunks(connection), store.holds(connection)
    return State(storage, chunks, held, destinies(chunks, held, keep, now, compresses=storage.compresses))


def retain(settings: Settings, *, dry_run: bool, as_json: bool, now: datetime | None = None) -> int:
    """Says what would go, or lets it go.

    Returns:
        Exit status: 1 where something is due and could not go for another reason than a hold.
    """
    at, keep = now or datetime.now(UTC), keep_of(settings)
    with closing(connect(settings.secret("database_url_owner"), application="retain")) as connection:
        require_current(connection, "davy_owner")
        state = look(connection, keep, at)
        outcomes: dict[str, Outcome] = {}
        rows = 0
        if not dry_run:
            outcomes = {d.chunk.chunk: _let_go(connection, state.storage, d, keep, at) for d in _due(state.destinies)}
            while gone := _forget(connection, keep, at):
                rows += gone
    answer = _answer(state, outcomes, keep, at, settings.state_dir, rows, dry_run=dry_run)
    if as_json:
        say(answer, as_json=True)
    else:
        print("\n".join(_lines(answer)))
    stuck = [o for o in outcomes.values() if o not in (Outcome.DROPPED, Outcome.COMPRESSED, Outcome.NEWEST)]
    return 1 if stuck else 0


def _due(told: Sequence[Destiny]) -> list[Destiny]:
    return [destiny for destiny in told if destiny.fate in (Fate.DROP, Fate.COMPRESS)]


def _let_go(connection: Connection[Any], storage: Storage, destiny: Destiny, keep: Keep, now: datetime) -> Outcome:
    with connection.transaction():
        if destiny.fate is Fate.DROP:
            return storage.drop(
                connection, destiny.chunk.chunk, now - keep.raw_on(compresses=storage.compresses)
            ).outcome
        return storage.compress(connection, destiny.chunk.chunk, now - keep.compress_after)


def _forget(connection: Connection[Any], keep: Keep, now: datetime) -> int:
    with connection.transaction():
        return forget_old_rows(keep, connection, now)


def _answer(
    state: State, outcomes: dict[str, Outcome], keep: Keep, now: datetime, folder: Path, rows: int, *, dry_run: bool
) -> dict[str, Any]:
    free = free_bytes(folder)
    left, enough = days_of_disk(state.chunks, keep, now, free, compresses=state.storage.compresses)
    raw = keep.raw_on(compresses=state.storage.compresses)
    return {
        "kind": state.storage.kind,
        "dry_run": dry_run,
        "keep": {
            "raw_days": raw.days,
            "compress_after_days": keep.compress_after.days if state.storage.compresses else None,
            "minutes_days": keep.minutes.days,
            "hours_days": keep.hours.days,
            "evidence_days": keep.evidence.days,
            "rejected_days": keep.rejected.days,
        },
        "bytes": sum(chunk.bytes for chunk in state.chunks),
        "bytes_per_day": bytes_per_day(state.chunks, now),
        "free_bytes": free,
        "free_at": str(folder),
        "days_of_disk": None if left is None else round(left, 1),
        "disk_is_enough": enough,
        "chunks": [
            {
                "chunk": d.chunk.chunk,
                "since": d.chunk.since.isoformat() if d.chunk.since else None,
                "until": d.chunk.until.isoformat() if d.chunk.until else None,
                "bytes": d.chunk.bytes,
                "compressed": d.chunk.compressed,
                "fate": d.fate.value,
                "holds": list(d.holds),
                "outcome": outcomes[d.chunk.chunk].value if d.chunk.chunk in outcomes else None,
            }
            for d in state.destinies
        ],
        "rows_forgotten": None if dry_run else rows,
        "holds": [_hold(hold) for hold in state.holds],
    }


def _hold(hold: Hold) -> dict[str, Any]:
    return {
        "hold": hold.hold_id,
        "site": hold.site,
        "occurrence": hold.occurrence_id,
        "since": hold.since.isoformat(),
        "until": hold.until.isoformat() if hold.until else None,
        "held_at": hold.held_at.isoformat(),
        "held_by": hold.held_by,
        "reason": hold.reason,
    }


def _lines(answer: dict[str, Any]) -> list[str]:
    keep = answer["keep"]
    told = [f"{answer['kind']}: raw readings are kept {keep['raw_days']} days, {weight(answer['bytes'])} now."]
    verb = "would be " if answer["dry_run"] else ""
    for each in answer["chunks"]:
        what = f"{each['since'][:10]} ({weight(each['bytes'])})"
        if each["fate"] == Fate.HELD:
            told.append(f"{what}: held by {', '.join(map(str, each['holds']))}")
        elif each["outcome"] is not None:
            told.append(f"{what}: {TOLD[Outcome(each['outcome'])]}")
        elif each["fate"] in (Fate.DROP, Fate.COMPRESS):
            told.append(f"{what}: {verb}{'dropped' if each['fate'] == Fate.DROP else 'compressed'}")
    told += [f"hold {described(hold)}" for hold in answer["holds"]]
    if answer["rows_forgotten"]:
        told.append(
            f"{answer['rows_forgotten']} old rows of minutes, hours, evidence, drawings and rejected messages are gone."
        )
    rate = answer["bytes_per_day"]
    if rate is None:
        return [*told, "No whole day has passed yet, so nothing can be said of the disk."]
    lasts = "enough for what is kept"
    if not answer["disk_is_enough"]:
        lasts = f"full in {answer['days_of_disk']:g} days, before the oldest day goes"
    return [*told, f"{weight(rate)} a day; {weight(answer['free_bytes'])} free at {answer['free_at']}: {lasts}."]


def weight(size: float) -> str:
    """Bytes in the largest unit that fits, powers of ten as disks are sold.

    >>> weight(2_269_184), weight(9.5e9), weight(12)
    ('2.27 MB', '9.50 GB', '12 B')
    """
    for unit, symbol in _UNITS:
        if size >= unit:
            return f"{size / unit:.2f} {symbol}"
    return f"{size:.0f} B"


def described(hold: dict[str, Any]) -> str:
    """A hold in one line."""
    about = f", occurrence {hold['occurrence']}" if hold["occurrence"] is not None else ""
    until = hold["until"] or "released"
    return (
        f"{hold['hold']}: {hold['site']}{about} from {hold['since']} until {until}; {hold['held_by']}: {hold['reason']}"
    )


def free_bytes(folder: Path) -> int:
    """Room on the disk of a folder, or of the nearest one above it that is there."""
    there = next(candidate for candidate in (folder, *folder.parents) if candidate.is_dir())
    return shutil.disk_usage(there).free


def add_hold(
    owner_url: str,
    *,
    site: str | None,
    occurrence: int | None,
    since: datetime | None,
    until: datetime | None,
    reason: str,
    actor: str,
    now: datetime,
) -> dict[str, Any]:
    """From now on nothing of the site in that span is deleted; the company's journal says so.

    Args:
        occurrence: its site is held, from 72 hours before it began until 72 hours after it was over, unless said otherwise.
        until: None: until it is released.

    Raises:
        BadInput: neither site nor occurrence, both, none of that name, no reason, or a span that ends before it begins.
    """
    if (site is None) == (occurrence is None):
        raise BadInput("Name either a site, with --site, or an occurrence, with --occurrence.")
    if not reason.strip():
        raise BadInput('Say why, with --reason "...": the company reads it in its journal.')
    with closing(connect(owner_url, application="hold")) as connection, connection.transaction():
        require_current(connection, "davy_owner")
        if occurrence is not None:
            found = store.about(connection, occurrence)
            if found is None:
                raise BadInput(f"There is no occurrence {occurrence}; its number stands in the address of its page.")
            site = found.site
            since = since or found.began_at - AROUND
            until = until or (found.ended_at + AROUND if found.ended_at else None)
        assert site is not None
        require_known(site, store.site_keys(connection))
        company = store.company_of(connection, site)
        if since is None:
            raise BadInput("Say from when, with --from: what is older goes as usual.")
        if until is not None and until <= since:
            raise BadInput(f"A hold must end after it begins; this one is from {since} until {until}.")
        number = store.place(
            connection,
            site=site,
            occurrence_id=occurrence,
            since=since,
            until=until,
            by=actor,
            reason=reason,
            now=now,
        )
        placed = next(_hold(hold) for hold in store.holds(connection) if hold.hold_id == number)
        _journal(connection, company, "hold_placed", placed, reason, actor, now)
    return placed


def list_holds(owner_url: str) -> list[dict[str, Any]]:
    """Those in force."""
    with closing(connect(owner_url, application="hold")) as connection:
        require_current(connection, "davy_owner")
        return [_hold(hold) for hold in store.holds(connection)]


def release_hold(owner_url: str, number: int, *, reason: str, actor: str, now: datetime) -> dict[str, Any]:
    """From now on what it covered goes in its time; the company's journal says so.

    Raises:
        BadInput: no reason, or no such hold is in force.
    """
    if not reason.strip():
        raise BadInput('Say why, with --reason "...": the company reads it in its journal.')
    with closing(connect(owner_url, application="hold")) as connection, connection.transaction():
        require_current(connection, "davy_owner")
        placed = next((_hold(hold) for hold in store.holds(connection) if hold.hold_id == number), None)
        if placed is None or not store.release(connection, number, by=actor, now=now):
            raise BadInput(f"No hold {number} is in force; `davy hold list` names those that are.")
        company = store.company_of(connection, placed["site"])
        _journal(connection, company, "hold_released", placed, reason, actor, now)
    return placed


def _journal(
    connection: Connection[Any],
    company: str | None,
    action: str,
    placed: dict[str, Any],
    reason: str,
    actor: str,
    now: datetime,
) -> None:
    before, after = (None, placed) if action == "hold_placed" else (placed, None)
    entry = JournalEntry(
        at=now,
        company=company,
        actor=actor,
        action=action,
        subject=f"hold {placed['hold']}",
        old=before,
        new=after,
        reason=reason,
    )
    write_journal(connection, [entry])
