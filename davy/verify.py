"""`davy verify`: walks every chain and every seal, as owner, and names the first broken link of each alarm in a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from psycopg import Connection

from alerting.ledger import AlarmKey
from alerting.seal import SealKey, is_signed, origin, read_document
from alerting.store import seals as store
from alerting.verifying import Walked, walk
from core.db import connect
from core.errors import BadInput
from core.migrate import require_current
from core.settings import Settings
from davy.site.known import require_known

MOST_TOLD: Final = 20  # sentences
KEY_BYTES: Final = 32  # of Ed25519


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be verified.

    Args:
        company: its key; None: all companies.
        occurrence: only the chain of its alarm.
        public_keys: whose seals are believed, several where the key has been changed; none: those that the seals name themselves.
        seals: the folder of those that have gone out.
    """

    company: str | None = None
    occurrence: int | None = None
    public_keys: frozenset[bytes] = frozenset()
    seals: Path | None = None

    def believes(self, digest: bytes, signature: bytes, key: bytes) -> bool:
        """Whether a signature is good, and of a key that is believed."""
        return (not self.public_keys or key in self.public_keys) and is_signed(digest, signature, key)


@dataclass(slots=True)
class Report:
    """What was looked at, and what does not hold."""

    companies: int = 0
    alarms: int = 0
    transitions: int = 0
    seals: int = 0
    sealed_until: datetime | None = None
    unsealed_companies: int = 0
    broken: list[dict[str, Any]] = field(default_factory=list)

    def tell(self, sentence: str, **where: Any) -> None:
        """One more that does not hold."""
        empty = dict.fromkeys(("company", "site", "definition", "sensor", "number", "seal"))
        self.broken.append({**empty, **where, "sentence": sentence})

    def answer(self) -> dict[str, Any]:
        """For machines."""
        return {
            "companies": self.companies,
            "alarms": self.alarms,
            "transitions": self.transitions,
            "seals": self.seals,
            "sealed_until": None if self.sealed_until is None else self.sealed_until.isoformat(timespec="seconds"),
            "unsealed_companies": self.unsealed_companies,
            "broken": self.broken,
        }


def keys_of(settings: Settings, given: Sequence[str]) -> frozenset[bytes]:
    """The public keys that are believed: those given, else that of the settings' own key; none where there is neither.

    Raises:
        BadInput: what is given is no key.
    """
    if not given:
        secret = settings.seal_key
        return frozenset() if secret is None else frozenset({SealKey(bytes.fromhex(secret.get_secret_value())).public})
    keys = set()
    for text in given:
        try:
            key = bytes.fromhex(text.strip())
        except ValueError:
            key = b""
        if len(key) != KEY_BYTES:
            raise BadInput("A public key must be 64 hexadecimal digits, as `davy seal-key` prints it.")
        keys.add(key)
    return frozenset(keys)


def told(report: Report, believed: frozenset[bytes]) -> list[str]:
    """For people: what does not hold first, then what was looked at."""
    lines = [each["sentence"] for each in report.broken[:MOST_TOLD]]
    if len(report.broken) > MOST_TOLD:
        lines.append(f"And {len(report.broken) - MOST_TOLD} more; --json has all.")
    looked = f"{report.transitions} transitions of {report.alarms} alarms and {report.seals} seals were looked at"
    lines.append(f"{looked}; {'not all hold' if report.broken else 'all hold'}.")
    if report.sealed_until is not None:
        lines.append(
            f"Sealed until {report.sealed_until:%Y-%m-%d %H:%M} UTC; of what came since, only the chains speak."
        )
    if report.unsealed_companies:
        lines.append(f"{report.unsealed_companies} companies have no seal: set DAVY_SEAL_KEY for the risk process.")
    elif not believed:
        lines.append(
            "Signatures were held against the key that the seals name themselves; give --public-key to know whose it is."
        )
    return lines


def verify(owner_url: str, wanted: Wanted) -> Report:
    """Looks at everything as of one instant.

    Raises:
        BadInput: there is no such company, occurrence or folder.
    """
    if wanted.seals is not None and not wanted.seals.is_dir():
        raise BadInput(
            f"{wanted.seals} is no folder; --seals names the one that DAVY_SEAL_FOLDER writes to, or a copy of it."
        )
    report = Report()
    with closing(connect(owner_url, application="verify")) as connection:
        require_current(connection, "davy_owner")
        with connection.transaction():
            store.look_at_one_moment(connection)
            known = {name: company_id for company_id, name in store.companies(connection)}
            company, alarm = _where(connection, wanted, known)
            _chains(connection, company, alarm, report)
            for name, company_id in known.items():
                if company in (None, company_id):
                    report.companies += 1
                    _seals(connection, company_id, name, wanted, report)
    if wanted.seals is not None and company is None:
        for place in sorted(wanted.seals.iterdir()):
            if place.is_dir() and place.name not in known:
                report.tell(f"Seals of {place.name} have gone out, and there is no such company.", company=place.name)
    return report


