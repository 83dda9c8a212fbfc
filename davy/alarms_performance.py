"""`davy alarms performance`: how the alarms of a site go, as the page has it, for machines and for a terminal."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime

from api.performance import Performance, gather
from api.performance_window import WrongWindow, days_asked
from api.v1.performance_models import PerformanceAnswer
from api.words.performance import FIGURES, target, written
from core.db import connect
from core.errors import BadInput
from core.i18n import translations
from core.migrate import require_current
from davy.answer import say
from davy.site.known import require_known
from risk.report.store.site import find_site, site_keys

LOCALE = "en"


def performance(owner_url: str, *, site: str, first: str, last: str, as_json: bool, now: datetime | None = None) -> int:
    """Says the figures of some days; nothing is written. Exit status 0: it says them, whatever they are.

    Args:
        first, last: days of the site, as 2026-01-31; "": the last four weeks until now.

    Raises:
        BadInput: there is no such site, or the days will not do.
    """
    at = now or datetime.now(UTC)
    with closing(connect(owner_url, application="alarms")) as connection:
        require_current(connection, "davy_owner")
        require_known(site, site_keys(connection))
        found = find_site(connection, site, at)
        assert found is not None
        try:
            days = days_asked(first, last, found.time_zone, at)
        except WrongWindow as wrong:
            raise BadInput(wrong.text % wrong.words) from wrong
        counted = gather(connection, found, days.since, days.until, people=True)
    if as_json:
        say(json.loads(PerformanceAnswer.of(counted).model_dump_json()), as_json=True)
    else:
        print("\n".join(_lines(counted)))
    return 0


def _lines(of: Performance) -> list[str]:
    texts = translations(LOCALE)
    told = [f"{of.site.key}, {of.days[0].day} to {of.days[-1].day}: {of.announced} alarms"]
    for figure in of.figures:
        name, value = FIGURES[figure.key][0], written(figure.key, figure.value, LOCALE)
        told.append(f"  {name}: {value} ({target(texts, figure, LOCALE)}; {figure.verdict or 'nothing to count'})")
    for one in of.offenders:
        change = f"; proposed: {one.proposal.what}" if one.proposal else ""
        told.append(f"  worst: {one.limit.key}, announced {one.count.announced} times{change}")
    return told
