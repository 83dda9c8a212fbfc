"""Every text a user sees, in English and Simplified Chinese: catalogues of all packages, merged.

Each package keeps `locale/{zh_Hans_CN,en}/LC_MESSAGES/<package>.po`; they are compiled in memory when first asked for, so
no compiled file is kept anywhere. Message ids are the English texts.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from importlib import resources
from io import BytesIO
from typing import Final

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

LANGUAGES: Final = {"zh": "zh_Hans_CN", "en": "en"}  # what a person chooses -> Babel's locale
PACKAGES: Final = ("alerting", "risk", "api", "davy")  # later ones win where two translate the same text


def locale_of(language: str) -> str:
    """Babel's name of a person's language; who asks for one we do not have gets English.

    >>> locale_of("zh"), locale_of("fr")
    ('zh_Hans_CN', 'en')
    """
    return LANGUAGES.get(language, "en")


def catalogues(locale: str) -> Iterator[tuple[str, bytes]]:
    """(path for people, bytes) of each catalogue there is for a Babel locale."""
    for package in PACKAGES:
        folder = resources.files(package).joinpath("locale", locale, "LC_MESSAGES")
        if not folder.is_dir():
            continue
        for file in sorted(folder.iterdir(), key=lambda f: f.name):
            if file.name.endswith(".po"):
                yield f"{package}/locale/{locale}/LC_MESSAGES/{file.name}", file.read_bytes()


@lru_cache(maxsize=len(LANGUAGES))
def _merged(locale: str) -> Translations:
    merged = Translations()
    for _, text in catalogues(locale):
        compiled = BytesIO()
        write_mo(compiled, read_po(BytesIO(text), locale=locale))
        compiled.seek(0)
        merged.merge(Translations(compiled))
    return merged


def translations(language: str) -> Translations:
    """The texts of a language ("zh" or "en"), merged over all packages; read once a process.

    Memory: one catalogue a language, for the life of the process.
    """
    return _merged(locale_of(language))
