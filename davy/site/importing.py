"""`davy site import`: a site file into the database, in one transaction, with a journal of every change."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from psycopg import Connection
from psycopg.errors import CheckViolation

from alerting import coverage
from alerting.channels import REGISTRY
from alerting.limit_lint import lint
from alerting.store import routes as kept_routes
from alerting.store.calm_file import read_calm_rows, write_calm_rows
from alerting.store.compounds import read_compounds, write_compounds
from alerting.store.configuration import (
    read_addresses,
    read_dead,
    read_definitions,
    read_routes,
    remove_addresses,
    write_addresses,
    write_definitions,
    write_routes,
)
from alerting.store.false_alarms import (
    end_budgeted,
    read_false_alarm_rows,
    register_budgeted,
    set_by_budget,
    write_false_alarm_rows,
)
from alerting.store.limit_imports import FileChange, page_changes, record_answered
from alerting.store.roster_file import read_rosters, write_rosters
from alerting.store.suppression_rules import read_rules, write_rules
from alerting.vault import Vault
from api.store.logins import never_there
from core import packs
from core.compound_row import CompoundRow
from core.db import connect
from core.errors import BadInput, BadSiteFile, Refused
from core.limit_rule import PackLimit, Vocabulary
from core.migrate import require_current
from core.model import Priority
from core.portfolio import AddressRow, DefinitionRow, HazardRow, ModelRow, Portfolio, RouteRow, SensorRow
from core.sensor_faults import OF_SENSOR
from core.settings import variable
from core.site_agreement import superseded
from core.site_calm import CalmRow, check_calm
from core.site_changes import REMOVED, Change, compare, left_alone
from core.site_defaults import with_defaults
from core.site_false_alarms import (
    Budgeted,
    FalseAlarmRow,
    as_budgeted,
    budgeted,
    check_false_alarms,
    with_own_setpoints,
)
from core.site_file import read_site_file
from core.site_life import together
from core.site_models import without_outlived
from core.site_references import check, unheard
from core.site_rosters import RosterRow
from core.site_suppressions import SuppressionRow, check_suppressions, orphaned_states
from core.store.reads import read_portfolio
from core.store.writes import definitions_changed, lock_portfolio, write_journal, write_rows
from davy.site import answerable
from davy.site.reasons import journal_entries, require_reason
from detectors.registry import DETECTORS, detector_class
from detectors.store.declared import read_models, write_models

_CONTRARY: Final = frozenset({"contradiction", "urgent-after-lesser"})  # rules of `davy alarms lint`


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did, or with `dry_run` would do.

    Args:
        changes: in the order they were written; empty where the database already says what the file says.
        notices: sentences that somebody should read, none of which stopped the import.
        definitions_version: the new one; None where nothing changed or nothing was written.
    """

    changes: list[Change]
    notices: list[str]
    dry_run: bool
    definitions_version: int | None = field(default=None)

    def answer(self) -> dict[str, object]:
        """The report for a machine."""
        return {
            "dry_run": self.dry_run,
            "changes": [{"action": each.action, "subject": each.subject} for each in self.changes],
            "notices": self.notices,
            "definitions_version": self.definitions_version,
        }

    def lines(self) -> list[str]:
        """The report for a person."""
        told = [str(change) for change in self.changes]
        if not self.changes:
            told = ["Nothing to change: the database already says what the file says."]
        elif self.dry_run:
            told.append(f"Dry run: nothing was written; {len(self.changes)} changes would be made.")
        else:
            told.append(f"{len(self.changes)} changes written.")
        return told + self.notices


