"""Log lines: one shape, counted, without secrets."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from core.log import configure, errors_logged, logger


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure("json", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_event_and_keys_are_one_json_object(written: io.StringIO) -> None:
    """A machine reads a line without guessing."""
    logger("ingest.store").info("batch_stored", rows=5000, site="qd-北")
    (line,) = lines(written)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "batch_stored", "rows": 5000, "site": "qd-北", "level": "info", "logger": "ingest.store"}


def test_lines_of_libraries_look_the_same(written: io.StringIO) -> None:
    """paho and uvicorn use logging; their lines carry the same keys."""
    logging.getLogger("paho").warning("lost %s", "connection")
    (line,) = lines(written)
    assert (line["event"], line["level"], line["logger"]) == ("lost connection", "warning", "paho")


def test_debug_is_off(written: io.StringIO) -> None:
    """What is below the level costs no line."""
    logger("x").debug("reading_seen")
    assert lines(written) == []


def test_errors_are_counted_from_both_sides(written: io.StringIO) -> None:
    """`davy demo` reports the lines at error or above, whoever wrote them."""
    before = errors_logged()
    logger("x").warning("clock_off")
    logger("x").error("step_failed")
    logger("x").critical("fence_lost")
    logging.getLogger("uvicorn").error("went wrong")
    try:
        raise ValueError("no")
    except ValueError:
        logger("x").exception("detector_failed")
    assert errors_logged() - before == 4
    assert "ValueError: no" in lines(written)[-1]["exception"]


@pytest.mark.parametrize(
    "keys",
    [
        {"password": "geheim"},
        {"smtp_password": "geheim"},
        {"Authorization": "Bearer geheim"},
        {"token": b"geheim"},
        {"webhook_secret": "geheim"},
        {"principal_key": "geheim"},
        {"database_url_web": "geheim"},
        {"settings": {"deep": [{"cookie": "geheim"}]}},
        {"url": "postgresql://davy_web:geheim@db/davy"},
        {"broker": "mqtts://gw-1:geheim@broker:8883"},
        {"conn": "host=db password=geheim user=davy"},
        {"conn": "host=db password='geh eim geheim' user=davy"},
        {"error": ValueError("postgresql://u:geheim@h/d")},
        {"urls": ("amqp://u:geheim@h",)},
    ],
)
def test_secrets_are_blanked(written: io.StringIO, keys: dict[str, Any]) -> None:
    """A secret that slips into a line does not leave the process, however deep."""
    logger("x").info("connected", **keys)
    try:
        raise ConnectionError("could not connect to postgresql://u:geheim@h/d")
    except ConnectionError:
        logger("x").exception("connect_failed")
    assert "geheim" not in written.getvalue()
    assert written.getvalue().count("***") >= 2


def test_what_is_no_secret_stays(written: io.StringIO) -> None:
    """A notification key and an address without password are needed to find anything."""
    logger("x").info(
        "notification_sent", key="4711", url="https://hooks.example:443/a?b=c", has_token=True, password=None
    )
    (line,) = lines(written)
    assert (line["key"], line["url"], line["has_token"]) == ("4711", "https://hooks.example:443/a?b=c", True)
    assert line["password"] is None


def test_console_is_for_people(written: io.StringIO) -> None:
    """The same event as columns, secrets blanked there too."""
    stream = io.StringIO()
    configure("console", stream)
    logger("x").info("alarm_raised", alarm=7, token="geheim")
    assert "alarm_raised" in stream.getvalue()
    assert "alarm=7" in stream.getvalue()
    assert "geheim" not in stream.getvalue()
    assert written.getvalue() == ""
