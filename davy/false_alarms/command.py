"""`davy budget`: what the budget of false alarms makes of the statistical alarms of each site."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from typing import Any

from alerting.false_alarms import CAPPED, KEPT, UNKNOWN, UNUSED
from alerting.store.false_alarms import BudgetSite, budget_limits, budget_sites
from core.db import connect, transaction
from core.errors import BadInput
from davy.false_alarms.keeping import Found, look


def budgets(
    url: str, token: Callable[[], str], now: datetime, *, site: str = "", apply: bool = False
) -> list[dict[str, Any]]:
    """Each site with its budget, and each of its limits with what it is to be judged by.

    Args:
        url: the database, as alerting.
        token: of one of Davy's own processes.
        apply: what is found is set, as the duty of the risk process does by itself.

    Raises:
        DatabaseAway: it does not answer.
        BadInput: there is no such site, or it has no statistical alarm.
    """
    with closing(connect(url, application="budget")) as connection, transaction(connection, token()):
        sites = budget_sites(connection, site)
        if site and not sites:
            raise BadInput(
                f"There is no site {site} with a statistical alarm; name one that has a model, or leave --site out."
            )
        answers = []
        for each in sites:
            limits = budget_limits(connection, each.site_id) if each.per_week is not None else []
            found = [look(connection, each, limit, now, apply=apply and not limit.own) for limit in limits]
            answers.append(_answer(each, found))
        return answers  # fmt: skip


def _answer(site: BudgetSite, found: list[Found]) -> dict[str, Any]:
    known = [each.now if not each.moved else each.choice.expected for each in found]
    told = [each for each in known if each is not None]
    return {
        "site": site.key,
        "per_week": site.per_week,
        "scores": site.scores,
        "expected_per_week": sum(told) if told else None,
        "limits": [_limit(each) for each in found],
    }


def _limit(each: Found) -> dict[str, Any]:
    return {
        "limit": each.limit.key,
        "state": each.choice.state,
        "own": each.limit.own,
        "setpoint": each.limit.setpoint,
        "on_delay_s": each.limit.on_delay_s,
        "chosen_setpoint": None if each.choice.state == UNKNOWN else each.choice.setpoint,
        "chosen_on_delay_s": None if each.choice.state == UNKNOWN else each.choice.on_delay_s,
        "moved": each.moved,
        "share_per_week": each.share,
        "now_per_week": each.now,
        "expected_per_week": each.choice.expected,
        "judged_h": each.judged_s / 3600.0,
        "rarer_than_counted": each.choice.far,
        "calibrated": each.calibrated,
        "needs": each.choice.needs,
        "highest": None if math.isinf(each.highest) else each.highest,
        "out_of_reach": each.out_of_reach and not each.moved,
        "why": each.why or None,
    }


def lines(answers: list[dict[str, Any]]) -> list[str]:
    """The same for a person."""
    told = []
    for site in answers:
        if site["per_week"] is None:
            told.append(f"{site['site']}: no budget; {site['scores']} statistical alarms keep their own setpoints.")
            continue
        told.append(
            f"{site['site']}: {site['per_week']:g} false alarms a week, shared by {site['scores']} statistical alarms."
        )
        told += [f"  {each['limit']}: {_sentence(each)}" for each in site["limits"]]
    return told or ["No site has a statistical alarm."]


def _sentence(each: dict[str, Any]) -> str:
    never = f" Its number ends at {each['highest']:.3g}: it can never call." if each["out_of_reach"] else ""
    if each["own"]:
        return f"setpoint {each['setpoint']:g} is a person's; the budget leaves it alone.{never}"
    if each["state"] == UNKNOWN:
        return f"setpoint {each['setpoint']:g} stays; {each['why']}."
    if each["expected_per_week"] is None:
        return f"setpoint {each['chosen_setpoint']:g} is the highest that can be reached; how often that comes falsely is not known.{never}"
    chosen = f"setpoint {each['chosen_setpoint']:g} for {each['chosen_on_delay_s']:g} s"
    told = f"{chosen} gives {each['expected_per_week']:.3g} a week of {each['share_per_week']:.3g}, by {each['judged_h']:.1f} h of normal operation"
    if (each["rarer_than_counted"] or 1.0) > 1.5:
        told += f", {each['rarer_than_counted']:.0f} times rarer than what was counted there"
    more = {
        KEPT: "",
        UNUSED: "; a lower setpoint would be no rarity",
        CAPPED: "; the calibration allows no more",
    }[each["state"]]
    if each["needs"]:
        more += f": it needs {each['needs']} calibration windows and has {each['calibrated']}"
    return f"{told}{more}.{never}"
