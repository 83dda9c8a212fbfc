"""`davy detectors fit`: models of one asset from an interval that somebody declares normal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import Any, Final

from psycopg import Connection

from core.batch import Float64
from core.db import connect, transaction
from core.errors import BadInput
from core.store.writes import JournalEntry, write_journal
from davy.models.forecasting import fit_forecast, keep_forecast
from detectors.models.contract import whole_rows
from detectors.models.fitting import Fitted, fit, halves
from detectors.models.registry import MODELS
from detectors.store import models as store
from detectors.store.models import Plan
from detectors.store.windows import means, window_of

LONGEST: Final = timedelta(days=31)
MOST_WINDOWS: Final = 200_000
MEMORY: Final = max(model.memory for model in MODELS.values())
DEFAULT_REASON: Final = "declared normal"


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedModel:
    """One kind of model that was fitted.

    Args:
        highest_number: the largest it can ever say, log10(calibration windows + 1).
    """

    model_id: int
    kind: str
    calibration_windows: int
    highest_number: float
    notices: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FitAnswer:
    """What `davy detectors fit` says.

    Args:
        windows: complete ones in the interval.
        forecast: a sentence of it; None: the asset declares none.
    """

    asset: str
    version: int
    members: list[str]
    window_s: float
    trained_from: str
    trained_until: str
    windows: int
    models: list[FittedModel]
    forecast: str | None = None

    def answer(self) -> dict[str, Any]:
        """For a machine."""
        return asdict(self)

    def lines(self) -> list[str]:
        """For a person."""
        told = [
            f"{self.asset}, version {self.version}: {self.windows} windows of {self.window_s:g} s of {len(self.members)} members.",
            *(
                f"{each.kind}: calibrated on {each.calibration_windows} windows it was not fitted on; it can say up to "
                f"{each.highest_number:.2f} (at most one normal window in {each.calibration_windows + 1})."
                for each in self.models
            ),
        ]
        told += [] if self.forecast is None else [self.forecast]
        return told + list(dict.fromkeys(notice for each in self.models for notice in each.notices))


def fit_asset(
    url: str,
    token: Callable[[], str],
    *,
    asset: str,
    since: datetime,
    until: datetime,
    actor: str,
    reason: str = "",
    contaminated: bool = False,
    now: datetime | None = None,
) -> FitAnswer:
    """Fits every kind of model on the asset's declared members and keeps them; running processes take them up by themselves.

    Args:
        url: the database, as alerting.
        token: of one of Davy's own processes.
        asset: key of the model in the site file.
        since, until: the normal interval, aware.
        contaminated: hours of it may not have been normal; see `detectors.models.unspoilt`.

    Raises:
        BadInput: no such model, or an interval that will not do; the sentence says why.
        DatabaseAway: it does not answer.
    """
    at = now or datetime.now(UTC)
    _check_interval(since, until, at)
    connection = connect(url, application="detectors-fit")
    try:
        with transaction(connection, token()):
            plan = find_plan(store.load_plans(connection), asset)
            rows = _rows(connection, plan, since, until)
        parts = halves(rows, plan.names, window_s=plan.window_s, memory=MEMORY, setup=plan.setup)
        made = [(kind, *fit(kind, parts, plan.names, setup=plan.setup, robust=contaminated)) for kind in MODELS]
        ahead = fit_forecast(plan, parts)
        complete = int(whole_rows(rows).sum())
        with transaction(connection, token()):
            version = store.lock_asset(connection, plan.asset_id) + 1
            kept = [
                _keep(connection, plan, version, kind, model, notices, (since, until), complete, (at, actor, reason))
                for kind, model, notices in made
            ]
            by = at, actor, reason.strip() or DEFAULT_REASON
            forecast = None
            if ahead is not None:
                forecast = keep_forecast(
                    connection, plan, ahead, version=version, trained=(since, until), windows=complete, by=by
                )
            write_journal(connection, [_entry(plan, version, since, until, actor, reason, at)])
    finally:
        connection.close()
    return FitAnswer(
        asset=plan.key,
        version=version,
        members=list(plan.names),
        window_s=plan.window_s,
        trained_from=since.isoformat(),
        trained_until=until.isoformat(),
        windows=complete,
        models=kept,
        forecast=forecast,
    )


def find_plan(plans: Sequence[Plan], asset: str) -> Plan:
    """The declared model of that key.

    Raises:
        BadInput: there is none; the sentence names those there are.
    """
    for plan in plans:
        if plan.key == asset:
            return plan
    keys = [plan.key for plan in plans]
    if not keys:
        raise BadInput(f"No asset has a model, so {asset} has none; declare one in the site file and import it.")
    near = get_close_matches(asset, keys, n=1)
    advice = f"did you mean {near[0]}?" if near else f"there are {', '.join(keys[:8])}."
    raise BadInput(f"There is no model {asset}; {advice}")


def read_instant(name: str, text: str) -> datetime:
    """An instant of the command line, with its zone.

    Raises:
        BadInput: it is none.

    >>> read_instant("from", "2026-03-01T08:00:00+08:00").isoformat()
    '2026-03-01T00:00:00+00:00'
    """
    try:
        found = datetime.fromisoformat(text)
        instant = found.astimezone(UTC) if found.tzinfo is not None else None
    except (ValueError, OverflowError):
        instant = None
    if instant is None:
        raise BadInput(f"--{name} is {text!r}; it must be an instant with its zone such as 2026-03-01T08:00:00+08:00.")
    return instant


def _check_interval(since: datetime, until: datetime, now: datetime) -> None:
    if until <= since:
        raise BadInput(
            f"The interval ends at {until.isoformat()} and begins at {since.isoformat()}; it must end later."
        )
    if until - since > LONGEST:
        raise BadInput(f"The interval is {(until - since).days} days long; {LONGEST.days} at most are fitted at once.")
    if until > now:
        raise BadInput(
            f"The interval ends at {until.isoformat()}, which is yet to come; nobody knows yet that it is normal."
        )


def _rows(connection: Connection[Any], plan: Plan, since: datetime, until: datetime) -> Float64:
    first, last = window_of(since, plan.window_s), window_of(until, plan.window_s)
    if last - first > MOST_WINDOWS:
        raise BadInput(
            f"The interval holds {last - first} windows of {plan.window_s:g} s; {MOST_WINDOWS} at most are fitted at once."
        )
    sensors = [member.sensor_id for member in plan.members]
    return means(connection, sensors, first=first, count=last - first, window_s=plan.window_s)


def _keep(
    connection: Connection[Any],
    plan: Plan,
    version: int,
    kind: str,
    model: Fitted,
    notices: list[str],
    trained: tuple[datetime, datetime],
    windows: int,
    by: tuple[datetime, str, str],
) -> FittedModel:
    """Writes one kind of model; `by` is when, who and why."""
    at, actor, reason = by
    model_id = store.add_fitted(
        connection,
        plan,
        version=version,
        kind=kind,
        trained=trained,
        windows=windows,
        parameters=model.parameters(),
        highest=model.calibration.highest,
        notices=notices,
        fitted_at=at,
        fitted_by=actor,
        reason=reason.strip() or DEFAULT_REASON,
    )
    return FittedModel(
        model_id=model_id,
        kind=kind,
        calibration_windows=len(model.calibration.oddness),
        highest_number=model.calibration.highest,
        notices=notices,
    )


def _entry(
    plan: Plan, version: int, since: datetime, until: datetime, actor: str, reason: str, at: datetime
) -> JournalEntry:
    return JournalEntry(
        at=at,
        company=plan.company,
        actor=actor,
        action="model_fitted",
        subject=f"model {plan.key}",
        old=None if version == 1 else {"version": version - 1},
        new={"version": version, "from": since.isoformat(), "until": until.isoformat(), "members": list(plan.names)},
        reason=reason.strip() or DEFAULT_REASON,
    )
