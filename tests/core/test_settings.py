"""Settings: read from a mapping, frozen, and a sentence for each mistake."""

from __future__ import annotations

from pathlib import Path

import pydantic
import pytest

from core.errors import BadSetting
from core.settings import Settings, is_secret, must_be, variable

REFERENCE = Path(__file__).parents[2] / "docs/reference/settings.md"
SECRET = "postgresql://web:geheim@db.example/davy"
KEY = "00ff" * 16
FIELDS = sorted(Settings.model_fields)
SECRETS = {field for field in FIELDS if is_secret(field)}


def mistakes(environ: dict[str, str]) -> list[str]:
    with pytest.raises(BadSetting) as caught:
        Settings.read(environ)
    return str(caught.value).splitlines()


def test_nothing_set_is_enough_to_read() -> None:
    """Defaults stand for one machine; what a process needs beyond them it asks for by name."""
    settings = Settings.read({"PATH": "/bin", "HOME": "/root"})
    assert (settings.mqtt_host, settings.worker, settings.window) == ("127.0.0.1", "ingest-0", 4000)


def test_no_secret_has_a_default() -> None:
    """Two installations never share a key or a password."""
    assert {
        "database_url_owner",
        "database_url_ingest",
        "database_url_alerting",
        "database_url_web",
        "database_url_grafana",
        "mqtt_password",
        "mqtt_test_password",
        "heartbeat_url",
        "principal_key",
        "cookie_key",
        "snapshot_key",
        "seal_key",
        "smtp_password",
        "webhook_secrets",
        "channel_secrets",
        "address_keys",
        "link_keys",
        "aliyun_receipts",
        "twilio_token",
        "aliyun_key_secret",
    } == SECRETS
    assert {field: Settings.model_fields[field].default for field in SECRETS} == dict.fromkeys(SECRETS)


def test_values_are_typed() -> None:
    """Texts become what the program uses."""
    settings = Settings.read(
        {
            "DAVY_MQTT_PORT": " 8883 ",
            "DAVY_DATA": "/srv/davy-data",
            "DAVY_WEBHOOK_ALLOW_PRIVATE": "127.0.0.1:8025, [::1]:9000",
            "DAVY_PUBLIC_URL": "https://davy.example/",
            "DAVY_CLOCK_TOLERANCE_S": "2.5",
            "DAVY_METRICS_PORT": "",
        }
    )
    assert settings.mqtt_port == 8883
    assert settings.data_dir == Path("/srv/davy-data")
    assert settings.webhook_allow_private == ("127.0.0.1:8025", "[::1]:9000")
    assert settings.public_url == "https://davy.example"
    assert settings.clock_tolerance_s == 2.5
    assert settings.metrics_port is None


def test_settings_cannot_be_changed() -> None:
    """Read once: nothing moves under a running process."""
    settings = Settings.read({})
    with pytest.raises(pydantic.ValidationError):
        settings.mqtt_port = 1  # type: ignore[misc]


