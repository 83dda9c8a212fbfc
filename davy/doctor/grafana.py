"""Doctor's look at what a Grafana may see: a scope that ends soon leaves dashboards empty without a word."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from psycopg import Connection

from core.store.grafana_scope import read_scope
from davy.doctor.examination import Check, Examination, few

SOON: Final = timedelta(days=14)  # time enough to renew it


def grafana(on: Examination, connection: Connection[Any]) -> Check:
    """Whether each scope written down for a Grafana role lasts."""
    _, rows = on.gettext, read_scope(connection)
    if not rows:
        return Check("grafana", True, _("No Grafana may see anything."))
    ending = [row for row in rows if row.expires_at - on.now <= SOON]
    told = [f"{row.login_role} {row.company} ({row.expires_at:%Y-%m-%d})" for row in ending or rows]
    if not ending:
        return Check("grafana", True, _("Grafana may see: %(scopes)s.") % {"scopes": few(told)})
    advice = _("Run `davy grafana allow` again, or `davy grafana withdraw` where it is no longer wanted.")
    found = _("What Grafana may see has ended or ends soon: %(scopes)s.") % {"scopes": few(told)}
    return Check("grafana", False, found, advice)
