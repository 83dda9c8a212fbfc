"""Doctor's look at models: declared, fitted, in force, scored, heard by ingest, and fitting still."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from psycopg import Connection

from davy.doctor import store
from davy.doctor.examination import Check, Examination, few

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
