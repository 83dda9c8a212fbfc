"""Where unpacked servers and the run folders of started ones live.

An ordinary user has them below `$XDG_CACHE_HOME` (else `~/.cache`). Root has them below `/var/cache/davy`, because the
server processes that root starts run as an unprivileged user and must be able to read their own programs.
"""

import os
from pathlib import Path

from davy.servers.errors import ServerUnavailable

SYSTEM_CACHE = Path("/var/cache/davy")


def is_root() -> bool:
    """Whether this process has root's rights, so that servers must be started as somebody else."""
    return os.geteuid() == 0


def cache_root() -> Path:
    """The folder that holds everything Davy keeps on this machine for the current user."""
    if is_root():
        return SYSTEM_CACHE
    named = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification: a relative path here is invalid and must be ignored.
    return (Path(named) if named.startswith("/") else Path.home() / ".cache") / "davy"


def servers_folder() -> Path:
    """Where `make servers` unpacks; created when missing."""
    return _made(cache_root() / "servers")


def runs_folder() -> Path:
    """Where each started server has its run folder; created when missing."""
    return _made(cache_root() / "run")


def readable_server_folders() -> list[Path]:
    """Every folder that may hold unpacked servers: one's own, then the one root has unpacked for all."""
    own = cache_root() / "servers"
    shared = SYSTEM_CACHE / "servers"
    return [own] if own == shared else [own, shared]


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if is_root():
            for part in (folder, folder.parent):
                part.chmod(0o755)
    except OSError as error:
        raise ServerUnavailable(
            f"Cannot create {folder} ({error.strerror}): set XDG_CACHE_HOME to a folder you may write to."
        ) from error
    return folder