def test_process_environment_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what is handed in counts."""
    monkeypatch.setenv("DAVY_MQTT_PORT", "1999")
    monkeypatch.setenv("MQTT_PORT", "1998")
    assert Settings.read({}).mqtt_port == Settings().mqtt_port == 1883


@pytest.mark.parametrize("field", sorted(SECRETS))
def test_secret_stands_in_a_file(field: str, tmp_path: Path) -> None:
    """Every secret can be mounted as a file; the newline an editor leaves does not count."""
    named = {
        "webhook_secrets": "hook=whsec_" + "A" * 32,
        "channel_secrets": "a=SEC1",
        "address_keys": f"k1={KEY}",
        "link_keys": f"k1={KEY}",
        "aliyun_receipts": "r" * 32,
        "twilio_token": "f" * 32,
        "heartbeat_url": "https://hc.example/ping?key=1",
    }
    text = named.get(field, KEY if field.endswith("_key") else SECRET)
    (tmp_path / "secret").write_text(f"{text}\n", encoding="utf-8")
    settings = Settings.read({f"{variable(field)}_FILE": str(tmp_path / "secret")})
    assert settings.secret(field) == text


def test_secret_is_never_shown() -> None:
    """Not in repr, not in str, not in a mistake about it."""
    settings = Settings.read({"DAVY_DATABASE_URL_WEB": SECRET, "DAVY_COOKIE_KEY": KEY})
    assert "geheim" not in f"{settings!r} {settings!s} {settings.model_dump()}"
    assert KEY not in repr(settings)
    for text in ("geheim", f"{KEY}zz"):
        for field in SECRETS - {"mqtt_password", "mqtt_test_password", "smtp_password", "aliyun_receipts"}:
            (sentence,) = mistakes({variable(field): text})
            assert text not in sentence
            assert f"{len(text)} characters that are not shown" in sentence


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("DAVY_MQTT_PORT", "abc", 'DAVY_MQTT_PORT is "abc"; it must be a whole number from 1 to 65535.'),
        ("DAVY_HTTP_PORT", "70000", 'DAVY_HTTP_PORT is "70000"; it must be a whole number from 1 to 65535.'),
        ("DAVY_BATCH_MS", "1.5", 'DAVY_BATCH_MS is "1.5"; it must be a whole number from 1 to 1000.'),
        (
            "DAVY_CLOCK_TOLERANCE_S",
            "nan",
            'DAVY_CLOCK_TOLERANCE_S is "nan"; it must be a number of seconds from 0.1 to 3600.',
        ),
        ("DAVY_LOG_FORMAT", "xml", 'DAVY_LOG_FORMAT is "xml"; it must be json or console.'),
        ("DAVY_STATE_DIR", "state", 'DAVY_STATE_DIR is "state"; it must be an absolute path.'),
        ("DAVY_WORKER", "a b", 'DAVY_WORKER is "a b"; it must be 1 to 64 of A-Z a-z 0-9 _ . -.'),
        (
            "DAVY_PUBLIC_URL",
            "davy.example",
            'DAVY_PUBLIC_URL is "davy.example"; it must be an address such as https://davy.example.',
        ),
        (
            "DAVY_WEBHOOK_ALLOW_PRIVATE",
            "127.0.0.1",
            'DAVY_WEBHOOK_ALLOW_PRIVATE is "127.0.0.1"; it must be a list of host:port',
        ),
        (
            "DAVY_COOKIE_KEY",
            "ab" * 31,
            "DAVY_COOKIE_KEY is 62 characters that are not shown; it must be at least 32 random bytes",
        ),
        ("DAVY_MQT_HOST", "x", "DAVY_MQT_HOST is not a setting of Davy; did you mean DAVY_MQTT_HOST?"),
        (
            "DAVY_COOKIE_KEY_FIL",
            "x",
            "DAVY_COOKIE_KEY_FIL is not a setting of Davy; did you mean DAVY_COOKIE_KEY_FILE?",
        ),
        ("DAVY_ZZZ", "x", "DAVY_ZZZ is not a setting of Davy; docs/reference/settings.md lists those there are."),
        ("DAVY_MQTT_HOST_FILE", "x", "DAVY_MQTT_HOST_FILE is not a setting of Davy; did you mean"),
        (
            "DAVY_COOKIE_KEY_FILE",
            "/nowhere/key",
            "DAVY_COOKIE_KEY_FILE names /nowhere/key, which cannot be read (No such file or",
        ),
    ],
)
def test_wrong_value_has_one_sentence(name: str, text: str, sentence: str) -> None:
    """Which variable, what is wrong, what would be right: in one line, without a traceback's vocabulary."""
    (found,) = mistakes({name: text})
    assert found.startswith(sentence)
    assert found[-1] in ".?"


