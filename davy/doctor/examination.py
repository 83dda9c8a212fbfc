"""What each check of doctor is given, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import psycopg

from core.db import first_line
from core.errors import DavyError
from core.settings import Settings

Gettext = Callable[[str], str]

NAMED: Final = 5  # of many, how many are named
# What a server, a file, a row or a setting that reads otherwise than a check expects makes of its lines.
BREAKS: Final = (
    OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError, AssertionError,
    psycopg.Error, DavyError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Check:
    """What one check found.

    Args:
        advice: what to do; None where all is well.
    """

    name: str
    ok: bool
    found: str
    advice: str | None = None


@dataclass(frozen=True, slots=True)
class Examination:
    """What every check is given.

    Args:
        now: instant against which ages are measured.
        gettext: translates a sentence for whoever asked.
    """

    settings: Settings
    now: datetime
    gettext: Gettext

    def url(self, role: str) -> str | None:
        """The database's address for a role, where it is set."""
        secret = getattr(self.settings, f"database_url_{role}")
        return None if secret is None else str(secret.get_secret_value())


def guarded(on: Examination, name: str, look: Callable[[], list[Check]]) -> list[Check]:
    """What `look` finds; where it breaks down itself, that is what is found, and the other checks go on."""
    _ = on.gettext
    try:
        return look()
    except BREAKS as error:
        found = _("This check broke down: %(reason)s.") % {"reason": f"{type(error).__name__}, {first_line(error)}"}
        advice = _(
            "Look whether the settings that it reads are right; what the other checks found holds. If they are, report it."
        )
        return [Check(name, False, found, advice)]


def few(names: Sequence[str]) -> str:
    """The first of many; how many more there are stands behind."""
    more = f", ... (+{len(names) - NAMED})" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def age(span: timedelta) -> str:
    """A time span in the largest unit that fits, in symbols that need no translation.

    >>> age(timedelta(seconds=90)), age(timedelta(hours=50)), age(timedelta(seconds=-1))
    ('1 min', '2 d', '0 s')
    """
    seconds = max(0, int(span.total_seconds()))
    for size, symbol in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {symbol}"
    return f"{seconds} s"
