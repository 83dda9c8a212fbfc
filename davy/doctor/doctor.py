"""`davy doctor`: what is wrong, and what to do about it, in the reader's language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial

from core.i18n import translations
from core.settings import Settings
from davy.answer import say
from davy.doctor.broker_limits import broker_limits
from davy.doctor.certificates import certificate_checks
from davy.doctor.checks import ROLES, database_checks, database_role, settings_read
from davy.doctor.examination import Check, Examination, guarded
from davy.doctor.outside import broker_checks, channel_checks, disk, spool


def doctor(settings: Settings, *, language: str, as_json: bool) -> int:
    """Looks at everything, says what it found; 1 where something is wrong.

    Args:
        language: "zh" or "en".

    Raises:
        BadSetting: no database is named at all, so there is nothing to look at.
    """
    if all(getattr(settings, f"database_url_{role}") is None for role in ROLES):
        settings.secret("database_url_owner")
    checks = examine(settings, language, datetime.now(UTC))
    if as_json:
        say({"checks": [asdict(check) for check in checks]}, as_json=True)
    else:
        print("\n".join(map(_line, checks)))
    return 0 if all(check.ok for check in checks) else 1


def examine(settings: Settings, language: str, now: datetime) -> list[Check]:
    """All checks, in the order in which one would mend what they find; one that breaks down ends no other."""
    on = Examination(settings, now, translations(language).gettext)
    looks: list[tuple[str, Callable[[], list[Check]]]] = [
        ("settings", lambda: [settings_read(on)]),
        *((f"database_{role}", partial(_role, on, role)) for role in ROLES),
        ("database", lambda: database_checks(on)),
        ("broker", lambda: broker_checks(on)),
        ("broker_limits", lambda: [broker_limits(on)]),
        ("tls", lambda: certificate_checks(on)),
        ("channels", lambda: channel_checks(on)),
        ("spool", lambda: [spool(on)]),
        ("disk", lambda: [disk(on)]),
    ]
    return [check for name, look in looks for check in guarded(on, name, look)]


def _role(on: Examination, role: str) -> list[Check]:
    return [database_role(on, role)]


def language_of(environ: Mapping[str, str]) -> str:
    """The language of the person at the terminal, by the usual variables.

    >>> language_of({"LANG": "zh_CN.UTF-8"}), language_of({"LC_ALL": "C", "LANG": "zh_CN.UTF-8"})
    ('zh', 'en')
    """
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if environ.get(name):
            return "zh" if environ[name].startswith("zh") else "en"
    return "en"


def _line(check: Check) -> str:
    told = f"{'ok  ' if check.ok else 'FAIL'} {check.name}: {check.found}"
    return told if check.advice is None else f"{told}\n     -> {check.advice}"