def test_several_mistakes_are_told_at_once() -> None:
    """A person corrects them in one go."""
    found = mistakes({"DAVY_MQTT_PORT": "x", "DAVY_HTTP_PORT": "0", "DAVY_COLOUR": "red", "DAVY_COOKIE_KEY": "zz"})
    assert sorted(line.split()[0] for line in found) == [
        "DAVY_COLOUR",
        "DAVY_COOKIE_KEY",
        "DAVY_HTTP_PORT",
        "DAVY_MQTT_PORT",
    ]


def test_secret_given_twice_is_a_mistake(tmp_path: Path) -> None:
    """Nobody has to guess which of the two counted."""
    (tmp_path / "key").write_text(KEY, encoding="utf-8")
    (sentence,) = mistakes({"DAVY_COOKIE_KEY": KEY, "DAVY_COOKIE_KEY_FILE": str(tmp_path / "key")})
    assert sentence == "DAVY_COOKIE_KEY_FILE and DAVY_COOKIE_KEY are both set; keep one of them."


def test_wrong_secret_in_a_file_names_the_file_variable(tmp_path: Path) -> None:
    """The sentence names the variable that was set."""
    (tmp_path / "url").write_text("db.example\n", encoding="utf-8")
    (sentence,) = mistakes({"DAVY_DATABASE_URL_WEB_FILE": str(tmp_path / "url")})
    assert sentence.startswith(
        "DAVY_DATABASE_URL_WEB_FILE holds 10 characters that are not shown; it must be a PostgreSQL"
    )
    (tmp_path / "url").write_bytes(b"\xff\xfe")
    (sentence,) = mistakes({"DAVY_DATABASE_URL_WEB_FILE": str(tmp_path / "url")})
    assert "cannot be read (it is not UTF-8 text)" in sentence


@pytest.mark.parametrize("field", sorted(SECRETS))
def test_an_empty_file_counts_as_not_set(field: str, tmp_path: Path) -> None:
    """As an empty variable does: who hands on every secret has a file for those that there are not."""
    (tmp_path / "secret").write_text("\n", encoding="utf-8")
    settings = Settings.read({f"{variable(field)}_FILE": str(tmp_path / "secret")})
    assert getattr(settings, field) is None
    with pytest.raises(BadSetting, match=rf"^{variable(field)} \(or {variable(field)}_FILE\) is not set"):
        settings.secret(field)


def test_missing_setting_is_named_by_who_needs_it() -> None:
    """A process that cannot do without says which variable to set."""
    settings = Settings.read({"DAVY_SMTP_HOST": "mail.example"})
    assert settings.need("smtp_host") == "mail.example"
    with pytest.raises(
        BadSetting, match=r"^DAVY_PRINCIPAL_KEY \(or DAVY_PRINCIPAL_KEY_FILE\) is not set; this process needs it"
    ):
        settings.secret("principal_key")
    with pytest.raises(BadSetting, match=r"^DAVY_PUBLIC_URL is not set; this process needs it"):
        settings.need("public_url")


def row(field: str) -> str:
    """The line of `field` in the reference."""
    known = Settings.model_fields[field]
    file = " or its `_FILE`" if is_secret(field) else ""
    default = "none" if known.default in (None, ()) else f"`{known.default}`"
    return f"| `{variable(field)}`{file} | {known.description} | {must_be(field)} | {default} |"


@pytest.mark.parametrize("field", FIELDS)
def test_reference_lists_every_setting(field: str) -> None:
    """docs/reference/settings.md says what the code says; a wrong line prints the right one."""
    assert row(field) in REFERENCE.read_text(encoding="utf-8").splitlines()


def test_reference_lists_nothing_else() -> None:
    """A setting that is gone leaves the page."""
    lines = REFERENCE.read_text(encoding="utf-8").splitlines()
    assert sum(line.startswith("| `DAVY_") for line in lines) == len(FIELDS)
