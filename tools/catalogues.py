"""Message catalogues of a package: what its sources say, set against what its translators wrote.

    python tools/catalogues.py api            rewrite api/locale/*/LC_MESSAGES/api.po with the texts of today
    python tools/catalogues.py api --check    say which texts are missing, untranslated, fuzzy or no longer used

Kept translations stay; new texts come in empty (English: as they are) and wait for a person.
"""

from __future__ import annotations

import argparse
import sys
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
LOCALES = ("en", "zh_Hans_CN")
METHODS = [
    ("**.py", "python"),
    ("**/templates/**.html", "jinja2.ext:babel_extract"),
    ("templates/**.html", "jinja2.ext:babel_extract"),
]
OPTIONS = {pattern: {"trimmed": "true", "silent": "false"} for pattern, method in METHODS if method != "python"}
KEYWORDS = {**DEFAULT_KEYWORDS, "later": None}


def messages(package: str) -> Catalog:
    """Every text of a package, without a locale."""
    found = Catalog(charset="utf-8", header_comment=f"# Texts of {package}; written by tools/catalogues.py.")
    folder = ROOT / package
    for file, _, message, _, context in extract_from_dir(folder, METHODS, OPTIONS, KEYWORDS):
        found.add(message, None, [(f"{package}/{file}", 0)], context=context)
    return found


def written(package: str, locale: str) -> Catalog:
    """What the translators have written so far."""
    path = path_of(package, locale)
    return read_po(BytesIO(path.read_bytes()), locale=locale) if path.exists() else Catalog(locale=locale)


def path_of(package: str, locale: str) -> Path:
    """Where a catalogue stands."""
    return ROOT / package / "locale" / locale / "LC_MESSAGES" / f"{package}.po"


def update(package: str) -> None:
    """Brings both catalogues to the texts of today."""
    for locale in LOCALES:
        old = written(package, locale)
        new = Catalog(
            locale=locale,
            project="davy",
            version=package,
            msgid_bugs_address="see SECURITY.md and CONTRIBUTING.md",
            last_translator="see the history",
            language_team=locale,
            charset="utf-8",
            fuzzy=False,
            header_comment=f"# Texts of {package}, {locale}; kept by tools/catalogues.py.",
        )
        for message in messages(package):
            if message.id:
                kept = old.get(message.id, message.context)
                same = message.id if locale == "en" else ""
                new.add(
                    message.id,
                    kept.string if kept and kept.string else same,
                    message.locations,
                    context=message.context,
                )
        out = BytesIO()
        write_po(out, new, omit_header=False, sort_output=True, include_lineno=False, width=120)
        lines = [line for line in out.getvalue().decode().splitlines() if not line.startswith('"POT-Creation-Date')]
        path_of(package, locale).parent.mkdir(parents=True, exist_ok=True)
        path_of(package, locale).write_text("\n".join(line for line in lines if "-Date:" not in line) + "\n", "utf-8")


def faults(package: str) -> list[str]:
    """A sentence for each text that a reader would not get in their language."""
    said = {(message.id, message.context) for message in messages(package) if message.id}
    wrong = []
    for locale in LOCALES:
        have = {(message.id, message.context): message for message in written(package, locale) if message.id}
        wrong += [f"{locale}: missing {text[0]!r}" for text in sorted(said - set(have), key=str)]
        wrong += [f"{locale}: no longer used {text[0]!r}" for text in sorted(set(have) - said, key=str)]
        wrong += [f"{locale}: untranslated {message.id!r}" for message in have.values() if not message.string]
        wrong += [f"{locale}: fuzzy {message.id!r}" for message in have.values() if message.fuzzy]
        wrong += [f"{locale}: {fault} in {message.id!r}" for message in have.values() for fault in message.check()]
    return wrong


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package")
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    if not given.check:
        update(given.package)
    wrong = faults(given.package)
    for sentence in wrong:
        sys.stderr.write(sentence + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
