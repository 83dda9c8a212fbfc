"""`davy detectors fit`: a version of an asset's models from an interval that somebody declares normal, without what was flagged in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from psycopg import Connection

from core.batch import Float64
from core.db import connect, transaction
from core.errors import BadInput, Refused
from core.store.writes import JournalEntry, write_journal
from davy.models.contamination import MOST_ODD, Contamination, look
from davy.models.flagged import WORDS, Flagged, counted, cut, find_flagged, mask_of
from davy.models.forecasting import fit_forecast, told_of
from davy.models.judges import MEMORY
from davy.models.origin import digest, made_with, training
from davy.models.plans import check_interval, find_plan, rows_of, suits
from davy.models.promote import Promoted, put_in_force
from davy.models.store import score_limits
from detectors.models.ahead import KIND, Ahead
from detectors.models.contract import whole_rows
from detectors.models.fitting import Fitted, Halves, fit, halves, left_out
from detectors.models.registry import MODELS
from detectors.store import models as store
from detectors.store.models import Plan
from detectors.store.promotions import load_promotions
from detectors.store.versions import Origin, add_fitted, load_version, lock_asset

DEFAULT_REASON: Final = "declared normal"
SETPOINT: Final = 2.3  # where an asset has no limit on this score: that of system.model-unusual

Made = tuple[str, Fitted, list[str]]


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
        windows: complete ones in the interval, without those that were cut.
        cut_windows: how many each reason left out; one window may have several.
        cut: the stretches, with what they come from.
        contamination: what a robust fit and the version in force found odd in what was left.
        promoted: None: nobody has put it in force yet, it looks on.
    """

    asset: str
    version: int
    members: list[str]
    window_s: float
    trained_from: str
    trained_until: str
    windows: int
    cut_windows: dict[str, int]
    cut: list[dict[str, str]]
    contamination: dict[str, Any]
    models: list[FittedModel]
    promoted: Promoted | None
    remarks: list[str]

    def answer(self) -> dict[str, Any]:
        """For a machine."""
        return asdict(self)

    def lines(self) -> list[str]:
        """For a person."""
        told = [
            f"{self.asset}, version {self.version}: {self.windows} windows of {self.window_s:g} s of {len(self.members)} members.",
            *self.remarks,
            *(
                f"{each.kind}: calibrated on {each.calibration_windows} windows it was not fitted on; it can say up to "
                f"{each.highest_number:.2f} (at most one normal window in {each.calibration_windows + 1})."
                for each in self.models
            ),
        ]
        told += dict.fromkeys(notice for each in self.models for notice in each.notices)
        if self.promoted is not None:
            return [*told, self.promoted.line()]
        command = f'davy detectors promote --asset {self.asset} --version {self.version} --reason "..."'
        return [*told, f"It looks on and alarms nothing until somebody puts it in force: {command}"]


