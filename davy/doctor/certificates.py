"""Doctor's look at certificates: broker, pages, database. By really connecting, as whoever is to trust them does."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cryptography.x509 import load_der_x509_certificate
from psycopg.conninfo import conninfo_to_dict

from core.settings import variable
from davy.doctor.examination import Check, Examination, guarded
from davy.doctor.server_settings import LOOPBACK

SOON: Final = timedelta(days=14)  # time enough to have a new one made
TIMEOUT_S: Final = 3.0
_HTTPS: Final = 443
_POSTGRES: Final = 5432
_LAST_PORT: Final = 65535
_CLEAR: Final = ("disable", "allow")  # values of sslmode with which libpq speaks in clear to whoever lets it
_SYSTEM: Final = "system"  # value of sslrootcert: the machine's authorities, and verify-full
_SSL_REQUEST: Final = struct.pack("!II", 8, 80877103)  # PostgreSQL's protocol, 55.2.11 "SSL Session Encryption"
Prepare = Callable[[socket.socket], bool]  # what is said before TLS begins; False: the other side does not speak it


def certificate_checks(on: Examination, near: frozenset[str] = LOOPBACK) -> list[Check]:
    """One check each for what people, devices and processes connect to.

    Args:
        near: names of this machine, where nobody listens on the way.
    """
    return [
        *guarded(on, "tls_broker", lambda: [_broker(on, near)]),
        *guarded(on, "tls_web", lambda: [_pages(on, near)]),
        *guarded(on, "tls_database", lambda: [_database(on, near)]),
    ]


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is connected to, and what whoever connects there verifies.

    Args:
        setting: the variable that says so.
        authority: the file of the authority that is trusted; None: the machine's.
        verified: the certificate is verified; else only its end is looked at.
        named: the name that it is made out for is, too.
        prepare: what is said before TLS begins.
    """

    host: str
    port: int
    setting: str
    authority: Path | None = None
    verified: bool = True
    named: bool = True
    prepare: Prepare | None = None


def _broker(on: Examination, near: frozenset[str]) -> Check:
    _, settings = on.gettext, on.settings
    if settings.mqtt_tls_ca is None:
        return _plain(on, "tls_broker", settings.mqtt_host, variable("mqtt_tls_ca"), near)
    peer = Peer(settings.mqtt_host, settings.mqtt_port, variable("mqtt_tls_ca"), settings.mqtt_tls_ca)
    return _examined(on, "tls_broker", peer)


def _pages(on: Examination, near: frozenset[str]) -> Check:
    _, url = on.gettext, on.settings.public_url
    if url is None:
        return Check("tls_web", True, _("Not set here, so not checked: %(names)s.") % {"names": variable("public_url")})
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", _HTTPS if parts.port is None else parts.port
    except ValueError as error:
        return _no_address(on, "tls_web", variable("public_url"), error)
    if parts.scheme != "https":
        return _plain(on, "tls_web", host, variable("public_url"), near)
    return _examined(on, "tls_web", Peer(host, port, variable("public_url")))


def _database(on: Examination, near: frozenset[str]) -> Check:
    """Every address that is named: each may be the primary tomorrow."""
    _, role = on.gettext, "ingest" if on.url("ingest") is not None else "owner"
    url, setting = on.url(role), variable(f"database_url_{role}")
    if url is None:
        names = variable("database_url_ingest")
        return Check("tls_database", True, _("Not set here, so not checked: %(names)s.") % {"names": names})
    given = {name: str(value or "") for name, value in conninfo_to_dict(url).items()}
    try:
        addresses = host_ports(given)
    except ValueError as error:
        return _no_address(on, "tls_database", setting, error)
    found = [_database_at(on, given, host, port, setting, near) for host, port in addresses]
    wrong = [check for check in found if not check.ok]
    told = " ".join(dict.fromkeys(check.found for check in wrong or found))
    return Check("tls_database", not wrong, told, wrong[0].advice if wrong else None)


def host_ports(given: Mapping[str, str]) -> list[tuple[str, int]]:
    """The addresses of a connection string, as libpq reads them: lists with commas, one port for all hosts or one for each.

    Raises:
        ValueError: what is wrong with the ports.

    >>> host_ports({"host": "first,second", "port": "5433,"}), host_ports({"host": "/tmp"})
    ([('first', 5433), ('second', 5432)], [('/tmp', 5432)])
    """
    hosts = (given.get("host") or given.get("hostaddr") or "").split(",")
    ports = (given.get("port") or "").split(",")
    if len(ports) not in (1, len(hosts)):
        raise ValueError(f"{len(hosts)} hosts and {len(ports)} ports")
    numbers = [_POSTGRES if not port.strip() else int(port) for port in ports]
    if strange := [number for number in numbers if not 0 < number <= _LAST_PORT]:
        raise ValueError(f"port {strange[0]}")
    return list(zip(hosts, numbers * len(hosts) if len(numbers) == 1 else numbers, strict=True))