def import_site(
    owner_url: str,
    path: Path,
    *,
    actor: str,
    reason: str = "",
    variables: Mapping[str, str] | None = None,
    proposer: str = "",
    approver: str = "",
    undo: bool = False,
    dry_run: bool = False,
    now: datetime | None = None,
    vault: Vault | None = None,
) -> Imported:
    """Makes the database say what the file says; what the file no longer names stays.

    Args:
        owner_url: the database, as its owner.
        actor: who does it, for the journal.
        reason: why; needed where something that alarms depend on changes.
        variables: values for `${NAME}` in the file.
        proposer, approver: keys of the two people who answer for a change of a limit of life safety.
        undo: the file may put back what was changed on the page since.
        dry_run: everything is done and checked, then rolled back.
        now: the instant the changes hold from; None: this one.
        vault: seals people's addresses; None: there are no keys, and an address that is a secret is refused.

    Raises:
        DatabaseAway: it does not answer.
        BadSetting: an address in the database is sealed with a key that the vault does not have.
        BadSiteFile: with every mistake of the file and its line.
        Refused: a change needs a reason and has none, needs two people and has them not, undoes one of the page, or the database refuses it.
    """
    words, limits = vocabulary(), shipped_limits()
    found = read_site_file(
        read_text(path), words=words, packs=limits, ready=packs.shipped_compounds(words), variables=variables
    )
    at, vault = now or datetime.now(UTC), vault or Vault()
    with closing(connect(owner_url, application="site-import")) as connection:
        require_current(connection, "davy_owner")
        with _refusals_told(), connection.transaction(force_rollback=dry_run):
            lock_portfolio(connection)
            current = opened(read_everything(connection), vault)
            mistakes = [*found.mistakes, *check(found.portfolio, current), *_yet_to_come(found.portfolio, at)]
            mistakes += [] if vault.seals else _in_the_clear(found.portfolio)
            if mistakes := mistakes or list(coverage.with_holes(found.portfolio, at)):
                raise BadSiteFile(sorted(set(mistakes)))
            lowered = _lowered(connection, found.portfolio, current)
            wanted = without_outlived(with_defaults(found.portfolio, limits, current, lowered), current)
            wanted.definitions.extend([*orphaned_states(wanted, current), *superseded(wanted, current)])
            if mistakes := [mistake for look in _CHECKS for mistake in look(wanted, current)]:
                raise BadSiteFile(sorted(set(mistakes)))
            wanted, by_budget = _with_budgets(connection, wanted, current, limits)
            changes = compare(wanted, current)
            require_reason(changes, reason)
            grave = answerable.for_two(changes, current, read_dead(connection))
            answerable.check_people(grave, current, proposer, approver, never_there(connection, [proposer, approver]))
            back = _undone(connection, changes)
            if not undo and not dry_run:
                answerable.check_undone(back)
            end_budgeted(connection, by_budget, [(row.site, row.key) for row in wanted.definitions], at)
            write_changes(connection, changes, at, vault)
            register_budgeted(connection, by_budget)
            answered = answerable.of_people(grave, proposer, approver)
            write_journal(connection, journal_entries(changes, at, actor, reason, answered))
            moved = definitions_changed(connection) if changes and not dry_run else None
            people = {"proposer": proposer, "approver": approver, "reason": reason.strip()}
            record_answered(connection, _of_limits(grave), **people, definitions_version=moved, now=at)
            kept_routes.record_answered(connection, answerable.routes_of(grave, current), **people, now=at)
    told = [*_notices(wanted, current), *coverage.left_empty(wanted, current, at), *_contrary(wanted, changes, limits)]
    return Imported(changes, [*told, *(f"{each}." for each in back)], dry_run, moved)


@contextmanager
def _refusals_told() -> Iterator[None]:
    """What the database itself refuses, as a sentence: as after an upgrade, until `davy migrate` has told it what detectors take."""
    try:
        yield
    except CheckViolation as error:
        told = f"The database refuses it: {error.diag.message_primary}. {error.diag.message_hint or ''}"
        raise Refused(told.rstrip()) from error


def read_variables(given: Iterable[str]) -> dict[str, str]:
    """The variables of `--set NAME=VALUE`.

    Raises:
        BadInput: one is not of that form.

    >>> read_variables(["DEMO_WEBHOOK=http://127.0.0.1:9/?a=b"])
    {'DEMO_WEBHOOK': 'http://127.0.0.1:9/?a=b'}
    """
    found = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise BadInput(f"--set {each} gives no variable; write --set NAME=VALUE.")
        found[name] = value
    return found


