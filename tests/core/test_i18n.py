"""Catalogues: merged over packages, read from text, the same word for the same thing everywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

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


# Words of the glossary that texts must keep to, with what else they have been called: a reader who meets two Chinese words
# for one thing looks for two things.
HELD = {
    "site": ("厂区", ("站点", "场所")),
    "life safety": ("人身安全", ("生命安全",)),
    "integrator": ("集成商", ("集成方", "集成人员", "集成员")),
    "sensor": ("传感器", ("感应器",)),
    "device": ("设备", ()),
    "gateway": ("网关", ()),
    "insurer": ("保险公司", ("承保人",)),
    "underwriter": ("核保人", ("承保人",)),
    "safety officer": ("安全员", ("安全官",)),
}
NO_WORDS = re.compile(r"%\(\w+\)s|\{\w+\}|davy/v1\S*")  # what is filled in, and topics


def _chinese() -> Iterator[tuple[str, str, str]]:
    """(path, English, Chinese) of each text."""
    for path, text in catalogues("zh_Hans_CN"):
        for entry in read_po(BytesIO(text), locale="zh_Hans_CN"):
            if entry.id:
                yield path, NO_WORDS.sub("", str(entry.id)), str(entry.string)


@pytest.mark.parametrize("word", HELD)
def test_one_chinese_word_for_one_thing(word: str) -> None:
    """The glossary decides; every package says it so, and nothing else."""
    chinese, others = HELD[word]
    glossary = (Path(__file__).resolve().parents[2] / "docs" / "glossary.md").read_text("utf-8")
    assert f"| {word} | {chinese} |" in glossary or f"{word} ({chinese})" in glossary
    said = re.compile(rf"\b{word.replace(' ', '[ -]')}s?\b", re.IGNORECASE)
    for path, english, translated in _chinese():
        if said.search(english):
            assert chinese in translated, f"{path}: {english!r} is {translated!r}"
        for other in others:
            assert other not in translated, f"{path}: {translated!r} should say {chinese}"
