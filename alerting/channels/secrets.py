"""Named secrets of the settings, which a site file names and never holds; and channels whose addresses are secrets themselves."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import ClassVar, Final, Self

from pydantic import SecretStr

from alerting.channels.channel import Address, Channel
from alerting.channels.post import Poster
from core.errors import BadSetting, DeliveryFailed
from core.settings import Settings

SETTING: Final = "DAVY_CHANNEL_SECRETS"


def entries(text: str) -> Iterator[tuple[str, str]]:
    """Name and secret of each `NAME=secret`, separated by commas; either is empty where an entry is of another form."""
    for entry in filter(None, (part.strip() for part in text.split(","))):
        name, _, secret = (part.strip() for part in entry.partition("="))
        yield name, secret


def named_secrets(setting: SecretStr | None) -> dict[str, str]:
    """Name -> secret of `NAME=secret, NAME=secret`; empty where it is not set.

    Raises:
        BadSetting: an entry of another form; the secret is not shown.
    """
    found: dict[str, str] = {}
    for name, secret in entries(setting.get_secret_value() if setting is not None else ""):
        if not name or not secret:
            raise BadSetting(f"{SETTING} has an entry that is not NAME=secret; entries are separated by commas.")
        if name in found:
            raise BadSetting(f"{SETTING} names {name} twice; keep one of them.")
        found[name] = secret
    return found


class SecretAddresses(Channel):
    """A channel over HTTP of which who knows an address can write there, so that it is set up only where addresses are sealed.

    Class attributes:
        sends: what it sends, as it begins a sentence.

    Args:
        secrets: name -> secret; an address names the one it uses.
        allow: "host:port" that may be private, and may be plain http.
    """

    sends: ClassVar[str]

    def __init__(
        self,
        secrets: Mapping[str, str],
        allow: Iterable[str] = (),
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._secrets = dict(secrets)
        self._poster = Poster(self.sends, allow, monotonic=monotonic)

    @classmethod
    def from_settings(cls, settings: Settings) -> Self | None:
        """None without keys for addresses: they are not kept in the clear."""
        if settings.address_keys is None:
            return None
        return cls(named_secrets(settings.channel_secrets), settings.webhook_allow_private)

    def _secret(self, address: Address, what: str) -> str:
        """The secret that the address names; `what` it is called."""
        secret = self._secrets.get(address.secret_ref or "")
        if secret is None:
            raise DeliveryFailed(
                f"The settings have no {what} {address.secret_ref!r} among {SETTING}.", permanent=False
            )
        return secret
