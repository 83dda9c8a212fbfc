"""Puts together who calls while the database is away: settings, channels, journal, snapshot, and the threads of both sides."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from alerting.channels import configured
from alerting.vault import Vault
from core.errors import BadSetting
from core.log import logger
from core.metrics import CallsMetrics
from core.settings import Settings
from davy.calls.caller import Caller
from davy.calls.keeper import Keeper
from davy.calls.sealed import Seal
from davy.calls.store import Journal
from davy.processes.surroundings import service_token, wall_clock
from ingest.urgent import Nobody, Urgent

SNAPSHOT: Final = "snapshot"
JOURNAL: Final = "calls.sqlite"

log = logger(__name__)


@contextmanager
def calling(settings: Settings, conninfo: str, metrics: CallsMetrics) -> Iterator[Urgent]:
    """What ingest tells of its spool; calls nobody where the settings have no key for the snapshot.

    Args:
        conninfo: of the database, as the role ingest.

    Raises:
        BadSetting: a key, and no address of Davy for the messages or no folder for the files.
    """
    if settings.snapshot_key is None:
        log.warning(
            "calls_are_off", reason="DAVY_SNAPSHOT_KEY is not set: nobody is called while the database is away."
        )
        yield Nobody()
        return
    channels = configured(settings)
    if not channels:
        log.error(
            "calls_have_no_channel", reason="Ingest has neither a mail server nor secrets of webhooks in its settings."
        )
    folder = settings.state_dir / settings.worker
    journal = open_journal(folder)
    try:
        caller = Caller(
            channels, journal, clock=wall_clock, public_url=settings.need("public_url"), metrics=metrics,
            vault=Vault.from_settings(settings),
        )  # fmt: skip
        seal = Seal(bytes.fromhex(settings.secret("snapshot_key")))
        keeper = Keeper(caller, conninfo, service_token(settings), seal, folder / SNAPSHOT, list(channels), wall_clock)
        keeper.begin()
        stop = threading.Event()
        with ThreadPoolExecutor(2, "calls") as pool:
            for part in (caller.run, keeper.run):
                pool.submit(part, stop).add_done_callback(_ended)
            log.info("calls_began", channels=sorted(channels), unbooked=len(caller.calls.unbooked()))
            try:
                yield caller
            finally:
                stop.set()
    finally:
        journal.close()


def _ended(future: Future[None]) -> None:
    """Ingest lives on without it; the beat stops, so the pages of the operator say that nobody would be called."""
    if (error := future.exception()) is not None:
        log.error("calls_broke", reason=repr(error))


def open_journal(folder: Path) -> Journal:
    """The journal in the worker's folder; a damaged one is set aside, never deleted.

    Raises:
        BadSetting: the folder cannot be used.
    """
    path = folder / JOURNAL
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            return Journal(path)
        except sqlite3.DatabaseError as error:
            aside = _set_aside(path)
            log.error("journal_set_aside", file=str(aside), reason=str(error))
            return Journal(path)
    except (OSError, sqlite3.Error) as error:
        raise BadSetting(f"The journal of calls {path} cannot be used ({error}).") from error


def _set_aside(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    return path.rename(aside)
