"""A report as its readers get it: words, tables and drawings in one language. Pages and Typst both set this. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A sentence or a few.

    Args:
        tone: plain; finding (what a section comes to); note (how to read it).
    """

    text: str
    tone: Literal["plain", "finding", "note"] = "plain"
    kind: Literal["paragraph"] = "paragraph"


@dataclass(frozen=True, slots=True)
class Pairs:
    """Names and what they stand for, side by side."""

    rows: tuple[tuple[str, str], ...]
    kind: Literal["pairs"] = "pairs"


@dataclass(frozen=True, slots=True)
class Listed:
    """Sentences under each other."""

    items: tuple[str, ...]
    kind: Literal["listed"] = "listed"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a head.

    Args:
        columns: the heads, with their units.
        numeric: which columns are numbers, set to the right.
        widths: of the columns, in parts of the whole.
    """

    caption: str
    columns: tuple[str, ...]
    numeric: tuple[bool, ...]
    widths: tuple[float, ...]
    rows: tuple[tuple[str, ...], ...]
    kind: Literal["table"] = "table"


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing with what it shows, and the same as a table.

    Args:
        svg: of `risk.report.charts`.
        caption: what is to be seen in it, in a sentence.
        table: the numbers; None where they stand in a table beside it anyway.
    """

    svg: str
    title: str
    caption: str
    table: Table | None
    kind: Literal["figure"] = "figure"


Block = Paragraph | Pairs | Listed | Table | Figure


@dataclass(frozen=True, slots=True)
class Section:
    """A numbered part of the report."""

    key: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The whole.

    Args:
        language: zh or en.
        running: what stands above every page of the PDF.
        eyes: the sentence about the second pair of eyes, below every page.
        page_of: "Page {page} of {pages}", the places filled by who sets the pages.
        simulated: the mark, where something in it was made by the demo; else None.
        numbers: the title of the annex of the PDF in which the drawings' tables stand.
        signatures: who signs a printed report, and on what line.
    """

    language: str
    title: str
    subtitle: str
    lead: tuple[tuple[str, str], ...]
    running: str
    eyes: str
    page_of: str
    simulated: str | None
    sections: tuple[Section, ...]
    numbers: str
    signatures: tuple[str, ...]
    author: str

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)
