"""Doctor's look at how the database is set, beside deploy/postgresql.conf, and at what its days of readings weigh."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict

from davy.doctor import server_store as store
from davy.doctor.examination import Check, Examination, few
from davy.doctor.server_store import ServerSetting
from davy.retention import weight

FILE: Final = Path(__file__).resolve().parents[2] / "deploy" / "postgresql.conf"
# What loses acknowledged readings where it is off; the file says the first, the others are PostgreSQL's own defaults.
DURABLE: Final[Mapping[str, str]] = {"synchronous_commit": "on", "fsync": "on", "full_page_writes": "on"}
OFF: Final = "off"
# Waits for all that `on` waits for, and until the standby shows it. With `local` and `remote_write` this machine's disk has what is
# acknowledged, but a standby that takes over may not: other than in the file, and no loss when the machine stops.
STRONGER: Final[Mapping[str, str]] = {"synchronous_commit": "remote_apply"}
# More of these than the file has is a larger machine, not a fault.
AT_LEAST: Final = frozenset(
    {
        "shared_buffers",
        "effective_cache_size",
        "work_mem",
        "maintenance_work_mem",
        "wal_buffers",
        "max_wal_size",
        "min_wal_size",
        "checkpoint_timeout",
    }
)
TASTE: Final = ("log_", "timezone", "datestyle")  # what only a person who reads the log notices
LOOPBACK: Final = frozenset({"", "localhost", "127.0.0.1", "::1"})
# Base units of pg_settings and those that a file may write: bytes, and microseconds.
_SIZES: Final = {"B": 1, "kB": 1024, "8kB": 8192, "MB": 1024**2, "GB": 1024**3, "TB": 1024**4}
_TIMES: Final = {"us": 1, "ms": 1000, "s": 10**6, "min": 60 * 10**6, "h": 3600 * 10**6, "d": 86_400 * 10**6}
_WORDS: Final = {"true": "on", "yes": "on", "1": "on", "false": "off", "no": "off", "0": "off"}


def wanted(text: str) -> dict[str, str]:
    """What a postgresql.conf sets.

    >>> wanted("# no" + chr(10) + "jit = off  # yes" + chr(10) + "timezone = 'UTC'")
    {'jit': 'off', 'timezone': 'UTC'}
    """
    found = {}
    for line in text.splitlines():
        name, equals, value = line.partition("#")[0].partition("=")
        if equals:
            found[name.strip()] = value.strip().strip("'")
    return found


def same_measure(value: str, unit: str | None, kind: str) -> float | str:
    """A setting as one number or word, whichever unit it is written in.

    Args:
        unit: what a bare number is counted in, as pg_settings says.
        kind: `vartype` of pg_settings.

    >>> same_measure("2GB", "8kB", "integer") == same_measure("262144", "8kB", "integer")
    True
    >>> same_measure("15min", "s", "integer") == same_measure("900", "s", "integer"), same_measure("Yes", None, "bool")
    (True, 'on')
    """
    text = value.strip()
    if kind == "bool":
        return _WORDS.get(text.lower(), text.lower())
    if kind not in ("integer", "real"):
        return text.lower()
    scale: Mapping[str, int] = _SIZES if unit in _SIZES else _TIMES if unit in _TIMES else {"": 1}
    written = text.lstrip("+-0123456789.eE").strip() if not text.replace(".", "").lstrip("+-").isdigit() else ""
    number = float(text[: len(text) - len(written)] if written else text)
    return number * scale.get(written or unit or "", 1)


def database_settings(on: Examination, connection: Connection[Any], durable: Mapping[str, str] = DURABLE) -> Check:
    """Each setting that is not as deploy/postgresql.conf has it.

    Args:
        durable: what must be so whatever the file says.
    """
    _, name = on.gettext, "database_settings"
    try:
        ours = {**durable, **wanted(FILE.read_text(encoding="utf-8"))}
    except OSError:
        return Check(name, True, _("Not checked: deploy/postgresql.conf is not installed here."))
    there = {row.name: row for row in store.server_settings(connection, list(ours))}
    other = [(row, ours[row.name]) for row in there.values() if _differs(row, ours[row.name])]
    waits = [row.name for row in there.values() if row.pending_restart]
    told = few([f"{row.name} {row.shown} ({value})" for row, value in other])
    if lossy := [row.name for row, _value in other if row.name in durable and row.setting == OFF]:
        found = _("What is acknowledged may be lost when the machine stops: %(settings)s.") % {
            "settings": ", ".join(f"{setting} {there[setting].shown}" for setting in lossy)
        }
        return Check(name, False, found, _("Set %(names)s to on and restart PostgreSQL.") % {"names": ", ".join(lossy)})
    if waits:
        found = _("Changed, but not in force yet: %(settings)s.") % {"settings": few(waits)}
        return Check(name, False, found, _("Restart PostgreSQL when ingest may spool for a minute."))
    if other:
        found = _("Other than in deploy/postgresql.conf (which has the value in brackets): %(settings)s.") % {
            "settings": told
        }
        advice = _("Include deploy/postgresql.conf in the server's postgresql.conf, or say there why not.")
        return Check(name, False, found, advice)
    return Check(name, True, _("As deploy/postgresql.conf has them, or larger."))


def _differs(row: ServerSetting, value: str) -> bool:
    if row.name.lower().startswith(TASTE) or row.setting == STRONGER.get(row.name):
        return False
    have = same_measure(row.setting, row.unit, row.vartype)
    want = same_measure(value, row.unit, row.vartype)
    if row.name in AT_LEAST and isinstance(have, float) and isinstance(want, float):
        return have < want
    return have != want


def chunks(on: Examination, connection: Connection[Any]) -> Check:
    """What the days of readings weigh, and whether the index of the largest one fits a quarter of memory: design section 7."""
    _, found = on.gettext, store.chunk_sizes(connection)
    filled = [chunk for chunk in found if chunk.bytes]
    if not filled:
        return Check("chunks", True, _("No reading is stored yet."))
    memory, whose = _memory(on, connection)
    largest = max(filled, key=lambda chunk: chunk.index_bytes)
    told = _("%(count)s days of readings, %(size)s; the largest index is %(index)s, of %(memory)s (%(whose)s).") % {
        "count": len(filled),
        "size": weight(sum(chunk.bytes for chunk in filled)),
        "index": weight(largest.index_bytes),
        "memory": weight(memory),
        "whose": whose,
    }
    if 4 * largest.index_bytes > memory:
        advice = _(
            "The index of one day should fit a quarter of memory, or each reading costs a disk access: take more memory, fewer readings, or another database for some sites."
        )
        return Check("chunks", False, told, advice)
    return Check("chunks", True, told)


def _memory(on: Examination, connection: Connection[Any]) -> tuple[int, str]:
    """This machine's where the database is on it; else what the database believes it has for caches."""
    host = str(conninfo_to_dict(on.url("owner") or "").get("host") or "")
    if host in LOOPBACK or host.startswith("/"):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), on.gettext("memory of this machine")
    (cache,) = store.server_settings(connection, ["effective_cache_size"])
    return int(float(same_measure(cache.setting, cache.unit, cache.vartype))), "effective_cache_size"
