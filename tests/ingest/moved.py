"""Servers for what ordinary ones do not do: a standby of another, and one with a small disk beside its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from davy.servers import PostgresServer, run_folder
from davy.servers.child import Child
from davy.servers.processes import server_account
from tests.conftest import memory

SMALL_MB = 96
# In a user namespace of its own an ordinary user may mount a file system in memory, and in one more be itself again:
# a PostgreSQL refuses to be root. The death signal does not survive either, so it is asked for last.
_SMALL_DISK = (
    'mount -t tmpfs -o "size=$1m,mode=0700" none "$2"'
    ' && exec unshare --user --map-user="$3" --map-group="$4" -- setpriv --pdeathsig INT -- "$5" -D "$6"'
)


def standby_of(primary: PostgresServer, port: int) -> PostgresServer:
    """A streaming hot standby, started on `port`; asynchronous until the primary is told otherwise."""
    account, folder = server_account(), run_folder.claim("postgres")
    memory_folder = memory()
    if memory_folder is not None:
        run_folder.keep_data_in(memory_folder, folder)
    data = folder / run_folder.STORED
    _back_up(primary, data)
    (data / "standby.signal").touch()
    with (data / "postgresql.auto.conf").open("a", encoding="utf-8") as settings:
        settings.write(f"primary_conninfo = '{primary.superuser_url()}'\n")
    if account is not None:
        account.own(data, *data.rglob("*"))
    child = Child(folder, [primary._child._command[0], "-D", str(data), "-p", str(port)], account, signal.SIGINT)
    standby = replace(primary, port=port, folder=folder, _child=child)
    standby.restart()
    return standby


def _back_up(primary: PostgresServer, data: Path) -> None:
    """As `pg_basebackup` does, of a server that goes on; the write-ahead log comes by streaming."""
    with psycopg.connect(primary.superuser_url(), autocommit=True) as admin:
        admin.execute("SELECT pg_backup_start('standby', fast => true)")
        shutil.copytree(
            primary.folder / run_folder.STORED, data, dirs_exist_ok=True, copy_function=_copy_if_there,
            ignore=lambda folder, names: names if Path(folder).name == "pg_wal" else {"postmaster.pid", "pgsql_tmp"} & {*names},
        )  # fmt: skip
        label = admin.execute("SELECT labelfile FROM pg_backup_stop(wait_for_archive => false)").fetchone()
        assert label is not None
        (data / "backup_label").write_text(label[0], encoding="utf-8")
    for name in ("archive_status", "summaries"):
        (data / "pg_wal" / name).mkdir(mode=0o700)


def _copy_if_there(source: str, target: str) -> str:
    with suppress(FileNotFoundError):
        return str(shutil.copy2(source, target))
    return target


def promote(standby: PostgresServer) -> None:
    """It becomes a primary."""
    with psycopg.connect(standby.superuser_url(), autocommit=True) as connection:
        assert connection.execute("SELECT pg_promote()").fetchone() == (True,)


def set_to(server: PostgresServer, setting: str) -> None:
    """A setting of the whole server, in force at once."""
    with psycopg.connect(server.superuser_url(), autocommit=True) as connection:
        connection.execute(f"ALTER SYSTEM SET {setting}".encode())
        connection.execute("SELECT pg_reload_conf()")


def give_small_disk(server: PostgresServer) -> tuple[PostgresServer, Path]:
    """The same server, started again with a small file system of its own mounted at a folder that only it can enter."""
    account = server_account()
    place = server.folder / "small"
    place.mkdir()
    if account is not None:
        account.own(place)
    uid, gid = (account.uid, account.gid) if account else (os.getuid(), os.getgid())
    if not _may_mount(account.uid if account else None, place):
        pytest.skip(
            "Needs user namespaces in which an ordinary user may mount: sysctl kernel.unprivileged_userns_clone=1."
        )
    server.stop()
    told = [str(SMALL_MB), str(place), str(uid), str(gid), *(server._child._command[part] for part in (0, 2))]
    command = ["unshare", "--user", "--map-root-user", "--mount", "--", "sh", "-c", _SMALL_DISK, "sh", *told]
    found = replace(server, _child=Child(server.folder, command, account, signal.SIGINT))
    found.restart()
    return found, place


def _may_mount(uid: int | None, place: Path) -> bool:
    unshare = shutil.which("unshare")
    if unshare is None:
        return False
    tried = [unshare, "--user", "--map-root-user", "--mount", "--", "mount", "-t", "tmpfs", "none", str(place)]
    done = subprocess.run(tried, capture_output=True, check=False, user=uid, timeout=10)
    return done.returncode == 0
