"""The package source for the servers: the host's own apt source, another suite, an apt state of our own.

Nothing of the host's apt state is touched and no root is needed. Signatures are checked against the distribution's
archive keyring. On Debian the suite is replaced by trixie; on Ubuntu (untested) the host's own suite is used, because
Ubuntu has no archive with Debian's suites.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from davy.servers.errors import ServerUnavailable

DEBIAN_SUITE = "trixie"
_COMMAND_TIMEOUT_S = 600
_KEYRINGS = {
    "debian": ("debian-archive-keyring.gpg", "debian-archive-keyring.pgp"),
    "ubuntu": ("ubuntu-archive-keyring.gpg",),
}


@dataclass(frozen=True)
class Source:
    """One line of a package source."""

    address: str
    suite: str
    components: tuple[str, ...]
    keyring: Path

    def stanza(self) -> str:
        """The source in apt's deb822 format."""
        return (
            f"Types: deb\nURIs: {self.address}\nSuites: {self.suite}\n"
            f"Components: {' '.join(self.components)}\nSigned-By: {self.keyring}\n"
        )


def read_os_release(text: str) -> dict[str, str]:
    """The fields of an os-release file."""
    fields = (line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return {key.strip(): value.strip().strip("\"'") for key, value in fields}


def derive_sources(os_release: dict[str, str], targets: str, keyring: Path) -> list[Source]:
    """Turn the host's own sources into ours.

    Args:
        targets: lines of `REPO_URI RELEASE COMPONENT`, as `apt-get indextargets` prints them.
    """
    codename = os_release.get("VERSION_CODENAME", "")
    ubuntu = os_release.get("ID") == "ubuntu"
    wanted = codename if ubuntu else DEBIAN_SUITE
    components = ("main", "universe") if ubuntu else ("main",)
    found: dict[tuple[str, str], Source] = {}
    for line in targets.splitlines():
        parts = line.split()
        if len(parts) != 3 or parts[2] != "main":
            continue
        address, suite, _ = parts
        # "stable" and "testing" stand for a codename too; backports and third parties do not.
        base, _, branch = suite.partition("-")
        if base not in {codename, "stable", "testing", "sid", "unstable"} or branch not in {"", "security", "updates"}:
            continue
        ours = f"{wanted}-{branch}" if branch else wanted
        found.setdefault((address, ours), Source(address, ours, components, keyring))
    if not any(source.suite == wanted for source in found.values()):
        raise ServerUnavailable(
            "No package source of this host could be recognised: apt must know the main component of the "
            "distribution's own archive (see `apt-get indextargets`)."
        )
    return list(found.values())


class PrivateApt:
    """apt with lists, cache and package status below a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
            raise ServerUnavailable(
                "TimescaleDB and mosquitto are unpacked from Debian packages, and apt-get and dpkg-deb are not here: "
                "install both servers yourself, or use a Debian host or container."
            )
        for name in ("state/lists/partial", "cache/archives/partial", "sources.list.d", "preferences.d"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "state/status").touch()

    def read_lists(self, sources: Sequence[Source]) -> None:
        """Read the package lists of these sources; one beside the first may be away, which is said on stderr."""
        text = "\n".join(source.stanza() for source in sources)
        (self.folder / "sources.list.d/davy.sources").write_text(text, encoding="utf-8")
        try:
            # Without this mode apt-get calls it a success when a list could not be had, and an old version is taken.
            self._apt("update", "-o", "APT::Update::Error-Mode=any")
        except ServerUnavailable as error:
            self._apt("update")
            if not any((self.folder / "state/lists").glob(f"*_dists_{sources[0].suite}_*Packages*")):
                raise
            print(f"Without updates: {error}", file=sys.stderr)

    def packages_of(self, roots: Sequence[str]) -> list[str]:
        """The packages and everything they depend on, as an installation on an empty system would bring them."""
        planned = self._apt("install", "--no-install-recommends", "--simulate", *roots)
        return re.findall(r"^Inst (\S+)", planned, flags=re.MULTILINE)

    def names_like(self, pattern: str) -> list[str]:
        """Package names that match a regular expression."""
        return self._run("apt-cache", "--names-only", "search", pattern).split()

    def download(self, packages: Sequence[str], folder: Path) -> list[Path]:
        """Fetch packages into a folder, their checksums verified by apt."""
        folder.mkdir(exist_ok=True)
        self._apt("download", *packages, cwd=folder)
        return sorted(folder.glob("*.deb"))

    def _apt(self, *arguments: str, cwd: Path | None = None) -> str:
        return self._run("apt-get", *arguments, cwd=cwd)

    def _run(self, program: str, *arguments: str, cwd: Path | None = None) -> str:
        settings = {
            "Dir::State": self.folder / "state",
            "Dir::State::status": self.folder / "state/status",
            "Dir::Cache": self.folder / "cache",
            "Dir::Etc::sourcelist": "/dev/null",
            "Dir::Etc::sourceparts": self.folder / "sources.list.d",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": self.folder / "preferences.d",
            "Acquire::Languages": "none",
            "Acquire::Retries": "3",
            "Debug::NoLocking": "1",
        }
        if os.geteuid() == 0:
            settings["APT::Sandbox::User"] = "root"
        options = [part for key, value in settings.items() for part in ("-o", f"{key}={value}")]
        return run([program, *options, *arguments], cwd=cwd)


def host_sources() -> list[Source]:
    """The sources to take the servers from, derived from what this host is set up with."""
    os_release = read_os_release(Path("/etc/os-release").read_text(encoding="utf-8"))
    targets = run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages"]
    )
    sources = derive_sources(os_release, targets, find_keyring(os_release))
    return sorted(sources, key=lambda source: "-" in source.suite)


def find_keyring(os_release: dict[str, str]) -> Path:
    """The archive keyring that signatures are checked with."""
    family = "ubuntu" if os_release.get("ID") == "ubuntu" else "debian"
    candidates = [Path("/usr/share/keyrings") / name for name in _KEYRINGS[family]]
    for path in candidates:
        if path.exists():
            return path
    raise ServerUnavailable(
        f"The archive keyring {candidates[0]} is missing: apt-get install {family}-archive-keyring (or ubuntu-keyring)."
    )


def run(command: Sequence[str], cwd: Path | None = None) -> str:
    """Run a program of the package system and return what it printed."""
    environment = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=_COMMAND_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServerUnavailable(f"{command[0]} did not run: {error}.") from error
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.startswith("E:")] or done.stderr.splitlines()
        reason = said[0].removeprefix("E: ").rstrip(".") if said else f"exit status {done.returncode}"
        raise ServerUnavailable(
            f"The distribution's packages could not be had, check this host's apt sources and network: {reason}."
        )
    return done.stdout
