"""`davy detectors list`: every declared model, which version judges it, and whether that was fitted for what the site file declares now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from gettext import NullTranslations
from typing import Any

from api.words.model_setup import lines as setup_lines
from api.words.model_setup import verdict
from api.words.texts import later
from core.db import connect, transaction
from core.i18n import locale_of, translations
from core.model_difference import OF_NUMBERS, Difference
from davy.models.plans import apart
from detectors.store.models import FittedRow, Plan, load_plans
from detectors.store.promotions import Promotion, load_promotions
from detectors.store.versions import models_in_force, versions_of


@dataclass(frozen=True, slots=True)
class Listed:
    """One model.

    Args:
        version: in force since `since`; None: nobody has put one in force. versions: that were fitted.
        kinds: of the version in force.
        other_setup: in what it was fitted for something else than is declared now.
    """

    plan: Plan
    version: int | None
    since: datetime | None
    versions: list[int]
    kinds: list[str]
    other_setup: list[Difference]

    @property
    def is_silent(self) -> bool:
        """Whether nobody judges it: no version is in force, or it was fitted for another setup."""
        return self.version is None or any(each.part in OF_NUMBERS for each in self.other_setup)

    def answer(self) -> dict[str, Any]:
        """For a machine."""
        return {
            "asset": self.plan.key,
            "site": self.plan.site,
            "members": list(self.plan.names),
            "window_s": self.plan.window_s,
            "setup": self.plan.setup.told(),
            "version": self.version,
            "since": None if self.since is None else self.since.isoformat(),
            "versions": self.versions,
            "kinds": self.kinds,
            "is_silent": self.is_silent,
            "other_setup": [each._asdict() for each in self.other_setup],
        }

    def lines(self, language: str) -> list[str]:
        """For a person."""
        texts, locale = translations(language), locale_of(language)
        names = {each.sensor: each.name_zh if language == "zh" else each.name for each in self.plan.members}
        told = [self._head(texts)]
        if self.other_setup and self.version is not None:
            told.append("  " + verdict(texts, self.other_setup, self.version))
            told += [f"  - {each}" for each in setup_lines(texts, self.other_setup, names, language, locale)]
        return told

    def _head(self, texts: NullTranslations) -> str:
        words = {
            "site": self.plan.site,
            "asset": self.plan.key,
            "signals": len(self.plan.members),
            "fitted": len(self.versions),
        }
        if self.version is None:
            none = _FITTED if self.versions else _UNFITTED
            return texts.gettext(none) % words
        assert self.since is not None
        since = self.since.isoformat(sep=" ", timespec="seconds")
        return texts.gettext(_JUDGED) % {**words, "version": self.version, "since": since}


_JUDGED = later(
    "%(site)s, %(asset)s: %(signals)s signals; version %(version)s of %(fitted)s is in force since %(since)s."
)
_FITTED = later(
    "%(site)s, %(asset)s: %(signals)s signals; %(fitted)s versions were fitted and nobody has put one in force, so it judges nothing."
)
_UNFITTED = later("%(site)s, %(asset)s: %(signals)s signals; nothing was fitted yet, so it judges nothing.")


def list_models(url: str, token: Callable[[], str]) -> list[Listed]:
    """The declared models that are not retired, by key.

    Raises:
        DatabaseAway: it does not answer.
    """
    with closing(connect(url, application="detectors-list")) as connection, transaction(connection, token()):
        in_force, promotions = models_in_force(connection), load_promotions(connection)
        return [
            _listed(
                plan,
                in_force.get(plan.asset_id, ()),
                promotions.get(plan.asset_id, ()),
                versions_of(connection, plan.asset_id),
            )
            for plan in load_plans(connection)
        ]


def _listed(plan: Plan, rows: Sequence[FittedRow], promotions: Sequence[Promotion], versions: list[int]) -> Listed:
    newest = promotions[0] if promotions else None
    return Listed(
        plan=plan,
        version=None if newest is None else newest.version,
        since=None if newest is None else newest.promoted_at,
        versions=versions,
        kinds=sorted(row.kind for row in rows),
        other_setup=apart(rows[0], plan) if rows else [],
    )
