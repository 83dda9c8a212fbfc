"""The settings of a process: environment variables that start with DAVY_, read once by davy/ and handed in.

Secrets have no default; each can stand in a file named by its variable plus `_FILE`. A wrong or unknown variable stops the
start with one sentence a mistake: the variable, what was wrong, what would be right. docs/reference/settings.md lists them.
Above 300 lines because it is one list: a setting is described where it stands, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NoReturn, Self

from pydantic import AfterValidator, BeforeValidator, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from core.errors import BadSetting
from core.setting_kinds import (
    HOST_RULE,
    KEY_RULE,
    KEYS_RULE,
    PATH_RULE,
    PORT_RULE,
    URL_RULE,
    Conninfo,
    Folder,
    HexKey,
    Host,
    NamedKeys,
    NamedSecrets,
    Port,
    SecretUrl,
    UrlSecret,
    WebhookSecrets,
    setting,
)
from core.setting_rules import http_url, split_host_ports, split_words

PREFIX: Final = "DAVY_"
_FILE: Final = "_FILE"
_NAMED_OTHERWISE: Final = {"data_dir": "DAVY_DATA"}  # the design's name for the folder of real data


class Settings(BaseSettings):
    """Everything a process of Davy can be told from outside."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    database_url_owner: Conninfo | None = setting(None, "Database, as owner: migrations, imports, audits.", URL_RULE)
    database_url_ingest: Conninfo | None = setting(None, "Database, as ingest: the path of a reading.", URL_RULE)
    database_url_alerting: Conninfo | None = setting(None, "Database, as alerting: outbox and escalation.", URL_RULE)
    database_url_web: Conninfo | None = setting(
        None, "Database, as web: pages and the JSON API, under row security.", URL_RULE
    )
    database_url_grafana: Conninfo | None = setting(
        None, "Database, as grafana: what `davy grafana push` gives to Grafana's data source.", URL_RULE
    )

    mqtt_host: Host = setting("127.0.0.1", "Host of the MQTT broker.", HOST_RULE)
    mqtt_port: Port = setting(1883, "Port of the MQTT broker.", PORT_RULE)
    mqtt_user: str | None = setting(
        None, "User at the broker.", "a text of 1 to 64 characters", min_length=1, max_length=64
    )
    mqtt_password: SecretStr | None = setting(
        None, "Password at the broker.", "a text of at least 8 characters", min_length=8
    )
    mqtt_test_password: SecretStr | None = setting(
        None, "Password at the broker of the user _test, by which the detectors process begins the daily delivery test of each site; without it a test begins at its alarm.", "a text of at least 8 characters", min_length=8
    )  # fmt: skip
    mqtt_tls_ca: Folder | None = setting(
        None, "Certificate authority of the broker; with it the connection is TLS.", PATH_RULE
    )
    broker_password_file: Folder | None = setting(
        None, "Password file of the broker, where Davy writes device credentials.", PATH_RULE
    )
    broker_acl_file: Folder | None = setting(
        None,
        "Access list of the broker, written by `davy broker access` (users) and `davy detectors access` (models).",
        PATH_RULE,
    )
    broker_config_file: Folder | None = setting(
        None,
        "Configuration of the broker, which `davy doctor` reads for limits that lose messages; not set: mosquitto's usual one, on this machine.",
        PATH_RULE,
    )
    broker_pid: int | None = setting(
        None, "Process of the broker, told to read its files again when they change.", "a process id above 1", gt=1
    )

    worker: str = setting(
        "ingest-0",
        "Name of the ingest worker: its lock, its MQTT client id, its folder.",
        "1 to 64 of A-Z a-z 0-9 _ . -",
        pattern=r"^[A-Za-z0-9_.-]{1,64}$",
    )
    batch_messages: int = setting(
        2000, "Most messages in one batch of ingest.", "a whole number from 1 to 65535", ge=1, le=65535
    )
    batch_ms: int = setting(
        20, "Longest wait for a batch to fill, in milliseconds.", "a whole number from 1 to 1000", ge=1, le=1000
    )
    window: int = setting(
        4000,
        "Messages the broker sends before it waits for an ack: its max_inflight_messages. It is the back-pressure; a batch has"
        " at most half of them.",
        "a whole number from 1 to 65535",
        ge=1,
        le=65535,
    )
    clock_tolerance_s: float = setting(
        5.0,
        "How far a device's clock may be off before ingest stops judging by it. A clock kept by NTP is within a second, stamps in "
        "whole seconds and a second of transport come on top; more than 5 s would delay a 10 s on-delay by half.",
        "a number of seconds from 0.1 to 3600",
        ge=0.1,
        le=3600,
        allow_inf_nan=False,
    )
    checkpoint_s: int = setting(
        20, "Seconds between checkpoints of detector state; a restart judges again what came since.", "a whole number from 1 to 3600", ge=1, le=3600
    )  # fmt: skip

    keep_raw_days: int | None = setting(
        None,
        "Days that raw readings are kept; not set: 7, or 90 where TimescaleDB's own licence lets them be compressed.",
        "a whole number from 2 to 3660", ge=2, le=3660,
    )  # fmt: skip
    compress_after_days: int = setting(
        7, "Days after which raw readings are compressed, where the licence allows it.", "a whole number from 2 to 3660", ge=2, le=3660
    )  # fmt: skip
    keep_minutes_days: int = setting(
        1096, "Days that minutes of readings are kept.", "a whole number from 30 to 36600", ge=30, le=36600
    )
    keep_hours_days: int = setting(
        1096, "Days that hours of readings are kept; scores and reports need them for a year at least.", "a whole number from 400 to 36600", ge=400, le=36600
    )  # fmt: skip
    keep_rejected_days: int = setting(
        30, "Days that rejected messages are kept.", "a whole number from 1 to 3660", ge=1, le=3660
    )
    keep_rejected_per_device: int = setting(
        20_000,
        "Most rejected messages that are kept of one device; the newest stay. Each takes up to 64 KB.",
        "a whole number from 100 to 1000000", ge=100, le=1_000_000,
    )  # fmt: skip
    keep_evidence_years: int = setting(
        5, "Years that readings within the evidence of an occurrence are kept.", "a whole number from 3 to 100", ge=3, le=100
    )  # fmt: skip

    spool_mb: int = setting(
        4096,
        "Most megabytes of judged batches that wait on the disk, in the worker's folder, while the database is away or slow. "
        "From 80 % of it, or of the disk, an alarm stands; at 95 % nothing more is taken from the broker.",
        "a whole number from 16 to 1000000", ge=16, le=1_000_000,
    )  # fmt: skip

    spool_watches_disk: bool = setting(
        True,
        "Whether a disk that fills up counts as the spool's room; private instances, which leave nothing behind, say false.",
        "true or false",
    )

    state_dir: Folder = setting(Path("/var/lib/davy"), "Folder for locks and what outlives a process.", PATH_RULE)
    data_dir: Path | None = setting(None, "Folder of real data for evaluation; the product runs without it.", "a path")

    snapshot_key: HexKey | None = setting(
        None,
        "Key that seals ingest's snapshot of whom to call about life safety while the database is away; without it nobody is called "
        "meanwhile. With it ingest needs the channels' settings and DAVY_PUBLIC_URL too.",
        KEY_RULE,
    )
    seal_key: HexKey | None = setting(
        None,
        "Key that signs the hourly seals over what happened to alarms; without it there are none. Only the risk process needs it: the "
        "less it lies beside the database, the more a seal proves.",
        KEY_RULE,
    )
    seal_folder: Folder | None = setting(
        None,
        "Folder that every seal goes out to, a file each: best one that is kept on another machine, or can be written only once.",
        PATH_RULE,
    )
    principal_key: HexKey | None = setting(
        None,
        "Key that signs who is asking, checked by row security. Ingest's MQTT client id comes from it too: a new key leaves a queue at the broker behind.",
        KEY_RULE,
    )
    cookie_key: HexKey | None = setting(None, "Key that signs session cookies and form tokens.", KEY_RULE)
    http_host: Host = setting("127.0.0.1", "Address the web server listens on.", HOST_RULE)
    http_port: Port = setting(8080, "Port the web server listens on.", PORT_RULE)
    public_url: Annotated[str, AfterValidator(http_url)] | None = setting(
        None,
        "Address of Davy as people type it; links in notifications start with it.",
        "an address such as https://davy.example",
    )
    demo_inbox: Annotated[str, AfterValidator(http_url)] | None = setting(
        None,
        "Address of the demo's inbox, shown at /demo/inbox; only the demo sets it.",
        "an address such as http://127.0.0.1:8025",
    )
    metrics_port: Port | None = setting(None, "Port for Prometheus on 127.0.0.1; none without it.", PORT_RULE)

    smtp_host: Host | None = setting(None, "Mail server; without it there is no e-mail channel.", HOST_RULE)
    smtp_port: Port = setting(587, "Port of the mail server.", PORT_RULE)
    smtp_user: str | None = setting(None, "User at the mail server.", "a text of at least 1 character", min_length=1)
    smtp_password: SecretStr | None = setting(
        None, "Password at the mail server.", "a text of at least 1 character", min_length=1
    )
    smtp_sender: str | None = setting(None, "Sender of e-mails.", "an e-mail address", pattern=r"^[^@\s<>]+@[^@\s<>]+$")
    webhook_allow_private: Annotated[tuple[str, ...], BeforeValidator(split_host_ports)] = setting(
        (), "Private addresses that webhooks may go to all the same.", "a list of host:port, separated by commas"
    )
    calendar_allow_private: Annotated[tuple[str, ...], BeforeValidator(split_host_ports)] = setting(
        (),
        "Private addresses from which calendars of duty may be fetched all the same, also without TLS.",
        "a list of host:port, separated by commas",
    )
    webhook_secrets: WebhookSecrets | None = setting(
        None,
        "Secrets that webhooks are signed with, by the name an address refers to; without them there is no webhook channel. A name that"
        " stands twice signs with both, for as long as its receivers change over.",
        "NAME=whsec_... with base64 of 24 to 64 random bytes, entries separated by commas",
    )
    channel_secrets: NamedSecrets | None = setting(
        None,
        "Signing secrets of DingTalk and Feishu robots and access tokens of ntfy, by the name an address refers to.",
        "NAME=SECRET, entries separated by commas, each name once",
    )
    link_keys: NamedKeys | None = setting(
        None, "Keys that sign the links by which people acknowledge without logging in, by their ids: the first signs, all are believed. Without them no message holds such a link. Alerting and the web process need the same ones.", KEYS_RULE
    )  # fmt: skip
    link_hours: int = setting(24, "Hours for which such a link is good.", "a whole number from 1 to 168", ge=1, le=168)
    address_keys: NamedKeys | None = setting(
        None,
        "Keys that seal people's addresses in the database, by their ids: the first seals, all open. Without them there are no channels"
        " whose addresses are secrets (robots, ntfy). Alerting, ingest, risk (to know people in calendars by mail) and `davy site import` need the same ones.",
        KEYS_RULE,
    )

    apprise_python: Folder | None = setting(None, "Python in which the library apprise is installed, of an environment of its own; without it there is no such channel.", PATH_RULE)  # fmt: skip
    apprise_services: Annotated[tuple[str, ...], BeforeValidator(split_words)] = setting((), "Services of Apprise that people may be told over, by the beginnings of its URLs.", "a list of words such as tgram, slack")  # fmt: skip
    twilio_account: str | None = setting(
        None, "Account at Twilio, for texts and calls to any country; without it there are none through Twilio.", "AC and 32 hexadecimal digits", pattern=r"^AC[0-9a-fA-F]{32}$"
    )  # fmt: skip
    twilio_token: SecretStr | None = setting(
        None, "Auth token of that account.", "a text of 32 characters", min_length=32, max_length=32
    )
    twilio_sender: str | None = setting(
        None, "Number that Twilio sends and calls from.", "a telephone number with its country, such as +15005550006", pattern=r"^\+[1-9][0-9]{6,14}$"
    )  # fmt: skip
    aliyun_key_id: str | None = setting(
        None, "Access key at Aliyun, for texts and calls within mainland China; without it there are none through Aliyun.", "letters and digits", pattern=r"^[A-Za-z0-9]{8,64}$"
    )  # fmt: skip
    aliyun_key_secret: SecretStr | None = setting(
        None, "Secret of that access key.", "a text of 16 to 64 characters", min_length=16, max_length=64
    )
    aliyun_receipts: UrlSecret | None = setting(
        None, "Secret at the end of the address that Aliyun reports texts to; without it nobody hears whether they arrived.", "32 to 128 of A-Z a-z 0-9 _ -"
    )  # fmt: skip
    aliyun_sms_sign: str | None = setting(
        None, "Approved signature of texts.", "a text of 2 to 24 characters", min_length=2, max_length=24
    )
    aliyun_sms_template: str | None = setting(
        None, "Approved template of texts, with the variable `text`.", "SMS_ and digits", pattern=r"^SMS_[0-9]+$"
    )
    aliyun_voice_template: str | None = setting(
        None, "Approved template of calls, with the variable `text`.", "TTS_ and digits", pattern=r"^TTS_[0-9]+$"
    )

    heartbeat_url: SecretUrl | None = setting(
        None, "Address outside that alerting sends a sign of life to, by POST, only while readings are judged and people can be called; whoever stands there calls people when it stays away. It needs https, but for hosts of DAVY_WEBHOOK_ALLOW_PRIVATE.", "a web address such as https://hc-ping.com/UUID"
    )  # fmt: skip
    heartbeat_every_s: float = setting(60.0, "Seconds between two signs of life.", "a number of seconds from 1 to 3600", ge=1, le=3600)  # fmt: skip
    delivery_sink: str | None = setting(
        None, "Key of the insurer's person whose own receiver takes a delivery test of each site every day; without it there is none.", "1 to 64 of A-Z a-z 0-9 _ . -", pattern=r"^[A-Za-z0-9_.-]{1,64}$"
    )  # fmt: skip

    log_format: Literal["json", "console"] = setting("json", "Shape of log lines on stderr.", "json or console")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `read` passes: nothing looks at the process's environment by itself."""
        return (init_settings,)

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """The settings in `environ`; variables without our prefix are ignored, empty ones count as not set.

        Raises:
            BadSetting: one line a mistake.
        """
        given, origins, mistakes = _collect(
            {name: text for name, text in environ.items() if name.startswith(PREFIX) and text.strip()}
        )
        try:
            settings = cls(**given)
        except ValidationError as error:
            wrong = dict.fromkeys(str(detail["loc"][0]) for detail in error.errors())
            mistakes += [_sentence(field, origins[field], given[field]) for field in wrong]
        if mistakes:
            raise BadSetting("\n".join(mistakes))
        return settings

    def secret(self, field: str) -> str:
        """The text of the secret `field`, for a process that cannot do without it.

        Raises:
            BadSetting: it is not set.
        """
        found = getattr(self, field)
        if found is None:
            _missing(field)
        assert isinstance(found, SecretStr)
        return found.get_secret_value()

    def need(self, field: str) -> str:
        """The value of the optional text `field`, for a process that cannot do without it.

        Raises:
            BadSetting: it is not set.
        """
        found = getattr(self, field)
        if found is None:
            _missing(field)
        return str(found)