@dataclass(frozen=True, slots=True)
class Learnt:
    """What of an interval is learnt from.

    Args:
        rows: shape (n, members), NaN where a member is missing or the window is cut.
    """

    plan: Plan
    first: int
    rows: Float64
    spans: list[Flagged]
    parts: Halves
    contamination: Contamination


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
    although_odd: str = "",
    promote: bool = False,
    although_untried: str = "",
    now: datetime | None = None,
) -> FitAnswer:
    """Fits every kind of model on the asset's declared members and keeps them as one version; running processes take it up by themselves.

    Args:
        url: the database, as alerting.
        token: of one of Davy's own processes.
        asset: key of the model in the site file.
        since, until: the normal interval, aware.
        contaminated: hours of it may not have been normal; see `detectors.models.unspoilt`.
        although_odd: why it is normal although too much of it looks odd; kept with the version.
        promote: whether it is put in force at once; then `reason` must say why.
        although_untried: why it goes in force although it has not looked on beside the one that is.

    Raises:
        BadInput: no such model, or an interval that will not do; the sentence says why.
        Refused: too much of it looks odd, or it may not go in force; nothing is kept.
        DatabaseAway: it does not answer.
    """
    at = now or datetime.now(UTC)
    check_interval(since, until, at, ahead="nobody knows yet that it is normal")
    connection = connect(url, application="detectors-fit")
    try:
        with transaction(connection, token()):
            plan = find_plan(store.load_plans(connection), asset)
            learnt = _learn(connection, plan, since, until, contaminated=contaminated)
        _must_look_normal(learnt, although_odd)
        made, ahead = _make(learnt, robust=contaminated)
        with transaction(connection, token()):
            version = lock_asset(connection, plan.asset_id) + 1
            origin = _origin(learnt, (since, until), at, actor, reason, although_odd)
            kept = _keep_all(connection, plan, origin, version, made, ahead)
            write_journal(connection, [_entry(plan, origin, version)])
            promoted = None
            if promote:
                row = load_version(connection, plan.asset_id, version)[0]
                promoted = put_in_force(
                    connection, plan, row, at=at, actor=actor, reason=reason, overrule=although_untried
                )
    finally:
        connection.close()
    return FitAnswer(
        asset=plan.key,
        version=version,
        members=list(plan.names),
        window_s=plan.window_s,
        trained_from=since.isoformat(),
        trained_until=until.isoformat(),
        windows=origin.windows,
        cut_windows=_cut_windows(learnt),
        cut=origin.cut,
        contamination=origin.contamination,
        models=kept,
        promoted=promoted,
        remarks=[*_cut_lines(learnt), learnt.contamination.sentence(), *([told_of(ahead)] if ahead else [])],
    )


def _learn(connection: Connection[Any], plan: Plan, since: datetime, until: datetime, *, contaminated: bool) -> Learnt:
    """The windows of the interval without what was flagged, taken apart and looked at; of a doubted one what is left of it."""
    first, rows = rows_of(connection, plan, since, until)
    spans = find_flagged(connection, plan, since, until)
    left = cut(rows, spans, first=first, window_s=plan.window_s)
    gone = int(mask_of(spans, first=first, count=len(rows), window_s=plan.window_s).sum())
    told = (
        f" Left out of it: {'; '.join(map(str, spans[:3]))}{'; and more' if len(spans) > 3 else ''}." if spans else ""
    )
    if gone and gone == len(rows):
        raise BadInput(f"Nothing of the interval can be learnt from.{told}")
    try:
        parts = halves(left, plan.names, window_s=plan.window_s, memory=MEMORY, setup=plan.setup)
    except BadInput as error:
        raise BadInput(f"{error}{told}") from error
    limit = score_limits(connection, plan).get(next(iter(MODELS)))
    contamination = look(
        left,
        first=first,
        window_s=plan.window_s,
        in_force=_of_version_in_force(connection, plan, left),
        setpoint=SETPOINT if limit is None else limit.setpoint,
        names=plan.names,
        setup=plan.setup,
        without=left_out(parts, plan.names, plan.setup, len(left)) if contaminated else None,
    )
    return Learnt(plan, first, left, spans, parts, contamination)


def _make(learnt: Learnt, *, robust: bool) -> tuple[list[Made], Ahead | None]:
    """Every kind of model of what is learnt from, and the forecast where the asset declares one; nothing is kept yet."""
    plan, parts = learnt.plan, learnt.parts
    made = [(kind, *fit(kind, parts, plan.names, setup=plan.setup, robust=robust)) for kind in MODELS]
    return made, fit_forecast(plan, parts, robust=robust)


def _of_version_in_force(connection: Connection[Any], plan: Plan, rows: Float64) -> tuple[int, Float64] | None:
    """The version in force with what its first kind says of each row; None: there is none, or it knows other members."""
    promotions = load_promotions(connection, plan.asset_id).get(plan.asset_id)
    if not promotions:
        return None
    version = promotions[0].version
    for row in load_version(connection, plan.asset_id, version):
        if row.kind == next(iter(MODELS)) and suits(row, plan):
            fitted = Fitted.restored(row.kind, row.members, row.parameters)
            return version, np.nan_to_num(fitted.number(rows, plan.names), nan=0.0)
    return None


