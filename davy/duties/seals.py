"""Every hour a signed seal over all chain heads, and out with it: a file a seal, in a folder the database's owner does not reach.

The seal is written in the transaction of the duty, its file at the next look: so no file goes out for a seal that was not kept. A
folder that cannot be written holds nothing up; what has not gone out goes when it can.
"""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from psycopg import Connection

from alerting.seal import Sealed, SealKey, document, origin
from alerting.store import seals as store
from core.log import logger

DIGITS: Final = 8  # of a file's name: an hour each, eleven thousand years

log = logger(__name__)


def seal(key: SealKey, folder: Path | None, connection: Connection[Any], now: datetime) -> int:
    """Sends out what was sealed before, then seals each company that has no seal of this hour yet; gives how many."""
    if folder is not None:
        send_out(folder, connection)
    due = store.due(connection, now.replace(minute=0, second=0, microsecond=0))
    if not due:
        return 0
    heads = store.moved(connection, [each.company_id for each in due])
    made = [
        Sealed(
            company_id=each.company_id,
            number=each.number + 1,
            sealed_at=now,
            alarms=each.alarms,
            previous=each.digest or origin(each.company_id),
            heads=heads.get(each.company_id, []),
            public_key=key.public,
        )
        for each in due
    ]
    store.add(connection, [(each, key.sign(each)) for each in made])
    log.info("chains_sealed", companies=len(made), heads=sum(len(each.heads) for each in made))
    return len(made)


def send_out(folder: Path, connection: Connection[Any]) -> int:
    """Writes the files of seals that are not in the folder yet; gives how many."""
    written = 0
    for company_id, name in store.companies(connection):
        try:
            place = folder / name
            place.mkdir(parents=True, exist_ok=True)
            for kept in store.of_company(connection, company_id, newest(place)):
                _write(place / f"{kept.sealed.number:0{DIGITS}}.json", document(kept.sealed, kept.signature))
                written += 1
        except OSError as error:
            log.error("seal_not_sent", company=name, folder=str(folder), why=error.strerror or str(error))
            return written
    return written


def newest(place: Path) -> int:
    """The number of the newest seal in a company's folder; 0 where there is none."""
    return max((int(file.stem) for file in place.glob("*.json") if file.stem.isdecimal()), default=0)


def _write(file: Path, text: str) -> None:
    """As a whole, and for good: what stands there already is never written over."""
    new = file.with_suffix(".new")
    with new.open("w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    if file.exists():
        raise FileExistsError(f"{file} is there already")
    new.replace(file)