def variable(field: str) -> str:
    """The environment variable of `field`.

    >>> variable("mqtt_host"), variable("data_dir")
    ('DAVY_MQTT_HOST', 'DAVY_DATA')
    """
    return _NAMED_OTHERWISE.get(field, PREFIX + field.upper())


def is_secret(field: str) -> bool:
    """Whether `field` is never shown, and may stand in a file."""
    return "SecretStr" in str(Settings.model_fields[field].annotation)


def must_be(field: str) -> str:
    """What a right value of `field` is, completing "it must be ..."."""
    extra = Settings.model_fields[field].json_schema_extra
    assert isinstance(extra, dict)
    return str(extra["must"])


def _collect(environ: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str], list[str]]:
    """Values by field, the variable each came from, and sentences about variables that are not usable."""
    plain = {variable(field): field for field in Settings.model_fields}
    in_files = {name + _FILE: field for name, field in plain.items() if is_secret(field)}
    given: dict[str, Any] = {}
    origins: dict[str, str] = {}
    mistakes: list[str] = []
    for name, text in sorted(environ.items()):
        field = plain.get(name) or in_files.get(name)
        if field is None:
            near = get_close_matches(name, [*plain, *in_files], n=1, cutoff=0.7)
            advice = f"did you mean {near[0]}?" if near else "docs/reference/settings.md lists those there are."
            mistakes.append(f"{name} is not a setting of Davy; {advice}")
            continue
        if field in given:
            mistakes.append(f"{name} and {origins[field]} are both set; keep one of them.")
            continue
        value = text.strip()
        if name in in_files:
            try:
                value = Path(value).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
                mistakes.append(
                    f"{name} names {value}, which cannot be read ({why}); it must be a file that holds the secret."
                )
                continue
            if (
                not value
            ):  # as an empty variable: what hands on every secret has a file for those that are not there too
                continue
        given[field], origins[field] = value, name
    return given, origins, mistakes


def _sentence(field: str, origin: str, found: str) -> str:
    shown = f"{len(found)} characters that are not shown" if is_secret(field) else f'"{found}"'
    verb = "is" if origin == variable(field) else "holds"
    return f"{origin} {verb} {shown}; it must be {must_be(field)}."


def _missing(field: str) -> NoReturn:
    or_file = f" (or {variable(field)}{_FILE})" if is_secret(field) else ""
    raise BadSetting(f"{variable(field)}{or_file} is not set; this process needs it, and it must be {must_be(field)}.")
