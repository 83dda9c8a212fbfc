"""Doctor's look at the budget of false alarms: whether each site's statistical alarms can be kept to it."""

from __future__ import annotations

from typing import Any, Final

from psycopg import Connection

from alerting.store.false_alarms import BudgetLimit, budget_limits, budget_sites
from davy.doctor.examination import Check, Examination, few
from davy.false_alarms.store import out_of_reach

NAME: Final = "false_alarms"
TWICE: Final = 2.0  # its part of the budget: what a limit may use before doctor calls it wrong


def false_alarms(on: Examination, connection: Connection[Any]) -> Check:
    """Whether calibrations are large enough for what the sites bear, and every alarm on a model's number can come at all."""
    _, limits = on.gettext, [
        each for site in budget_sites(connection) if site.per_week is not None for each in budget_limits(connection, site.site_id)
    ]  # fmt: skip
    never = [f"{each.limit} ({each.setpoint:g}, {each.highest:.3g})" for each in out_of_reach(connection)]
    if never:
        found = _("Alarms that can never come (setpoint, largest number of the model in force): %(limits)s.")
        advice = _("Lower the setpoint, or fit the model on a longer normal interval.")
        return Check(NAME, False, found % {"limits": few(never)}, advice)
    if not limits:
        return Check(NAME, True, _("No statistical alarm takes its setpoint from a budget."))
    small = [each for each in limits if each.needs is not None and not each.own]
    if small:
        told = few([f"{each.key} ({each.needs}, {each.calibrated})" for each in small])
        found = _("Calibration too small for the budget of false alarms (needs windows, has): %(limits)s.") % {
            "limits": told
        }
        advice = _(
            "Fit on a longer normal interval; until then these alarms must last longer, and may come falsely more often."
        )
        return Check(NAME, not any(_is_over(each) for each in small), found, advice)
    unknown = [each.key for each in limits if each.state in (None, "unknown") and not each.own]
    if unknown:
        found = _("Setpoints still as their pack has them, for too little is known of normal operation: %(limits)s.")
        return Check(NAME, True, found % {"limits": few(unknown)})
    return Check(
        NAME, True, _("All %(count)s statistical alarms keep to the budget of their site.") % {"count": len(limits)}
    )


def _is_over(limit: BudgetLimit) -> bool:
    return limit.expected is not None and limit.share is not None and limit.expected > TWICE * limit.share