def _database_at(
    on: Examination, given: Mapping[str, str], host: str, port: int, setting: str, near: frozenset[str]
) -> Check:
    """One of them, by what sslmode and sslrootcert make libpq do: PostgreSQL 17, 32.19 "SSL Support"."""
    mode, root = given.get("sslmode") or "prefer", given.get("sslrootcert") or ""
    if host in near or host.startswith("/") or mode in _CLEAR:
        return _plain(on, "tls_database", host, setting, near)
    authority = Path(root) if root not in ("", _SYSTEM) else None
    if root == "" and mode.startswith("verify-"):
        authority = Path.home() / ".postgresql" / "root.crt"  # where libpq looks then
    verified, named = root == _SYSTEM or authority is not None, root == _SYSTEM or mode == "verify-full"
    return _examined(on, "tls_database", Peer(host, port, setting, authority, verified, named, _asks_postgres))


def _asks_postgres(raw: socket.socket) -> bool:
    raw.sendall(_SSL_REQUEST)
    return raw.recv(1) == b"S"


def _no_address(on: Examination, name: str, setting: str, error: ValueError) -> Check:
    _ = on.gettext
    found = _("%(name)s is no address that can be looked at: %(reason)s.") % {"name": setting, "reason": error}
    return Check(name, False, found, _("Correct hosts and ports in it; a port is a whole number from 1 to 65535."))


def _plain(on: Examination, name: str, host: str, setting: str, near: frozenset[str]) -> Check:
    """Without TLS: well on this machine, and nowhere else."""
    _ = on.gettext
    if host in near or host.startswith("/"):
        return Check(name, True, _("Without TLS, on this machine only."))
    found = _("Without TLS to %(host)s: passwords and readings can be read on the way.") % {"host": host}
    return Check(name, False, found, _("Let it speak TLS, and set %(name)s accordingly.") % {"name": setting})


def _examined(on: Examination, name: str, peer: Peer) -> Check:
    """Whether the certificate is trusted, and for how long."""
    _, where = on.gettext, f"{peer.host}:{peer.port}"
    try:
        trust = ssl.create_default_context(cafile=None if peer.authority is None else str(peer.authority))
    except OSError as error:
        found = _("The authority's certificate %(file)s cannot be read: %(reason)s.") % {
            "file": peer.authority,
            "reason": error.strerror or error,
        }
        advice = _("Put it there, readable for whoever connects, or correct %(name)s.") % {"name": peer.setting}
        return Check(name, False, found, advice)
    trust.check_hostname = peer.named
    try:
        doubt = _doubt(trust, peer) if peer.verified else None
        last = _last_day(peer)
    except (OSError, ValueError) as error:
        found = _("No certificate from %(where)s: %(reason)s.") % {"where": where, "reason": error}
        return Check(name, False, found, _("Start it, or correct its address."))
    if last is None:
        return _plain(on, name, peer.host, peer.setting, frozenset())
    ends = load_der_x509_certificate(last).not_valid_after_utc
    told = _("The certificate of %(where)s ends on %(day)s, in %(days)s days.") % {
        "where": where,
        "day": f"{ends:%Y-%m-%d}",
        "days": (ends - on.now).days,
    }
    renew = _("Have a new certificate made and reload the server; devices and processes trust its authority, not it.")
    if ends <= on.now:
        ended = _("The certificate of %(where)s has ended on %(day)s: nobody who checks it connects any more.") % {
            "where": where,
            "day": f"{ends:%Y-%m-%d}",
        }
        return Check(name, False, ended, renew)
    if doubt is not None:
        found = _("The certificate of %(where)s is not trusted: %(reason)s.") % {"where": where, "reason": doubt}
        return Check(name, False, found, _("Correct its authority, or the name that it is made out for."))
    return Check(name, False, told, renew) if ends - on.now <= SOON else Check(name, True, told)


def _doubt(trust: ssl.SSLContext, peer: Peer) -> str | None:
    """Why who verifies it does not trust it; None: it is trusted, or there is none."""
    try:
        _handshake(trust, peer)
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    return None


def _last_day(peer: Peer) -> bytes | None:
    """The certificate, whoever has signed it; None where there is no TLS."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return _handshake(context, peer)


def _handshake(context: ssl.SSLContext, peer: Peer) -> bytes | None:
    with socket.create_connection((peer.host, peer.port), timeout=TIMEOUT_S) as raw:
        if peer.prepare is not None and not peer.prepare(raw):
            return None
        with context.wrap_socket(raw, server_hostname=peer.host) as secure:
            return secure.getpeercert(binary_form=True)
