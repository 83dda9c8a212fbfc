"""Every hour a signed seal over all chain heads, and out with it: a file a seal, in a folder the database's owner does not reach.

The seal is written in the transaction of the duty, its file at the next look: so no file goes out for a seal that was not kept. A
folder that cannot be written holds nothing up; what has not gone out goes when it can. After a restore the database gives numbers
again that have gone out already: these seals get names of their own, and the log says so.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from psycopg import Connection

from alerting.seal import Sealed, SealKey, document, origin, read_document
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
    """Writes the files of seals that are not in the folder yet; gives how many. A folder that fails holds no other company up."""
    written = 0
    for company_id, name in store.companies(connection):
        try:
            for file, text in _missing(folder / name, connection, company_id):
                _write(file, text)
                written += 1
        except OSError as error:
            log.error("seal_not_sent", company=name, folder=str(folder), why=error.strerror or str(error))
    return written


def newest(place: Path) -> int:
    """The number of the newest seal in a company's folder; 0 where there is none."""
    return max((int(file.stem) for file in place.glob("*.json") if file.stem.isdecimal()), default=0)


def _missing(place: Path, connection: Connection[Any], company_id: int) -> Iterator[tuple[Path, str]]:
    """What has not gone out yet.

    A database that was taken back to an earlier day numbers anew from there: its seals go out beside those that went out before, for
    these say what happened meanwhile, and nobody may lose them.
    """
    place.mkdir(parents=True, exist_ok=True)
    out = newest(place)
    # Each seal hangs on the one before it: where one is the same, all before it are.
    agreed = out if _same(place, connection, company_id, out) else _last_common(place, connection, company_id, out)
    after, behind = agreed, False
    while not behind and (kept := store.of_company(connection, company_id, after)):
        for each in kept:
            number = each.sealed.number
            file = _plain(place, number)
            if number <= out and file.exists():
                file = file.with_stem(f"{file.stem}-{each.digest.hex()[:16]}")
                if file.exists() or _same(place, connection, company_id, number):
                    continue
                log.error("seal_numbered_anew", file=str(file), number=number, newest_file=out, last_in_common=agreed)
            behind = True  # the rest goes at the next look
            yield file, document(each.sealed, each.signature)
        after = kept[-1].sealed.number


def _last_common(place: Path, connection: Connection[Any], company_id: int, out: int) -> int:
    numbers = range(1, out)
    return bisect_left(numbers, True, key=lambda number: not _same(place, connection, company_id, number))


def _same(place: Path, connection: Connection[Any], company_id: int, number: int) -> bool:
    """Whether the file of that number holds the database's seal; there is none with number 0 in either."""
    if number == 0:
        return True
    file = _plain(place, number)
    read = read_document(file.read_text("utf-8", "replace")) if file.exists() else None
    return read is not None and read[0] == store.digest_of(connection, company_id, number)


def _plain(place: Path, number: int) -> Path:
    return place / f"{number:0{DIGITS}}.json"


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