def vocabulary() -> Vocabulary:
    """The detectors and channels a file may name."""
    return Vocabulary(
        detectors=DETECTORS,
        check_parameters=lambda name, where, given: detector_class(name).check_written(where, given),
        channels={name: channel.addresses for name, channel in REGISTRY.items()},
    )


def shipped_limits() -> dict[str, PackLimit]:
    """The limits of the packs that come with Davy."""
    return packs.shipped_limits(vocabulary())


def read_everything(connection: Connection[Any]) -> Portfolio:
    """The whole portfolio in the database."""
    portfolio = read_portfolio(connection)
    portfolio.addresses = read_addresses(connection)
    portfolio.models = read_models(connection)
    portfolio.definitions = read_definitions(connection)
    portfolio.compounds = read_compounds(connection)
    portfolio.rosters = read_rosters(connection)
    portfolio.routes = read_routes(connection)
    portfolio.suppressions = read_rules(connection)
    portfolio.calm = read_calm_rows(connection)
    portfolio.false_alarms = read_false_alarm_rows(connection)
    return portfolio


def opened(portfolio: Portfolio, vault: Vault) -> Portfolio:
    """The same with its addresses as people write them.

    Raises:
        BadSetting: one is sealed with a key that the vault does not have.
        BadInput: one does not open.
    """
    portfolio.addresses = [replace(row, address=vault.open(row.channel, row.address)) for row in portfolio.addresses]
    return portfolio


def write_changes(connection: Connection[Any], changes: Iterable[Change], now: datetime, vault: Vault) -> None:
    """Writes each kind of row at once, in the order of the changes."""
    of_kind: dict[str, list[Change]] = {}
    removed = []
    for change in changes:
        if change.action == REMOVED and isinstance(change.row, AddressRow):
            removed.append(change.row)
        else:
            of_kind.setdefault(change.row.kind, []).append(change)
    for kind, found in of_kind.items():
        rows: list[Any] = [change.row for change in found]
        if kind == DefinitionRow.kind:
            write_definitions(connection, [(row, c.new_version) for row, c in zip(rows, found, strict=True)], now)
        elif kind == CompoundRow.kind:
            write_compounds(connection, rows, now)
        elif kind == ModelRow.kind:
            write_models(connection, rows, now)
        elif kind == AddressRow.kind:
            write_addresses(connection, [replace(row, address=vault.seal(row.channel, row.address)) for row in rows])
        elif kind == RosterRow.kind:
            write_rosters(connection, rows, now)
        elif kind == RouteRow.kind:
            write_routes(connection, rows)
        elif kind == SuppressionRow.kind:
            write_rules(connection, rows, now)
        elif kind == CalmRow.kind:
            write_calm_rows(connection, rows)
        elif kind == FalseAlarmRow.kind:
            write_false_alarm_rows(connection, rows)
        else:
            write_rows(connection, rows, now)
    remove_addresses(connection, removed)


_CHECKS: Final = (check_suppressions, check_calm, check_false_alarms)  # of what is said of limits, Davy's own included


def _lowered(connection: Connection[Any], wanted: Portfolio, current: Portfolio) -> set[tuple[str, str, Priority]]:
    """Faults of sensors that people on the page have given the priority which they will have: the file's, or where it does not name them their own."""
    limits, _ = together(wanted, current)
    rows = [row for row in limits if row.detector in OF_SENSOR and not row.retired]
    return answerable.lowered(rows, page_changes(connection, rows)) if rows else set()


