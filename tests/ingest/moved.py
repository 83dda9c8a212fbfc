"""Servers for what ordinary ones do not do: a standby of another, and one with a small disk beside its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from davy.servers import PostgresServer, ServerUnavailable, run_folder
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
    postgres = Path(primary._child._command[0])
    if postgres.name != "postgres":
        postgres = Path(primary._child._command[-2])
    command = [str(postgres.with_name("pg_basebackup")), "-d", primary.superuser_url(), "-D", str(data)]
    done = subprocess.run(
        [*command, "--wal-method=stream", "--checkpoint=fast", "--write-recovery-conf", "--no-sync"],
        capture_output=True, text=True, check=False, timeout=120, cwd=folder,
        user=account.uid if account else None, group=account.gid if account else None, extra_groups=[] if account else None,
    )  # fmt: skip
    if done.returncode != 0:
        run_folder.remove(folder)
        raise ServerUnavailable(f"pg_basebackup: {done.stderr.strip()}")
    child = Child(folder, [str(postgres), "-D", str(data), "-p", str(port)], account, signal.SIGINT)
    child.start(lambda: "standby" in _postmaster(data), 60)
    return replace(primary, port=port, folder=folder, _child=child)


def _postmaster(data: Path) -> str:
    """What the postmaster says of itself: whether it is ready, and for what."""
    found = data / "postmaster.pid"
    return found.read_text(encoding="utf-8") if found.exists() else ""


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
