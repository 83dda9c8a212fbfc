"""Addresses at rest: sealed under a key of the settings, so that who reads the database has no robot's token and no telephone number.

AES-256-GCM (NIST SP 800-38D), the key derived from the setting's (HKDF, RFC 5869), a random nonce a sealing. A key has an id,
which stands before what it sealed: a new key is put first and seals from then on, the old one stays in the settings until
`davy channels reseal` has sealed everything anew. The name of the channel is authenticated with it, so that a robot's address
does not open as that of a webhook.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Mapping
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from alerting.channels.channel import Address
from alerting.keys import derived, keys_by_name
from core.errors import BadInput, BadSetting, DeliveryFailed
from core.settings import Settings

SEALED: Final = "sealed-1:"  # a changed form gets a new one
_NONCE: Final = 12  # bytes, random: 8.3 of the standard allows 2^32 sealings under one key
_MARK: Final = 16  # bytes of a mark: nobody finds two addresses with the same one


class Vault:
    """Seals and opens addresses.

    Args:
        keys: id -> at least 32 random bytes; the first seals, all open. Empty: nothing is sealed.
    """

    def __init__(self, keys: Mapping[str, bytes] | None = None) -> None:
        self._ciphers = {name: AESGCM(derived(key, b"davy address")) for name, key in (keys or {}).items()}
        self._newest = next(iter(self._ciphers), None)
        first = next(iter((keys or {}).values()), None)
        self._marks = derived(first, b"davy address mark") if first is not None else b"davy"

    @classmethod
    def from_settings(cls, settings: Settings) -> Vault:
        """With the keys of the settings; without any, addresses are kept as they are."""
        if settings.address_keys is None:
            return cls()
        return cls(keys_by_name(settings.address_keys.get_secret_value()))

    @property
    def seals(self) -> bool:
        """Whether there is a key to seal with."""
        return self._newest is not None

    def seal(self, channel: str, address: str) -> str:
        """The address as it is kept."""
        if self._newest is None:
            return address
        nonce = os.urandom(_NONCE)
        sealed = nonce + self._ciphers[self._newest].encrypt(nonce, address.encode(), channel.encode())
        return f"{SEALED}{self._newest}:{base64.urlsafe_b64encode(sealed).decode()}"

    def open(self, channel: str, kept: str) -> str:
        """The address again; what was never sealed is one already.

        Raises:
            BadSetting: the settings do not have its key.
            BadInput: it was changed, or belongs to another channel.
        """
        if not kept.startswith(SEALED):
            return kept
        name, _, text = kept.removeprefix(SEALED).partition(":")
        cipher = self._ciphers.get(name)
        if cipher is None:
            raise BadSetting(
                f"An address of {channel} is sealed with key {name!r}, which DAVY_ADDRESS_KEYS does not have."
            )
        try:
            sealed = base64.urlsafe_b64decode(text)
            return cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], channel.encode()).decode()
        except (InvalidTag, ValueError, binascii.Error) as error:
            raise BadInput(
                f"An address of {channel} does not open: it was changed, or sealed with another key of the id {name!r}."
            ) from error

    def current(self, kept: str) -> bool:
        """Whether it is kept as it would be kept today."""
        return kept.startswith(f"{SEALED}{self._newest}:") if self._newest is not None else not kept.startswith(SEALED)

    def mark(self, address: str) -> str:
        """The same for the same address, and says nothing about it to who has not the key: what is counted by address is."""
        return hmac.new(self._marks, address.encode(), hashlib.sha256).digest()[:_MARK].hex()


def opened(vault: Vault, channel: str, kept: str, secret_ref: str | None) -> Address:
    """Where to send to.

    Raises:
        DeliveryFailed: it does not open; with the right key in the settings it will.
    """
    try:
        return Address(vault.open(channel, kept), secret_ref)
    except BadInput as error:
        raise DeliveryFailed(str(error), permanent=False) from error
