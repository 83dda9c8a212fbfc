"""Named secrets of the settings: a site file names them, and never holds them."""

from __future__ import annotations

from pydantic import SecretStr

from core.errors import BadSetting


def named_secrets(setting: SecretStr | None) -> dict[str, str]:
    """Name -> secret of `NAME=secret, NAME=secret`; empty where it is not set.

    Raises:
        BadSetting: an entry of another form; the secret is not shown.
    """
    found: dict[str, str] = {}
    text = setting.get_secret_value() if setting is not None else ""
    for entry in filter(None, (part.strip() for part in text.split(","))):
        name, equals, secret = (part.strip() for part in entry.partition("="))
        if not name or not equals or not secret:
            raise BadSetting(
                "DAVY_CHANNEL_SECRETS has an entry that is not NAME=secret; entries are separated by commas."
            )
        if name in found:
            raise BadSetting(f"DAVY_CHANNEL_SECRETS names {name} twice; keep one of them.")
        found[name] = secret
    return found
