"""Unpack TimescaleDB and mosquitto from distribution packages into the cache: what `make servers` does.

No root, no chroot: packages are downloaded and unpacked into one tree, and each program is wrapped so that it runs on
the tree's own dynamic linker and libraries, whatever the host has.
"""

import contextlib
import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from davy.servers import cache
from davy.servers.debian import DEBIAN_SUITE, PrivateApt, host_sources, run
from davy.servers.errors import ServerUnavailable

STAMP = "versions.json"
_LAYOUT = 1  # Raise it when an unpacked tree of an older Davy would no longer do.
_TREE = f"unpacked-{_LAYOUT}"
_OLDEST_POSTGRES = 16
_DEBIAN_POSTGRES = 17
_PROGRAMS = ("postgres", "initdb", "pg_ctl", "psql", "pg_dump", "pg_restore")
# Dependencies of maintainer scripts and of the just-in-time compiler (130 MB), none of which runs here.
_NOT_NEEDED = re.compile(
    r"^(libllvm|libz3|libperl|perl|libsem|libsepol|libdebconf|libgdbm|libtext|libio-pty|libipc-run|libjson-perl|libproc2"
    r"|libncursesw|libdb5|libpam-modules|libbsd|libmd0|libc-bin|libc-l10n|openssl$|postgresql-common|tzdata|locales"
    r"|debconf|adduser|passwd|base-|init-system|sysvinit|login|netbase|procps|sensible|ucf|ssl-cert|readline-common)"
)
_USELESS = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/lintian", "usr/share/perl5", "var", "etc")

Versions = dict[str, str]


def unpacked_tree() -> tuple[Path, Versions] | None:
    """The unpacked tree and the versions in it, or None where `make servers` has not run."""
    for folder in cache.readable_server_folders():
        found = _read_stamp(folder / _TREE)
        if found is not None:
            return folder / _TREE, found
    return None


def ensure_unpacked(folder: Path | None = None) -> tuple[Path, Versions]:
    """The unpacked tree, fetched first where it is missing.

    Args:
        folder: where to unpack instead of the user's cache.
    """
    if folder is None:
        found = unpacked_tree()
        if found is not None:
            return found
        folder = cache.servers_folder()
    tree = folder / _TREE
    with _only_one(folder):
        versions = _read_stamp(tree)
        if versions is None:
            versions = _fetch(folder, tree)
    return tree, versions


def _fetch(folder: Path, tree: Path) -> Versions:
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=folder) as name:
        work = Path(name)
        apt = PrivateApt(work / "apt")
        apt.read_lists(host_sources())
        major = _newest_postgres(apt)
        roots = [f"postgresql-{major}", f"postgresql-client-{major}", f"postgresql-{major}-timescaledb", "mosquitto"]
        packages = [package for package in apt.packages_of(roots) if not _NOT_NEEDED.match(package)]
        fresh = work / "tree"
        fresh.mkdir()
        for package in apt.download(packages, work / "debs"):
            run(["dpkg-deb", "-x", str(package), str(fresh)])
        _slim(fresh, major)
        binaries = fresh / f"usr/lib/postgresql/{major}/bin"
        for program in _PROGRAMS:
            _wrap(fresh, binaries / program)
        _wrap(fresh, fresh / "usr/sbin/mosquitto")
        versions = _versions(fresh, major)
        (fresh / STAMP).write_text(json.dumps(versions), encoding="utf-8")
        fresh.chmod(0o755)
        shutil.rmtree(tree, ignore_errors=True)
        fresh.rename(tree)
    return versions


def _newest_postgres(apt: PrivateApt) -> int:
    found = re.findall(r"^postgresql-(\d+)-timescaledb$", "\n".join(apt.names_like("timescaledb")), re.MULTILINE)
    majors = sorted(int(major) for major in found)
    if not majors or majors[-1] < _OLDEST_POSTGRES:
        raise ServerUnavailable(
            f"This distribution's archive has no TimescaleDB for PostgreSQL {_OLDEST_POSTGRES} or newer: "
            f"use a Debian host or container (packages of {DEBIAN_SUITE} are taken)."
        )
    return majors[-1]


def _slim(tree: Path, major: int) -> None:
    for name in (*_USELESS, f"usr/lib/postgresql/{major}/lib/bitcode"):
        shutil.rmtree(tree / name, ignore_errors=True)


def _wrap(tree: Path, program: Path) -> None:
    linkers = sorted(tree.glob("usr/lib/*-linux-*/ld-linux*.so.*"))
    if not linkers or not program.exists():
        raise ServerUnavailable(f"The packages do not hold {program.relative_to(tree)} and a dynamic linker for it.")
    libraries = os.path.relpath(linkers[0].parent, program.parent)
    program.rename(program.with_name(f"{program.name}.real"))
    # argv[0] stays the wrapper's path: PostgreSQL finds its share folder and its sibling programs by it.
    program.write_text(
        "#!/bin/sh\n"
        'here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)\n'
        f'exec "$here/{libraries}/{linkers[0].name}" --library-path "$here/{libraries}" '
        f'--argv0 "$here/{program.name}" "$here/{program.name}.real" "$@"\n',
        encoding="ascii",
    )
    program.chmod(0o755)


def _versions(tree: Path, major: int) -> Versions:
    postgres = _say(tree / f"usr/lib/postgresql/{major}/bin/postgres", "--version")
    # `mosquitto -h` prints its version and exits with 3.
    broker = _say(tree / "usr/sbin/mosquitto", "-h")
    control = (tree / f"usr/share/postgresql/{major}/extension/timescaledb.control").read_text(encoding="utf-8")
    versions = {
        "postgresql": _match(r"PostgreSQL\) (\d+\.\d+)", postgres),
        "timescaledb": _match(r"default_version = '(\d+\.\d+[^']*)'", control),
        "mosquitto": _match(r"mosquitto version (\d+\.\d+\.\d+)", broker),
    }
    if not (
        versions["postgresql"].startswith(f"{major}.")
        and versions["timescaledb"].startswith("2.")
        and versions["mosquitto"].startswith("2.")
    ):
        raise ServerUnavailable(
            f"The packages hold versions that Davy does not know: {versions}; PostgreSQL {_DEBIAN_POSTGRES}, "
            "TimescaleDB 2 and mosquitto 2 are expected."
        )
    return versions


def _say(program: Path, argument: str) -> str:
    done = subprocess.run([program, argument], capture_output=True, text=True, timeout=30, check=False)
    return done.stdout + done.stderr


def _match(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise ServerUnavailable(
            f"An unpacked server does not run here: {text.strip().splitlines()[:1] or 'no output'}."
        )
    return found.group(1)


def _read_stamp(tree: Path) -> Versions | None:
    try:
        found = json.loads((tree / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return {str(key): str(value) for key, value in found.items()}


@contextlib.contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, so that two starts at once fetch once."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> int:
    """Unpack the servers and print what was found."""
    try:
        tree, versions = ensure_unpacked()
    except ServerUnavailable as error:
        print(error, file=sys.stderr)
        return 2
    print(f"servers: {', '.join(f'{name} {version}' for name, version in versions.items())} in {tree}")
    return 0
