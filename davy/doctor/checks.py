"""The checks of doctor: each looks at one thing and says what it found and, where that is wrong, what to do."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from functools import partial
from typing import Any, Final

import psycopg
from psycopg import Connection

from core.db import connect, first_line, transaction
from core.errors import BadInput, DatabaseAway
from core.migrate import OLDEST_SERVER, require_current
from core.principal import ServiceToken
from core.settings import variable
from davy.doctor import store
from davy.doctor.clocks import database_clock, device_clocks, server_clock
from davy.doctor.duty import duty
from davy.doctor.examination import Check, Examination, age, few, guarded
from davy.doctor.false_alarms import false_alarms
from davy.doctor.grafana import grafana
from davy.doctor.life import alerting, calls, delivery, ingest, late_readings, limits, outside, risk, seals
from davy.doctor.links import links
from davy.doctor.models import models
from davy.doctor.retention import disk_lasts, legal_holds, readings_kept
from davy.doctor.server_settings import chunks, database_settings

ROLES: Final = ("owner", "ingest", "alerting", "web")
LATE_NOTIFICATION: Final = timedelta(seconds=60)
SILENT_SITE: Final = timedelta(minutes=10)  # sensors report every second to every few minutes


def settings_read(on: Examination) -> Check:
    """Settings that are wrong stop doctor before this; here it says which are not set."""
    _ = on.gettext
    names = [f"database_url_{role}" for role in ROLES] + ["principal_key", "mqtt_user", "mqtt_password"]
    missing = [variable(name) for name in names if getattr(on.settings, name) is None]
    if missing:
        return Check("settings", True, _("Not set here, so not checked: %(names)s.") % {"names": ", ".join(missing)})
    return Check("settings", True, _("All settings were read, and none that Davy needs is missing."))


def database_role(on: Examination, role: str) -> Check:
    """Whether the database takes a process of this role, and knows our signature."""
    _, name, setting = on.gettext, f"database_{role}", variable(f"database_url_{role}")
    url = on.url(role)
    if url is None:
        return Check(name, True, _("Not set here, so not checked: %(names)s.") % {"names": setting})
    try:
        with closing(connect(url, application="doctor")) as connection:
            user = store.user_of(connection)
            believed = role == "owner" or _signature_is_known(on, connection)
    except DatabaseAway as error:
        advice = _("Start the database, or correct host, port, name and password in %(name)s.") % {"name": setting}
        return Check(name, False, str(error), advice)
    except psycopg.Error as error:
        return Check(name, False, first_line(error), _("Run `davy migrate`, then look again."))
    if user != f"davy_{role}":
        advice = _("Put the role %(role)s into %(name)s: what a process may see hangs on its role.")
        return Check(
            name,
            False,
            _("It connects as %(user)s.") % {"user": user},
            advice % {"role": f"davy_{role}", "name": setting},
        )
    if not believed:
        advice = _("Give every process and `davy migrate` the same %(name)s.") % {"name": variable("principal_key")}
        return Check(
            name, False, _("It does not know the key that this process signs with: nothing can be seen."), advice
        )
    return Check(name, True, _("It answers."))


def _signature_is_known(on: Examination, connection: Connection[Any]) -> bool:
    key = on.settings.principal_key
    if key is None:
        return True
    token = ServiceToken(bytes.fromhex(key.get_secret_value())).at(on.now.timestamp())
    with transaction(connection, token):
        return store.sees_everything(connection)


def database_checks(on: Examination) -> list[Check]:
    """What only the database knows; asked as owner."""
    _ = on.gettext
    asked: list[tuple[str, Callable[[Examination, Connection[Any]], Check]]] = [
        ("database_version", _database_version),
        ("migrations", _migrations),
        ("database_settings", database_settings),
        ("chunks", chunks),
        ("ingest", ingest),
        ("late_readings", late_readings),
        ("limits", limits),
        ("alerting", alerting),
        ("calls", calls),
        ("outside", outside),
        ("delivery", delivery),
        ("links", links),
        ("risk", risk),
        ("seals", seals),
        ("notifications", _notifications),
        ("routes", _routes),
        ("duty", duty),
        ("last_readings", _last_readings),
        ("database_clock", database_clock),
        ("server_clock", server_clock),
        ("device_clocks", device_clocks),
        ("models", models),
        ("false_alarms", false_alarms),
        ("grafana", grafana),
        ("readings_kept", readings_kept),
        ("disk_lasts", disk_lasts),
        ("legal_holds", legal_holds),
    ]
    url = on.url("owner")
    if url is None:
        found = _("Not set here, so not checked: %(names)s.") % {"names": variable("database_url_owner")}
        return [Check(name, True, found) for name, _check in asked]
    try:
        with closing(connect(url, application="doctor")) as connection:
            return [
                found
                for name, check in asked
                for found in guarded(on, name, partial(_asked, on, name, check, connection))
            ]
    except DatabaseAway:
        found, advice = _("Not known: the database does not answer."), _("Mend the database first.")
        return [Check(name, False, found, advice) for name, _check in asked]


def _asked(
    on: Examination, name: str, check: Callable[[Examination, Connection[Any]], Check], connection: Connection[Any]
) -> list[Check]:
    try:
        return [check(on, connection)]
    except psycopg.Error as error:
        return [Check(name, False, first_line(error), on.gettext("Run `davy migrate`, then look again."))]


def _database_version(on: Examination, connection: Connection[Any]) -> Check:
    _, server = on.gettext, store.server_version(connection)
    found = f"PostgreSQL {server.version}"
    if server.timescaledb:
        found += f", TimescaleDB {server.timescaledb} ({server.licence})"
    if server.number < OLDEST_SERVER:
        advice = _("Move to PostgreSQL %(oldest)s or newer.") % {"oldest": OLDEST_SERVER // 10000}
        return Check("database_version", False, found, advice)
    return Check("database_version", True, found)


def _migrations(on: Examination, connection: Connection[Any]) -> Check:
    _ = on.gettext
    try:
        require_current(connection)
    except BadInput as error:
        return Check("migrations", False, str(error), _("Run `davy migrate` with the Davy that is installed."))
    return Check("migrations", True, _("The schema is this Davy's."))


def _notifications(on: Examination, connection: Connection[Any]) -> Check:
    _, waiting = on.gettext, store.waiting_notifications(connection, on.now)
    if waiting.oldest is not None and on.now - waiting.oldest > LATE_NOTIFICATION:
        found = _("%(count)s wait, the oldest for %(age)s.") % {
            "count": waiting.count,
            "age": age(on.now - waiting.oldest),
        }
        advice = _("Look at the log of `davy process alerting`: it is not running, or the receivers do not answer.")
        return Check("notifications", False, found, advice)
    if waiting.failed:
        found = _("%(count)s could not be delivered in the last day.") % {"count": waiting.failed}
        advice = _("The occurrence's page says why each one failed; correct the address or the channel.")
        return Check("notifications", False, found, advice)
    return Check("notifications", True, _("None waits longer than it should."))


def _routes(on: Examination, connection: Connection[Any]) -> Check:
    _, silent = on.gettext, store.unheard_routes(connection)
    if silent:
        found = _("Routes that reach nobody: %(routes)s.") % {"routes": few(silent)}
        advice = _("Whoever stood there has left, or has no address. Name somebody in the site file and import it.")
        return Check("routes", False, found, advice)
    return Check("routes", True, _("Every route reaches somebody."))


def _last_readings(on: Examination, connection: Connection[Any]) -> Check:
    _, sites = on.gettext, store.last_readings(connection)
    silent = [site for site in sites if site.received_at is None or on.now - site.received_at > SILENT_SITE]
    if not sites:
        return Check("last_readings", True, _("There is no site with sensors yet."))
    if silent:
        told = [
            _("%(site)s never") % {"site": site.site}
            if site.received_at is None
            else _("%(site)s %(age)s ago") % {"site": site.site, "age": age(on.now - site.received_at)}
            for site in silent
        ]
        advice = _(
            "Look at the site's gateways and their credentials; rejected messages stand on the integrator's page."
        )
        return Check("last_readings", False, _("Last reading: %(sites)s.") % {"sites": few(told)}, advice)
    return Check("last_readings", True, _("All %(count)s sites are heard.") % {"count": len(sites)})