def _where(connection: Connection[Any], wanted: Wanted, known: dict[str, int]) -> tuple[int | None, AlarmKey | None]:
    company = None
    if wanted.company is not None:
        require_known(wanted.company, sorted(known), what="company")
        company = known[wanted.company]
    if wanted.occurrence is None:
        return company, None
    found = store.alarm_of(connection, wanted.occurrence)
    if found is None or company not in (None, found[0]):
        raise BadInput(f"There is no occurrence {wanted.occurrence}{' of that company' if company else ''}.")
    return found


def _chains(connection: Connection[Any], company: int | None, alarm: AlarmKey | None, report: Report) -> None:
    walked = Walked()
    told: set[AlarmKey] = set()
    for found in walk(store.steps(connection, company, alarm), walked):
        told.add(found.key)
        _tell(connection, found.key, found.number, found.words, report)
    for gone in (*store.missing(connection, company, alarm), *store.resolved_otherwise(connection, company, alarm)):
        key = AlarmKey(gone.definition_id, gone.sensor_id)
        if key not in told:
            told.add(key)
            _tell(connection, key, gone.number, gone.words, report)
    report.alarms, report.transitions = walked.alarms, walked.transitions


def _tell(connection: Connection[Any], key: AlarmKey, number: int, words: str, report: Report) -> None:
    company, site, definition, sensor = store.names(connection, key)
    report.tell(
        f"Alarm {definition or key.definition_id} on sensor {sensor or key.sensor_id} of site {site or '(gone)'}: {words}.",
        company=company, site=site, definition=definition, sensor=sensor, number=number,
    )  # fmt: skip


def _seals(connection: Connection[Any], company_id: int, name: str, wanted: Wanted, report: Report) -> None:
    """A company's seals one after the other, up to the first that does not hold."""
    number, last, digests = 0, origin(company_id), {}
    for kept in _all(connection, company_id):
        number += 1
        report.seals += 1
        sealed = kept.sealed
        words = None
        if sealed.number != number:
            words = f"seal {number} of {name} is missing: {sealed.number} stands in its place"
        elif sealed.previous != last:
            words = f"seal {number} of {name} does not hang on the one before it"
        elif sealed.digest() != kept.digest:
            words = f"seal {number} of {name} was changed after it was made"
        elif not wanted.believes(kept.digest, kept.signature, sealed.public_key):
            words = f"seal {number} of {name} is not signed with a key that is believed"
        if words is not None:
            report.tell(f"{words[0].upper()}{words[1:]}.", company=name, seal=number)
            break
        last = kept.digest
        digests[number] = kept.digest
        report.sealed_until = max(report.sealed_until or sealed.sealed_at, sealed.sealed_at)
    report.unsealed_companies += not number
    if wanted.seals is not None:
        _sent_out(wanted.seals / name, company_id, name, digests, wanted, report)


def _all(connection: Connection[Any], company_id: int) -> Iterator[store.Kept]:
    after = 0
    while page := store.of_company(connection, company_id, after):
        yield from page
        after = page[-1].sealed.number


def _sent_out(
    place: Path, company_id: int, name: str, digests: dict[int, bytes], wanted: Wanted, report: Report
) -> None:
    """What has gone out must be in the database still, and the same."""
    # After a restore a number may have gone out twice: 00000007.json, and beside it 00000007-6c1f0a94e2b7d358.json.
    named = [(file.stem.partition("-")[0], file) for file in place.glob("*.json")]
    for number, file in sorted((int(stem), file) for stem, file in named if stem.isdecimal()):
        words = None
        read = read_document(file.read_text("utf-8", "replace"))
        if read is None:
            words = f"{file} holds no seal"
        else:
            digest, signature, key, body = read
            if (body.get("company_id"), body.get("number")) != (company_id, number):
                words = f"{file} holds another seal than its name says"
            elif not wanted.believes(digest, signature, key):
                words = f"{file} is not signed with a key that is believed"
            elif number not in digests:
                words = f"seal {number} of {name} has gone out and is not in the database"
            elif digests[number] != digest:
                words = f"seal {number} of {name} is another in the database than the one that has gone out"
        if words is not None:
            report.tell(f"{words[0].upper()}{words[1:]}.", company=name, seal=number)
            return
