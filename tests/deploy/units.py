"""systemd's units as systemd reads them: enough of it to start what they say."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from tests.deploy.boards import ROOT

FOLDER = ROOT / "deploy" / "systemd"
SERVICES = sorted(FOLDER.glob("*.service"))


@dataclass
class Unit:
    """One unit file: section -> key -> values in their order."""

    name: str
    sections: dict[str, dict[str, list[str]]] = field(default_factory=dict)

    def all(self, section: str, key: str) -> list[str]:
        """All values of a key."""
        return self.sections[section].get(key, [])

    def one(self, section: str, key: str) -> str:
        """The only value of a key."""
        (value,) = self.all(section, key)
        return value


def read(file: Path) -> Unit:
    """A unit file; what is no line of one is an error."""
    unit, section = Unit(file.stem), ""
    for line in file.read_text("utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("["):
            section = line.strip("[]")
            unit.sections.setdefault(section, {})
        else:
            key, equals, value = line.partition("=")
            assert equals, line
            unit.sections[section].setdefault(key, []).append(value)
    return unit


def environment(unit: Unit, settings_file: Path, secrets: Path, credentials: Path) -> dict[str, str]:
    """What a process of this unit finds in its environment.

    Args:
        settings_file: in place of its EnvironmentFile.
        secrets: in place of /etc/davy/secrets.
        credentials: a folder that becomes its credentials' (%d).
    """
    given: dict[str, str] = {}
    if unit.all("Service", "EnvironmentFile"):
        lines = settings_file.read_text("utf-8").splitlines()
        given |= dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    credentials.mkdir(mode=0o700)
    # systemd.exec(5): "the latter will act as default if the former cannot be retrieved", which is fatal otherwise.
    instead = dict(each.split(":", 1) for each in unit.all("Service", "SetCredential"))
    for credential in unit.all("Service", "LoadCredential"):
        name, _, path = credential.partition(":")
        assert Path(path).parent == Path("/etc/davy/secrets"), path
        if name in instead and not (secrets / Path(path).name).exists():
            (credentials / name).write_text(instead[name].replace("\\n", "\n"), "utf-8")
        else:
            shutil.copy(secrets / Path(path).name, credentials / name)
    for assignment in unit.all("Service", "Environment"):
        name, _, value = assignment.partition("=")
        given[name] = value.replace("%d", str(credentials))
    return given
