"""A started server's folder: named after the process that owns it, so that what a killed owner left can be cleared."""

import contextlib
import json
import os
import re
import shutil
import tempfile
from pathlib import Path

from davy.servers.cache import runs_folder
from davy.servers.processes import Account, kill_tree, server_account, started_at, wait_until

PROCESS_FILE = "process.json"
STORED = "data"  # where a database server keeps everything
_NAME = re.compile(r"^[a-z]+-(?P<pid>\d+)-(?P<started>\w+)-(?P<space>\d+)-")
_END_TIMEOUT_S = 10.0


def claim(kind: str) -> Path:
    """A fresh folder that only the server's user can enter; what dead owners left is cleared first."""
    clear_leftovers()
    prefix = f"{kind}-{os.getpid()}-{started_at(os.getpid())}-{_process_space()}-"
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=runs_folder()))
    account = server_account()
    if account is not None:
        account.own(folder)
    return folder


def record_process(folder: Path, pid: int) -> None:
    """Note which process serves from the folder."""
    text = json.dumps({"pid": pid, "started": started_at(pid)})
    (folder / PROCESS_FILE).write_text(text, encoding="ascii")


def clear_leftovers() -> list[Path]:
    """End the servers of dead owners and remove their folders; returns what was removed."""
    removed = []
    for folder in runs_folder().iterdir():
        if _is_leftover(folder.name):
            _end_recorded_process(folder)
            remove(folder)
            removed.append(folder)
    return removed


def keep_data_in(memory: Path, folder: Path) -> None:
    """Have the server's data lie on another file system, below `memory`; `remove` finds it. What the dead left there goes."""
    for left in memory.iterdir():
        if _is_leftover(left.name):
            shutil.rmtree(left, ignore_errors=True)
    stored = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=memory))
    account = server_account()
    if account is not None:
        account.own(stored)
    (folder / STORED).symlink_to(stored, target_is_directory=True)


def remove(folder: Path) -> None:
    """A run folder and its data, wherever that lies, are gone."""
    with contextlib.suppress(OSError):  # its data are its own, or it has none
        stored = Path(os.readlink(folder / STORED))
        # The folder belongs to the server's user, we may be root: only what `keep_data_in` has named is removed.
        if stored.name.startswith(f"{folder.name}-"):
            shutil.rmtree(stored, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def write_private(path: Path, text: str, account: Account | None) -> None:
    """Write a file that only the server's user can read, at once and whole."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.touch(mode=0o600)
    fresh.write_text(text, encoding="utf-8")
    if account is not None:
        account.own(fresh)
    fresh.replace(path)


def _is_leftover(name: str) -> bool:
    found = _NAME.match(name)
    # A process of another container that shares this folder cannot be looked up from here: leave its folder alone.
    if found is None or int(found["space"]) != _process_space():
        return False
    return started_at(int(found["pid"])) != found["started"]


def _end_recorded_process(folder: Path) -> None:
    with contextlib.suppress(OSError, ValueError, KeyError):
        recorded = json.loads((folder / PROCESS_FILE).read_text(encoding="ascii"))
        pid = int(recorded["pid"])
        # The start time tells a leftover from a stranger that got its number since.
        if started_at(pid) == recorded["started"]:
            kill_tree(pid)
            wait_until(lambda: started_at(pid) != recorded["started"], _END_TIMEOUT_S)


def _process_space() -> int:
    try:
        return os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return 0
