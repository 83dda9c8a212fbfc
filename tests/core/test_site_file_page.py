"""docs/reference/site-file.md names every field there is, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.core.sites import SMALL, read

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "site-file.md"
NOBODY = "zzzzqqqq"  # near no field's name, so that the mistake lists all of them

# heading of the page -> (a line of the small file, what puts an unknown field beside it)
PLACES = {
    "The file": ("davy: site/1\n", "davy: site/1\n{}: 1\n"),
    "company": ("  - key: acme\n", "  - key: acme\n    {}: 1\n"),
    "person": ("{key: uw,", "{{key: uw, {}: 1,"),
    "policy": ("      - number: P-1\n", "      - number: P-1\n        {}: 1\n"),
    "site": ("      - key: north\n", "      - key: north\n        {}: 1\n"),
    "hazard": ("          - key: leak\n", "          - key: leak\n            {}: 1\n"),
    "zone": ("          - key: hall\n", "          - key: hall\n            {}: 1\n"),
    "asset": ("{key: p1,", "{{key: p1, {}: 1,"),
    "device": ("          - key: gw-1\n", "          - key: gw-1\n            {}: 1\n"),
    "sensor": ("              - key: ch4\n", "              - key: ch4\n                {}: 1\n"),
    "limit": ("                  - key: warm\n", "                  - key: warm\n                    {}: 1\n"),
    "route": ("          - key: all\n", "          - key: all\n            {}: 1\n"),
}
# heading of the page -> (where its list begins in the small file, the same with an empty entry)
EMPTY = {
    "The file": ("davy: site/1\n", "templates:\n"),
    "company": ("companies:\n", "companies:\n  - {}\n"),
    "person": ("insurer:\n  people:\n", "insurer:\n  people:\n    - {}\n"),
    "policy": ("policies:\n", "policies:\n      - {}\n"),
    "site": ("    sites:\n", "    sites:\n      - {}\n"),
    "hazard": ("hazards:\n", "hazards:\n          - {}\n"),
    "zone": ("zones:\n", "zones:\n          - {}\n"),
    "asset": ("assets: [", "assets: [{}, "),
    "device": ("devices:\n", "devices:\n          - {}\n"),
    "sensor": ("sensors:\n", "sensors:\n              - {}\n"),
    "limit": ("limits:\n", "limits:\n                  - {}\n"),
    "route": ("routes:\n", "routes:\n          - {}\n"),
}
INNER = {"limit": {"is"}}  # how the reader calls a limit that is a bare text


def fields_of(heading: str) -> tuple[set[str], set[str]]:
    """The fields under a heading of the page: all of them, and those in bold."""
    part = PAGE.read_text("utf-8").split(f"\n### {heading}\n")[1].split("\n### ")[0]
    cells = [line.split("|")[1] for line in part.splitlines() if line.startswith("| ") and "| field |" not in line]
    every = {name.strip("* ") for cell in cells for name in cell.split(",")}
    return every, {name for cell in cells for name in re.findall(r"\*\*(\w+)\*\*", cell)}


@pytest.mark.parametrize("heading", PLACES)
def test_the_page_lists_the_fields_the_reader_asks_for(heading: str) -> None:
    """The sentence about an unknown field lists the known ones: they are those of the page."""
    line, put = PLACES[heading]
    assert SMALL.count(line) == 1
    told = [s for _, s in read(SMALL.replace(line, put.format(NOBODY))).mistakes if f"has no field {NOBODY}" in s]
    assert len(told) == 1
    listed = re.search(r"the fields are (.+)\.$", told[0])
    assert listed is not None
    assert set(listed[1].split(", ")) - INNER.get(heading, set()) == fields_of(heading)[0]


@pytest.mark.parametrize("heading", EMPTY)
def test_a_field_in_bold_must_be_there(heading: str) -> None:
    """An entry with nothing in it is told every field that the page prints in bold."""
    line, put = EMPTY[heading]
    assert SMALL.count(line) == 1
    told = " ".join(sentence for _, sentence in read(SMALL.replace(line, put)).mistakes)
    assert [name for name in fields_of(heading)[1] if f"has no {name}" not in told] == []
