"""A report as PDF: Typst sets the document with our font alone; the same document gives the same bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any, Final

import typst

from risk.report.document import Document
from risk.report.glyphs import font_folder, missing, texts_in
from risk.report.refusal import Unreportable, later

_AROUND: Final = 60  # characters of the text that a missing one stands in


def as_pdf(document: Document, at: datetime) -> bytes:
    """The report as PDF/UA-1 and PDF/A-2a.

    Args:
        at: the instant that the file says it was made at; of the facts, not of the clock.

    Raises:
        Unreportable: the font lacks a character that the document has.
    """
    with _template() as (template, fonts):
        return typst.compile(
            template,
            root=template.parent,
            font_paths=[fonts],
            ignore_system_fonts=True,
            format="pdf",
            sys_inputs=_inputs(document),
            pdf_standards=["ua-1", "a-2a"],  # readable aloud, and readable in thirty years
            timestamp=int(at.timestamp()),
        )


def as_pictures(document: Document, ppi: float = 110.0) -> list[bytes]:
    """Its pages as PNG, for looking at them."""
    with _template() as (template, fonts):
        made: Any = typst.compile(
            template,
            root=template.parent,
            font_paths=[fonts],
            ignore_system_fonts=True,
            format="png",
            ppi=ppi,
            sys_inputs=_inputs(document),
        )
    return made if isinstance(made, list) else [made]


def _inputs(document: Document) -> dict[str, str]:
    plain = document.plain()
    refuse_missing(plain)
    return {"report": json.dumps(plain, ensure_ascii=False)}


@contextmanager
def _template() -> Iterator[tuple[Path, Path]]:
    """The template and the folder of the font, as files."""
    with ExitStack() as opened:
        template = opened.enter_context(resources.as_file(resources.files("risk.report") / "typst" / "report.typ"))
        yield template, opened.enter_context(resources.as_file(font_folder()))


def refuse_missing(plain: object) -> None:
    """Nothing is printed with a hole in it."""
    found = missing(texts_in(plain))
    if found is None:
        return
    character, text = found
    at = text.index(character)
    start = max(0, at - _AROUND // 2)
    raise Unreportable(
        later(
            "The PDF cannot be made: its font has no “%(character)s” (%(code)s), which stands in “%(text)s”. "
            "The page shows the report; change the character, or print the page."
        ),
        character=character,
        code=f"U+{ord(character):04X}",
        text=text[start : start + _AROUND],
    )
