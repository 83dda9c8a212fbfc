"""The part of requirements.lock that running Davy needs, hashes included, on stdout.

    python tools/runtime_lock.py [PACKAGE ...]     also with these and what they need

It asks the metadata of what is installed: run it where the whole lock is. The image is built from its answer.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent


def needed(asked: Iterable[Requirement]) -> set[str]:
    """Names of these packages and of all that they need here."""
    found: set[tuple[str, str]] = set()
    waiting = list(asked)
    while waiting:
        wanted = waiting.pop()
        for extra in ("", *sorted(wanted.extras)):
            key = (canonicalize_name(wanted.name), extra)
            if key not in found:
                found.add(key)
                further = (Requirement(text) for text in requires(wanted.name) or ())
                waiting += [one for one in further if one.marker is None or one.marker.evaluate({"extra": extra})]
    return {name for name, _ in found}


def entries(lock: str) -> Iterator[tuple[str, str]]:
    """(name, lines) of each package in a lock."""
    for block in re.split(r"\n(?=[a-z0-9])", lock.strip("\n")):
        if match := re.match(r"([A-Za-z0-9._-]+)==", block):
            yield canonicalize_name(match[1]), block


def runtime_lock(more: Iterable[str] = ()) -> str:
    """The lock's entries for Davy's own dependencies and `more`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    names = needed(Requirement(text) for text in (*project["dependencies"], *more))
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    return "\n".join(block for name, block in entries(lock) if name in names) + "\n"


if __name__ == "__main__":
    sys.stdout.write(runtime_lock(sys.argv[1:]))
