"""The limits and compounds that come with Davy, and which of the limits a limit of a plant goes by."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources

from core.errors import BadInput
from core.limit_rule import PackLimit, Rule, Vocabulary, read_packs
from core.portfolio import DefinitionRow
from core.site_compounds import ReadyCompound, read_ready


def shipped_limits(words: Vocabulary) -> dict[str, PackLimit]:
    """All of them by name; the files are read anew each time."""
    return read_packs(_texts("_limits.yaml"), words)


def shipped_compounds(words: Vocabulary) -> dict[str, ReadyCompound]:
    """The ready compounds by name."""
    return read_ready(_texts("_compounds.yaml"), words)


def _texts(ending: str) -> list[tuple[str, str]]:
    files = sorted((f for f in resources.files("packs").iterdir() if f.name.endswith(ending)), key=lambda f: f.name)
    return [(f"packs/{f.name}", f.read_text("utf-8")) for f in files]


def standard_of(row: DefinitionRow, unit: str, packs: Mapping[str, PackLimit]) -> Rule | None:
    """The pack's limit that a row was taken from, its numbers in the sensor's unit; None where none is known.

    A row keeps the standard, not the name of the pack's limit: that is found by the standard and by the key or the title
    that both have.
    """
    if row.standard is None:
        return None
    same = [
        each
        for each in packs.values()
        if (each.rule.standard, each.rule.edition) == (row.standard, row.edition)
        and (each.rule.detector, each.rule.direction) == (row.detector, row.direction)
    ]
    named = [each for each in same if row.key.endswith(f".{each.key}")]
    for pack in named or [each for each in same if each.rule.title == (row.title, row.title_zh)]:
        try:
            return pack.for_sensor(unit, None)
        except BadInput:  # of another quantity: not the one
            continue
    return None