def _with_budgets(
    connection: Connection[Any], wanted: Portfolio, current: Portfolio, limits: Mapping[str, PackLimit]
) -> tuple[Portfolio, list[Budgeted]]:
    """What the file wants with the setpoints of the budget of false alarms; and which limits that budget sets from now on."""
    named = {row.site for row in wanted.false_alarms}
    told = replace(
        wanted, false_alarms=[*wanted.false_alarms, *(row for row in current.false_alarms if row.site not in named)]
    )
    told = with_own_setpoints(told)
    found = budgeted(told, limits)
    free = {(each.base.site, each.base.key) for each in found}
    kept = {name: numbers for name, numbers in set_by_budget(connection).items() if name in free}
    return replace(wanted, definitions=as_budgeted(told.definitions, current.definitions, kept)), found


def _undone(connection: Connection[Any], changes: Iterable[Change]) -> list[str]:
    """What was changed on the page and would be put back, as sentences."""
    changed = [change for change in changes if isinstance(change.row, DefinitionRow) and change.old is not None]
    rows = [change.row for change in changed if isinstance(change.row, DefinitionRow)]
    limits = list(answerable.undone(changed, page_changes(connection, rows))) if rows else []
    routes = [change for change in changes if isinstance(change.row, RouteRow) and change.old is not None]
    made = kept_routes.page_changes(connection, [change.row for change in routes if isinstance(change.row, RouteRow)])
    return [*limits, *answerable.routes_undone(routes, made)]


def _of_limits(changes: Iterable[Change]) -> list[FileChange]:
    return [
        FileChange(change.row, change.old, change.new, change.new_version)
        for change in changes
        if isinstance(change.row, DefinitionRow) and change.old is not None and change.new is not None
    ]


def _yet_to_come(wanted: Portfolio, at: datetime) -> list[tuple[int, str]]:
    """Calibrations and assessments of a day that has come nowhere on Earth yet, as (line, sentence).

    An import that holds from an earlier instant (a demo with a past) may tell what happened up to this day.
    """
    last = (max(at, datetime.now(UTC)) + timedelta(hours=14)).date()
    told: list[tuple[SensorRow | HazardRow, str, date | None]] = []
    told += [(row, "was calibrated", row.calibrated_on) for row in wanted.sensors]
    told += [(row, "was assessed", row.assessed_on) for row in wanted.hazards]
    return [
        (row.line, f"{row.subject} {did} on {day}, which is yet to come; write the day on which it was done.")
        for row, did, day in told
        if day is not None and day > last
    ]


def _in_the_clear(wanted: Portfolio) -> list[tuple[int, str]]:
    """Addresses that are secrets, where there is no key to seal them with, as (line, sentence)."""
    told = (
        "The address of {0.channel} of person {0.person} is a secret, and is not kept in the clear; set "
        f"{variable('address_keys')} for this command, for alerting and for ingest."
    )
    secret = [row for row in wanted.addresses if row.channel in REGISTRY and REGISTRY[row.channel].addresses.secret]
    return [(row.line, told.format(row)) for row in secret]


def read_text(path: Path) -> str:
    """The text of a site file.

    Raises:
        BadInput: it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"Byte {error.start} of {path} is not UTF-8; a site file is YAML in UTF-8.") from error


_TOLD: Final = 5


def _contrary(wanted: Portfolio, changes: Iterable[Change], packs: Mapping[str, PackLimit]) -> Iterator[str]:
    """Limits that this import writes and that contradict another one: each is possible by itself, so it is told and stops nothing."""
    written = {(row.site, row.key) for change in changes if isinstance(row := change.row, DefinitionRow)}
    for remark in lint(wanted, packs):
        if remark.rule in _CONTRARY and (remark.site, remark.limit) in written:
            yield f"Limit {remark.site}/{remark.limit}: {remark.said('en')}"


def _notices(wanted: Portfolio, current: Portfolio) -> list[str]:
    notices = list(unheard(wanted))
    if alone := left_alone(wanted, current):
        told = ", ".join(row.subject for row in alone[:_TOLD])
        more = f" and {len(alone) - _TOLD} more" if len(alone) > _TOLD else ""
        notices.append(
            f"Left as it is, because the file does not name it: {told}{more}. To end something, write `retired: true`."
        )
    return notices
