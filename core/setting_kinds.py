"""What kinds of values settings have, and what a right one looks like, completing the sentence "it must be ..."."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, SecretStr

from core.setting_rules import (
    absolute,
    conninfo,
    hex_key,
    named_keys,
    named_secrets,
    named_webhook_secrets,
    secret_url,
    url_secret,
)

Conninfo = Annotated[SecretStr, AfterValidator(conninfo)]
HexKey = Annotated[SecretStr, AfterValidator(hex_key)]
WebhookSecrets = Annotated[SecretStr, AfterValidator(named_webhook_secrets)]
NamedKeys = Annotated[SecretStr, AfterValidator(named_keys)]
UrlSecret = Annotated[SecretStr, AfterValidator(url_secret)]
NamedSecrets = Annotated[SecretStr, AfterValidator(named_secrets)]
SecretUrl = Annotated[SecretStr, AfterValidator(secret_url)]
Folder = Annotated[Path, AfterValidator(absolute)]
Port = Annotated[int, Field(ge=1, le=65535)]
Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]+$")]


def setting(default: Any, description: str, must: str, **rules: Any) -> Any:
    """A field: what it is for, and what a right value looks like, completing the sentence "it must be ..."."""
    return Field(default, description=description, json_schema_extra={"must": must}, **rules)


URL_RULE: Final = "a PostgreSQL connection string such as postgresql://NAME:PASSWORD@HOST:5432/davy"
KEY_RULE: Final = "at least 32 random bytes in hexadecimal (64 digits), as `openssl rand -hex 32` prints"
KEYS_RULE: Final = "ID=KEY, each key at least 32 random bytes in hexadecimal, as `openssl rand -hex 32` prints, entries separated by commas, each id once"
PORT_RULE: Final = "a whole number from 1 to 65535"
HOST_RULE: Final = "a host name or an IP address"
PATH_RULE: Final = "an absolute path"
