"""Doctor's look at models: declared, fitted, in force, scored, heard by ingest, and fitting still."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from psycopg import Connection

from api.words.model_setup import PARTS
from core.model_difference import OF_NUMBERS
from davy.doctor import store
from davy.doctor.examination import Check, Examination, few
from davy.models.plans import apart, that_judge
from detectors.models.ahead import KIND as FORECAST
from detectors.models.registry import MODELS
from detectors.store.models import load_plans
from detectors.store.versions import models_in_force

LATE_SCORE: Final = timedelta(seconds=60)  # beyond the window itself and the 5 s that are waited for its members


def models(on: Examination, connection: Connection[Any]) -> Check:
    """Whether every declared model is fitted, in force, scored, heard by ingest, and still fits its machine."""
    _, declared = on.gettext, store.models(connection)
    if not declared:
        return Check("models", True, _("No asset has a model."))
    if unfitted := [each.key for each in declared if each.fitted_at is None]:
        found = _("Not fitted, so nobody judges: %(models)s.") % {"models": few(unfitted)}
        advice = _("Choose an interval in which it ran as usual: `davy detectors fit --asset KEY --from ... --to ...`.")
        return Check("models", False, found, advice)
    if waiting := [each.key for each in declared if each.promoted_at is None]:
        found = _("Fitted, but nobody has put a version in force, so nobody judges: %(models)s.") % {
            "models": few(waiting)
        }
        advice = _('Put one in force: `davy detectors promote --asset KEY --version N --reason "..."`.')
        return Check("models", False, found, advice)
    nobody, without = _strangers(on, connection)
    if nobody:
        found = _(
            "The version in force was fitted for another setup than the site file declares now, so nobody judges: %(models)s."
        )
        advice = _("Fit a version for what the site file declares now, and put it in force.")
        return Check("models", False, found % {"models": few(nobody)}, advice)
    if without:
        found = _("The version in force says less than it should: %(models)s.") % {"models": few(without)}
        advice = _("Those kinds came later, or were declared otherwise: fit a version anew, and put it in force.")
        return Check("models", False, found, advice)
    if late := [each.key for each in declared if each.is_late(on.now, LATE_SCORE)]:
        found = _("Not scored lately: %(models)s.") % {"models": few(late)}
        return Check("models", False, found, _("Look at the log of `davy process detectors`: is it running?"))
    if unheard := [each.key for each in declared if each.is_unheard(LATE_SCORE)]:
        found = _("Scored, but the scores do not arrive: %(models)s.") % {"models": few(unheard)}
        advice = _("The broker does not let the detectors process publish them: run `davy detectors access`.")
        return Check("models", False, found, advice)
    if drifted := [each.key for each in declared if each.drifted_since is not None]:
        found = _("No longer fits its machine: %(models)s.") % {"models": few(drifted)}
        advice = _(
            "`davy detectors drift` says why; fit a new version on how it runs now, compare the two, and promote it."
        )
        return Check("models", False, found, advice)
    return Check("models", True, _("All %(count)s models are fitted and score.") % {"count": len(declared)})


def _strangers(on: Examination, connection: Connection[Any]) -> tuple[list[str], list[str]]:
    """Models whose version in force was fitted for something else, with what; and those of which it lacks a kind, with what is lacking."""
    in_force = models_in_force(connection)
    nobody, without = [], []
    for plan in load_plans(connection):
        rows = in_force.get(plan.asset_id)
        if not rows:
            continue
        judging = that_judge(rows, plan)
        wanted = [*MODELS, *([FORECAST] if plan.setup.forecast is not None else [])]
        if not judging & MODELS.keys():
            parts = [on.gettext(PARTS[each.part]) for each in apart(rows[0], plan) if each.part in OF_NUMBERS]
            nobody.append(f"{plan.key} ({', '.join(parts)})" if parts else plan.key)
        elif lacking := [kind for kind in wanted if kind not in judging]:
            without.append(f"{plan.key} ({', '.join(lacking)})")
    return nobody, without
