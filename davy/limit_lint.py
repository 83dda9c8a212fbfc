"""`davy alarms lint`: the limits of a site file, or of the database, held against what makes an alarm useful."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from psycopg import Connection

from alerting.limit_lint import lint
from alerting.lint_words import Level, Remark
from alerting.store.false_alarms import budget_limits, budget_sites
from core.db import connect
from core.errors import BadInput, BadSiteFile
from core.migrate import require_current
from core.portfolio import Portfolio
from core.site_defaults import with_defaults
from core.site_file import read_site_file
from davy.false_alarms.store import out_of_reach
from davy.site.importing import read_everything, read_text, shipped_limits, vocabulary


@dataclass(frozen=True, slots=True)
class Linted:
    """What was looked at, and what there is to mend.

    Args:
        checked: limits in use.
        place: the file's name; None: the database.
    """

    checked: int
    remarks: Sequence[Remark]
    place: str | None

    @property
    def errors(self) -> int:
        """How many are wrong whatever the plant."""
        return sum(each.level is Level.ERROR for each in self.remarks)

    def answer(self) -> dict[str, object]:
        """The report for a machine: docs/reference/lint.md."""
        return {
            "checked": self.checked,
            "errors": self.errors,
            "warnings": len(self.remarks) - self.errors,
            "remarks": [
                {
                    "rule": each.rule,
                    "level": each.level.value,
                    "site": each.site,
                    "limit": each.limit,
                    "line": each.line or None,
                    "text": each.said("en"),
                    "text_zh": each.said("zh"),
                }
                for each in self.remarks
            ],
        }

    def lines(self, language: str) -> list[str]:
        """The report for a person: place, level, rule, sentence."""
        told = [f"{self._where(each)}: {each.level}: {each.rule}: {each.said(language)}" for each in self.remarks]
        return [*told, f"{self.checked} limits: {self.errors} errors, {len(self.remarks) - self.errors} warnings."]

    def _where(self, remark: Remark) -> str:
        name = f"{remark.site}/{remark.limit}" if remark.limit else remark.site
        return f"{self.place}:{remark.line}: {name}" if self.place else name


def lint_file(path: Path, variables: Mapping[str, str], site: str = "") -> Linted:
    """The limits of a site file, with those that Davy adds by itself.

    Raises:
        BadSiteFile: the file has mistakes; those come first.
        BadInput: it cannot be read, or has no such site.
    """
    packs = shipped_limits()
    found = read_site_file(read_text(path), words=vocabulary(), packs=packs, variables=variables)
    if found.mistakes:
        raise BadSiteFile(sorted(set(found.mistakes)))
    return _linted(with_defaults(found.portfolio, packs), site, str(path))


def lint_database(owner_url: str, site: str = "") -> Linted:
    """The limits in force.

    Raises:
        DatabaseAway: it does not answer.
        BadInput: there is no such site.
    """
    with closing(connect(owner_url, application="alarms-lint")) as connection:
        require_current(connection, "davy_owner")
        with connection.transaction():
            found = _linted(read_everything(connection), site, None)
            return replace(found, remarks=[*found.remarks, *_too_small(connection, site), *_never(connection, site)])


def _too_small(connection: Connection[Any], site: str) -> Iterator[Remark]:
    """Models whose calibration the budget of false alarms is too strict for."""
    for each in budget_sites(connection, site):
        for limit in budget_limits(connection, each.site_id) if each.per_week is not None else ():
            if limit.needs is not None and not limit.own:
                words = {"needs": str(limit.needs), "has": str(limit.calibrated)}
                yield Remark(rule="calibration-too-small", site=each.key, limit=limit.key, line=0, words=words)


def _never(connection: Connection[Any], site: str) -> Iterator[Remark]:
    """Alarms on a model's number that can never come, whoever set them."""
    for each in out_of_reach(connection, site):
        words = {"setpoint": f"{each.setpoint:g}", "highest": f"{each.highest:.3g}"}
        yield Remark(rule="never-reached", site=each.site, limit=each.limit, line=0, words=words)


def _linted(portfolio: Portfolio, site: str, place: str | None) -> Linted:
    if site:
        chosen = [row for row in portfolio.sites if row.key == site]
        if not chosen:
            there = ", ".join(row.key for row in portfolio.sites) or "none"
            raise BadInput(f"There is no site {site}; there are {there}.")
        portfolio = replace(portfolio, sites=chosen)
    sites = {row.key for row in portfolio.sites}
    checked = sum(row.site in sites and row.role == "alarm" and not row.retired for row in portfolio.definitions)
    return Linted(checked, lint(portfolio, shipped_limits()), place)
