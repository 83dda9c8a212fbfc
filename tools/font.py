"""Cuts the report's font down to the characters that a report may need, with a manifest of what came from where.

    python tools/font.py            fetch the pinned package, write the font, its licence and the manifest
    python tools/font.py --check    compare the committed files with the manifest; needs neither npm nor a network

Noto Sans SC has 30,000 glyphs in 10.5 MB. Kept are ASCII, Latin-1, signs of typography and units, all of GB 2312-1980
and the rest of the Table of General Standard Chinese Characters (2013), in which names of companies and places are
registered: 2.7 MB. GBK would take 7.7 MB, nearly all of it traditional characters that no register of the mainland takes.
The font is committed and shipped, so neither users nor tests need node. Only this program does.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "risk" / "report" / "font"
PACKAGE, VERSION, LICENCE = "@expo-google-fonts/noto-sans-sc", "0.4.3", "OFL-1.1"
SOURCE = "400Regular/NotoSansSC_400Regular.ttf"
FONT, NOTICE, MANIFEST = "NotoSansSC-Regular.ttf", "OFL.txt", "manifest.json"

LATIN = [*range(0x20, 0x7F), *range(0xA0, 0x180)]
GREEK = range(0x391, 0x3CA)  # μ, Ω, σ in units
# Punctuation, currencies, super- and subscripts, arrows, mathematical signs, boxes, circled numbers, Chinese punctuation and
# full-width forms, as far as the font has them.
SIGNS = [
    *range(0x2010, 0x2028), *range(0x2030, 0x203F), *range(0x2070, 0x209D), *range(0x20A0, 0x20C0), *range(0x2100, 0x2140),
    *range(0x2150, 0x2180), *range(0x2190, 0x219A), *range(0x2200, 0x2270), *range(0x2460, 0x2474), *range(0x25A0, 0x2600),
    *range(0x3000, 0x3020), *range(0x3200, 0x3230), *range(0x3380, 0x33E0), *range(0xFF01, 0xFF5F), 0xFFE5,
]  # fmt: skip


def characters() -> set[int]:
    """Every code point that is kept, where the font has it."""
    rows, cells = range(0xA1, 0xF8), range(0xA1, 0xFF)
    pairs = b"".join(bytes((row, cell)) for row in rows for cell in cells)
    chinese = pairs.decode("gb2312", errors="ignore")
    lines = (ROOT / "tools" / "font_characters.txt").read_text("utf-8").splitlines()
    chinese += "".join(line for line in lines if not line.startswith("#"))
    return {*LATIN, *GREEK, *SIGNS, *map(ord, chinese)}


def cut(source: Path, target: Path) -> None:
    """Writes `target`, the same bytes for the same source and the same fonttools."""
    options = subset.Options()
    options.drop_tables += ["BASE", "vhea", "vmtx", "VORG", "DSIG", "STAT"]  # nothing is set vertically
    options.layout_features = ["kern", "mark", "mkmk", "ccmp", "tnum", "palt"]
    options.hinting = False
    options.recalc_timestamp = False
    font = TTFont(source, recalcTimestamp=False)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=characters())
    cutter.subset(font)
    font.save(target)


def fetch() -> None:
    """Takes the pinned package and writes what we ship."""
    with tempfile.TemporaryDirectory() as scratch:
        wanted = f"{PACKAGE}@{VERSION}"
        subprocess.run(
            ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", scratch, wanted], check=True
        )
        folder = Path(scratch) / "node_modules" / PACKAGE
        FOLDER.mkdir(parents=True, exist_ok=True)
        cut(folder / SOURCE, FOLDER / FONT)
        lines = (folder / "LICENSE_FONT").read_text("utf-8").splitlines()
        (FOLDER / NOTICE).write_text("\n".join(line.rstrip() for line in lines) + "\n", "utf-8")
    files = {name: sha256(FOLDER / name) for name in (FONT, NOTICE)}
    entry = {"name": PACKAGE, "version": VERSION, "licence": LICENCE, "files": files}
    (FOLDER / MANIFEST).write_text(json.dumps([entry], indent=2) + "\n", "utf-8")


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def differences() -> list[str]:
    """A sentence for each committed file that is not what the manifest says."""
    (entry,) = json.loads((FOLDER / MANIFEST).read_text("utf-8"))
    found = [] if entry["version"] == VERSION else [f"the manifest has {entry['version']}, tools/font.py {VERSION}"]
    return found + [
        f"{name} differs from its manifest" for name, want in entry["files"].items() if sha256(FOLDER / name) != want
    ]


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