def _must_look_normal(learnt: Learnt, although: str) -> None:
    if learnt.contamination.is_too_much and not although.strip():
        raise Refused(
            f"{learnt.contamination.sentence()} More than {MOST_ODD:.0%} of what is called normal may not look odd: choose another "
            'interval (davy detectors propose), or write why this is normal all the same: --although-odd "...".'
        )


def _cut_windows(learnt: Learnt) -> dict[str, int]:
    return counted(learnt.spans, first=learnt.first, count=len(learnt.rows), window_s=learnt.plan.window_s)


def _cut_lines(learnt: Learnt) -> list[str]:
    return [f"Left out: {windows} windows, {WORDS[why]}." for why, windows in _cut_windows(learnt).items()]


def _origin(
    learnt: Learnt, trained: tuple[datetime, datetime], at: datetime, actor: str, reason: str, although_odd: str
) -> Origin:
    plan, found = learnt.plan, learnt.contamination
    return Origin(
        trained=trained,
        windows=int(whole_rows(learnt.rows).sum()),
        cut=[span.kept() for span in learnt.spans],
        contamination=found.kept(although_odd.strip() if found.is_too_much else None),
        training=training(learnt.rows, plan.names, window_s=plan.window_s),
        readings=digest(learnt.rows, plan.names, first=learnt.first, window_s=plan.window_s),
        fitted_at=at,
        fitted_by=actor,
        reason=reason.strip() or DEFAULT_REASON,
    )


def _keep(connection: Connection[Any], plan: Plan, origin: Origin, version: int, made: Made) -> FittedModel:
    """Writes one kind of model."""
    kind, model, notices = made
    model_id = add_fitted(
        connection,
        plan,
        origin,
        version=version,
        kind=kind,
        parameters=model.parameters(),
        highest=model.calibration.highest,
        notices=notices,
        made_with=made_with(kind, memory=MEMORY),
    )
    return FittedModel(
        model_id=model_id,
        kind=kind,
        calibration_windows=len(model.calibration.oddness),
        highest_number=model.calibration.highest,
        notices=notices,
    )


def _keep_all(
    connection: Connection[Any], plan: Plan, origin: Origin, version: int, made: Sequence[Made], ahead: Ahead | None
) -> list[FittedModel]:
    """Writes every kind of a version, and the forecast where the asset declares one."""
    kept = [_keep(connection, plan, origin, version, each) for each in made]
    if ahead is not None:
        _keep_forecast(connection, plan, origin, version, ahead)
    return kept


def _keep_forecast(connection: Connection[Any], plan: Plan, origin: Origin, version: int, ahead: Ahead) -> None:
    """Writes the forecast under the version of the other kinds."""
    add_fitted(
        connection,
        plan,
        origin,
        version=version,
        kind=KIND,
        parameters=ahead.parameters(),
        highest=ahead.beyond,
        notices=[told_of(ahead)],
        made_with=made_with(KIND, memory=MEMORY),
    )


def _entry(plan: Plan, origin: Origin, version: int) -> JournalEntry:
    since, until = origin.trained
    new: dict[str, Any] = {
        "version": version,
        "from": since.isoformat(),
        "until": until.isoformat(),
        "members": list(plan.names),
    }
    if origin.contamination["overruled"] is not None:
        new["although_odd"] = origin.contamination["overruled"]
    return JournalEntry(
        at=origin.fitted_at,
        company=plan.company,
        actor=origin.fitted_by,
        action="model_fitted",
        subject=f"model {plan.key}",
        old=None if version == 1 else {"version": version - 1},
        new=new,
        reason=origin.reason,
    )
