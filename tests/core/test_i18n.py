"""Catalogues: merged over packages, read from text, the same word for the same thing everywhere."""

from __future__ import annotations

from io import BytesIO

import pytest
from babel.messages.pofile import read_po

from core.i18n import LANGUAGES, catalogues, locale_of, translations


def test_a_text_is_translated_or_stands_as_it_is() -> None:
    """Chinese for who reads Chinese; what no catalogue has comes out as it went in."""
    assert translations("zh").gettext("High") == "高"
    assert translations("en").gettext("High") == "High"
    assert translations("zh").gettext("no such text") == "no such text"


def test_an_unknown_language_is_english() -> None:
    """A page never fails for its language."""
    assert locale_of("de") == "en"
    assert translations("de") is translations("en")


@pytest.mark.parametrize("locale", sorted(LANGUAGES.values()))
def test_packages_do_not_contradict_each_other(locale: str) -> None:
    """The same text means the same in every package: in a merged catalogue one of two would silently win."""
    seen: dict[object, tuple[object, str]] = {}
    for path, text in catalogues(locale):
        for entry in read_po(BytesIO(text), locale=locale):
            if entry.id:
                other = seen.setdefault((entry.context, entry.id), (entry.string, path))
                assert other[0] == entry.string, f"{entry.id!r} differs between {other[1]} and {path}"
