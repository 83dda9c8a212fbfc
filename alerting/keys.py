"""Keys of the settings by their ids; each is used for one purpose only: what seals or signs is derived from it."""

from __future__ import annotations

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def derived(key: bytes, purpose: bytes) -> bytes:
    """32 bytes for one purpose, which say nothing of the key or of those for another (HKDF, RFC 5869)."""
    return HKDF(SHA256(), 32, None, purpose).derive(key)


def keys_by_name(keys: str) -> dict[str, bytes]:
    """The keys of a setting that `core.setting_rules.named_keys` has checked, by their ids and in their order.

    >>> keys_by_name("a = 00ff, b=01")
    {'a': b'\\x00\\xff', 'b': b'\\x01'}
    """
    entries = (part.partition("=") for part in keys.split(","))
    return {name.strip(): bytes.fromhex(key.strip()) for name, _, key in entries}
