"""Copies the browser's libraries out of their npm packages into the repository, with a manifest of what came from where.

    python tools/vendor.py            fetch the pinned versions and write the files, the manifest and the notices
    python tools/vendor.py --check    compare the committed files with the manifest; needs neither npm nor a network

The copies are committed and shipped, so neither users nor tests need node. Only this program does.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Package:
    """One npm package and what is taken from it.

    Args:
        licence: SPDX identifier, as read in the package's licence file.
        files: path inside the package -> name in our folder.
        notices: licence files whose text our notices must carry.
        folder: where the copies go, below the repository.
    """

    name: str
    version: str
    licence: str
    files: dict[str, str]
    notices: tuple[str, ...]
    folder: str


SHIPPED = "api/static/vendor"
PACKAGES = (
    Package(
        "htmx.org",
        "4.0.1",
        "0BSD",
        {"dist/htmx.min.js": "htmx.min.js", "dist/ext/hx-sse.min.js": "hx-sse.min.js"},
        ("LICENSE",),
        SHIPPED,
    ),
    Package(
        "uplot",
        "1.6.32",
        "MIT",
        {"dist/uPlot.iife.min.js": "uPlot.iife.min.js", "dist/uPlot.min.css": "uPlot.min.css"},
        ("LICENSE",),
        SHIPPED,
    ),
    Package(
        "swagger-ui-dist",
        "5.35.0",
        "Apache-2.0",
        {"swagger-ui-bundle.js": "swagger-ui-bundle.js", "swagger-ui.css": "swagger-ui.css"},
        ("NOTICE", "swagger-ui-bundle.js.LICENSE.txt"),
        SHIPPED,
    ),
    # For the accessibility tests only: never in the wheel.
    Package("axe-core", "4.14.1", "MPL-2.0", {"axe.min.js": "axe.min.js"}, ("LICENSE-3RD-PARTY.txt",), "tests/vendor"),
)


def fetch() -> None:
    """Installs the pinned packages in a folder of our own and copies what we take."""
    with tempfile.TemporaryDirectory() as scratch:
        wanted = [f"{package.name}@{package.version}" for package in PACKAGES]
        subprocess.run(
            ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", scratch, *wanted], check=True
        )
        modules = Path(scratch) / "node_modules"
        for folder in sorted({package.folder for package in PACKAGES}):
            entries = [_copied(modules, package) for package in PACKAGES if package.folder == folder]
            (ROOT / folder / MANIFEST).write_text(json.dumps(entries, indent=2) + "\n", "utf-8")
        (ROOT / "THIRD_PARTY_NOTICES.md").write_text(_notices(modules), "utf-8")


def _copied(modules: Path, package: Package) -> dict[str, Any]:
    folder = ROOT / package.folder
    folder.mkdir(parents=True, exist_ok=True)
    sums = {}
    for source, name in package.files.items():
        shutil.copyfile(modules / package.name / source, folder / name)
        sums[name] = sha256(folder / name)
    return {"name": package.name, "version": package.version, "licence": package.licence, "files": sums}


def _notices(modules: Path) -> str:
    parts = [
        (
            "# Third-party notices\n\nFiles of other projects that stand in this repository, written by `tools/vendor.py`."
            " Python dependencies are installed by the user and carry their own notices.\n"
        )
    ]
    for package in PACKAGES:
        where = "shipped with Davy" if package.folder == SHIPPED else "used by the tests only, not shipped"
        parts.append(f"## {package.name} {package.version} ({package.licence}; {where})\n")
        if package.licence == "Apache-2.0":
            parts.append("Licensed under the Apache License 2.0, whose text is in `LICENSE`.\n")
        if package.licence == "MPL-2.0":
            parts.append(
                "Licensed under the Mozilla Public License 2.0, <https://mozilla.org/MPL/2.0/>; the file is unchanged.\n"
            )
        for notice in package.notices:
            text = (modules / package.name / notice).read_text("utf-8").strip()
            parts.append("```\n" + "\n".join(line.rstrip() for line in text.splitlines()) + "\n```\n")
    parts += [_font_notice(), _schema_notice()]
    return "\n".join(parts)


def _font_notice() -> str:
    """The font of reports is another program's (tools/font.py); its licence stands beside it."""
    folder = ROOT / "risk" / "report" / "font"
    (entry,) = json.loads((folder / MANIFEST).read_text("utf-8"))
    text = (folder / "OFL.txt").read_text("utf-8").strip()
    where = "shipped with Davy, cut down by `tools/font.py`"
    return f"## {entry['name']} {entry['version']} ({entry['licence']}; {where})\n\n```\n{text}\n```\n"


def _schema_notice() -> str:
    """The schema of CAP is no package's; OASIS's notice stands beside it."""
    text = (ROOT / "tests" / "vendor" / "oasis" / "NOTICE.txt").read_text("utf-8").strip()
    return f"## CAP-v1.2.xsd (OASIS; used by the tests only, not shipped)\n\n```\n{text}\n```\n"


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def differences() -> list[str]:
    """A sentence for each committed file that is not what the manifest or the pins say."""
    found = []
    for folder in sorted({package.folder for package in PACKAGES}):
        entries = {entry["name"]: entry for entry in json.loads((ROOT / folder / MANIFEST).read_text("utf-8"))}
        pinned = {package.name: package for package in PACKAGES if package.folder == folder}
        if set(entries) != set(pinned):
            found.append(f"{folder}/{MANIFEST} lists {sorted(entries)}, tools/vendor.py pins {sorted(pinned)}")
        for name, entry in entries.items():
            if name in pinned and entry["version"] != pinned[name].version:
                found.append(f"{name} is {entry['version']} in {folder}, tools/vendor.py pins {pinned[name].version}")
            found += [
                f"{folder}/{file} differs from its manifest"
                for file, want in entry["files"].items()
                if sha256(ROOT / folder / file) != want
            ]
    return found


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only compare")
    if not parser.parse_args().check:
        fetch()
    wrong = differences()
    for sentence in wrong:
        sys.stderr.write(sentence + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
