"""The signed seal over the heads of all chains of a company, which goes out every hour.

A chain alone has no key: who holds the owner's role can cut its end off, or write a whole new one. A seal says what the heads were
at an hour; it is signed with a key that the database does not have, and kept where the database's owner does not reach. A seal
names only the heads that have moved since the one before it, and hangs on that one: so it covers all of them.

Source: Ed25519 as in RFC 8032 (from the `cryptography` package); what is signed is canonical JSON, as in `alerting.chain`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

FORM: Final = "davy-seal-1"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Head(NamedTuple):
    """Where the chain of an alarm ended."""

    definition_id: int
    sensor_id: int
    transitions: int
    chain: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """What a seal says.

    Args:
        number: 1, 2, 3 ... within the company.
        alarms: how many of its alarms have a chain.
        previous: digest of the seal before it; of the first one `origin`.
        heads: those that have moved since, in the order of their alarms.
        public_key: of whoever signs.
    """

    company_id: int
    number: int
    sealed_at: datetime
    alarms: int
    previous: bytes
    heads: Sequence[Head]
    public_key: bytes

    def body(self) -> dict[str, Any]:
        """What is signed, as JSON has it."""
        return {
            "form": FORM,
            "company_id": self.company_id,
            "number": self.number,
            "sealed_at_us": (self.sealed_at - _EPOCH) // _MICROSECOND,
            "alarms": self.alarms,
            "previous": self.previous.hex(),
            "heads": [[*head[:3], head.chain.hex()] for head in self.heads],
            "public_key": self.public_key.hex(),
        }

    def digest(self) -> bytes:
        """sha256 of the canonical body: what is signed, and what the next seal hangs on."""
        return hashlib.sha256(canonical(self.body())).digest()


class SealKey:
    """Signs seals.

    Args:
        secret: at least 32 random bytes; the private key of RFC 8032 is derived from it (HKDF, RFC 5869).
    """

    def __init__(self, secret: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(HKDF(SHA256(), 32, None, b"davy seal").derive(secret))
        self.public = self._key.public_key().public_bytes_raw()

    def sign(self, sealed: Sealed) -> bytes:
        """The signature over its digest: 64 bytes."""
        return self._key.sign(sealed.digest())


def canonical(body: Mapping[str, Any]) -> bytes:
    """The bytes of a body: JSON with sorted keys and no spaces."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def origin(company_id: int) -> bytes:
    """What a company's first seal hangs on: 32 bytes."""
    return hashlib.sha256(f"{FORM} {company_id}".encode()).digest()


def is_signed(digest: bytes, signature: bytes, public_key: bytes) -> bool:
    """Whether the signature over a digest is of this key."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, digest)
    except (InvalidSignature, ValueError):
        return False
    return True


def body_of(sealed: Sealed, signature: bytes) -> dict[str, Any]:
    """What goes out: the body with its signature."""
    return {**sealed.body(), "signature": signature.hex()}


def document(sealed: Sealed, signature: bytes) -> str:
    """A seal as it goes out: one JSON object on one line, the body with its signature.

    An outsider takes `signature` out, writes the rest as `canonical` does, and verifies the signature over the sha256 of that.
    """
    return canonical(body_of(sealed, signature)).decode() + "\n"


def read_document(text: str) -> tuple[bytes, bytes, bytes, dict[str, Any]] | None:
    """(digest, signature, public key, body) of what has gone out; None where it is no seal."""
    try:
        body = json.loads(text)
        signature, key = bytes.fromhex(body.pop("signature")), bytes.fromhex(body["public_key"])
        if body["form"] != FORM:
            return None
        return hashlib.sha256(canonical(body)).digest(), signature, key, body
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
