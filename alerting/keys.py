"""A key of the settings is used for one purpose only: what seals or signs is derived from it."""

from __future__ import annotations

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def derived(key: bytes, purpose: bytes) -> bytes:
    """32 bytes for one purpose, which say nothing of the key or of those for another (HKDF, RFC 5869)."""
    return HKDF(SHA256(), 32, None, purpose).derive(key)
