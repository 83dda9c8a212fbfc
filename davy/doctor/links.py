"""Whether messages hold a link by which people acknowledge without logging in."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from psycopg import Connection

from alerting.store.status import process_beats
from core.settings import variable
from davy.doctor.examination import Check, Examination
from davy.doctor.server_settings import LOOPBACK


def links(on: Examination, connection: Connection[Any]) -> Check:
    """As alerting says of itself: it signs them."""
    _, beat, url = on.gettext, process_beats(connection).get("alerting"), on.settings.public_url
    if beat is None:
        return Check("links", True, _("Not known: no alerting has ever run on this database."))
    key = beat.report.get("links")
    if key is None:
        found = _("Links to acknowledge by without logging in are off: alerting has no %(name)s.")
        advice = _(
            "Set it to the same keys for `davy process alerting` and `davy process api`; until then whoever is told must log in to acknowledge."
        )
        return Check("links", False, found % {"name": variable("link_keys")}, advice)
    if url is not None and not url.startswith("https://") and urlsplit(url).hostname not in LOOPBACK:
        found = _("Links to acknowledge by go in the clear: %(url)s is not https.")
        advice = _("Put Davy behind https: whoever reads a link on its way can acknowledge with it.")
        return Check("links", False, found % {"url": url}, advice)
    return Check("links", True, _("Messages hold links to acknowledge by, signed with key %(key)s.") % {"key": key})
