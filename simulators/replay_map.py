"""A replay map: which column of a CSV is which sensor, and when a row was. Text in, a map or all its mistakes out.

How it is written: docs/reference/replay-map.md.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from core.errors import BadInput
from core.units import same_quantity
from core.wire_rules import ID, MAX_READINGS
from core.yaml_lines import Block, Reading, read_block

VERSION: Final = "replay/1"
NO_VALUE: Final = ("", "nan")  # what counts as missing where the map says nothing
# A Monday; where a file has no time column any instant would do, but it must be the same each time.
BEGINS: Final = datetime(2026, 3, 2, tzinfo=UTC)
MOST_ROWS: Final = 5_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ID_RULE: Final = "1 to 64 letters, digits, dots, dashes and underscores, not beginning with an underscore"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column that is a sensor.

    Args:
        name: as the header has it.
        unit: what the column is in; None: the sensor's own unit.
        scale, offset: what is sent is `number * scale + offset`.
        line: of the map.
    """

    name: str
    device: str
    sensor: str
    unit: str | None
    scale: float
    offset: float
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RowTime:
    """When a row was: a column, or so many milliseconds a row.

    Args:
        column: None where there is none.
        form: iso, unix_s, unix_ms, or a pattern of strptime.
        zone: of stamps that name none.
        every_ms, begins_ms: where there is no column.
    """

    column: str | None
    form: str
    zone: ZoneInfo | None
    every_ms: int
    begins_ms: int
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayMap:
    """What a map says.

    Args:
        name: of its file, for sentences.
        site_file: the site file that `--private` imports, relative to the map.
        header: the columns, where the file has no row that names them.
        message_rows: rows of the file that a device puts into one message.
        missing: words that say there is no value; `bad`: that the device did not trust it. Compared without case and outer blanks.
    """

    name: str
    note: str
    site: str
    site_file: str | None
    separator: str
    decimal: str
    encoding: str
    header: tuple[str, ...]
    time: RowTime
    message_rows: int
    missing: frozenset[str]
    bad: frozenset[str]
    columns: tuple[Column, ...]

    def devices(self) -> list[str]:
        """Every device that sends, in the order of the map."""
        return list(dict.fromkeys(column.device for column in self.columns))


def told(name: str, mistakes: list[tuple[int, str]]) -> BadInput:
    """The mistakes of one file as an error, a line each."""
    return BadInput("\n".join(f"{name}, line {line}: {sentence}" for line, sentence in sorted(set(mistakes))))


def read_replay_map(text: str, name: str) -> ReplayMap:
    """The map in `text`.

    Raises:
        BadInput: with every mistake and its line.
    """
    reading = Reading()
    top = read_block(text, reading, version=VERSION)
    found = None if top is None else _map(top, name)
    if reading.mistakes or found is None:
        raise told(name, reading.mistakes)
    return found


def _map(top: Block, name: str) -> ReplayMap:
    top.word("davy", (VERSION,))
    separator, decimal = _mark(top, "separator", ","), _mark(top, "decimal", ".")
    if separator == decimal:
        top.mistake("decimal", f"separator and decimal are both {decimal!r}; a number would be cut in two.")
    missing = _words(top, "missing") if top.has("missing") else frozenset(NO_VALUE)
    bad = _words(top, "bad")
    for word in sorted(missing & bad):
        top.mistake("bad", f"{word!r} is both missing and bad; keep it in one of them.")
    found = ReplayMap(
        name=name,
        note=top.text("note", required=False, most=500),
        site=_id(top, "site"),
        site_file=top.optional("site_file"),
        separator=separator,
        decimal=decimal,
        encoding=_encoding(top),
        header=tuple(word for _, word in top.texts("header")),
        time=_time(top),
        message_rows=_message_rows(top),
        missing=missing,
        bad=bad,
        columns=tuple(_columns(top)),
    )
    _check_columns(top, found)
    top.finish()
    return found


def _mark(top: Block, name: str, default: str) -> str:
    """One character; `tab` stands for the one that cannot be seen."""
    found = top.text(name, required=False) or default
    if found in ("tab", r"\t"):
        return "\t"
    allowed = ".," if name == "decimal" else ",;|"
    if len(found) != 1 or found not in allowed:
        words = " or ".join(allowed) + (" or tab" if name == "separator" else "")
        top.mistake(name, f"{name} is {found!r}; it must be {words}.")
        return default
    return found


def _words(top: Block, name: str) -> frozenset[str]:
    return frozenset(word.strip().casefold() for _, word in top.texts(name))


def _encoding(top: Block) -> str:
    found = top.text("encoding", required=False) or "utf-8-sig"  # takes the mark that spreadsheets put first
    try:
        codecs.lookup(found)
    except LookupError:
        top.mistake("encoding", f"There is no encoding {found}; files are in utf-8 (the default), gb18030, latin-1 ...")
        return "utf-8"
    return found


def _id(block: Block, name: str) -> str:
    found = block.text(name)
    if found and (not ID.fullmatch(found) or found.startswith("_")):
        block.mistake(name, f"{name} of {block.where} is {found!r}; it must be {_ID_RULE}.")
    return found


def _message_rows(top: Block) -> int:
    found = top.number("message_rows", default=1.0, least=1.0) or 1.0
    if found != int(found) or found > MOST_ROWS:
        top.mistake("message_rows", f"message_rows is {found:g}; it must be a whole number from 1 to {MOST_ROWS}.")
    return int(found)


def _time(top: Block) -> RowTime:
    block = top.block("time", "time", required=True, example="a mapping with column, or with every_s")
    if block is None:
        return RowTime(column=None, form="iso", zone=None, every_ms=1000, begins_ms=0, line=top.line)
    column, every_s = block.optional("column"), block.number("every_s", required=False, above=0.0)
    if (column is None) == (every_s is None):
        block.mistake(None, "time has a column, or every_s where the file has no time column; it needs one of the two.")
    every_ms = round((every_s or 1.0) * 1000)
    if every_s is not None and (every_ms < 1 or abs(every_ms - every_s * 1000) > 1e-6):
        block.mistake("every_s", f"every_s is {every_s:g}; it must be whole milliseconds such as 0.25.")
    found = RowTime(
        column=column,
        form=block.text("form", required=False) or "iso",
        zone=_zone(block),
        every_ms=max(every_ms, 1),
        begins_ms=_begins_ms(block),
        line=block.line,
    )
    if found.form not in ("iso", "unix_s", "unix_ms") and "%" not in found.form:
        block.mistake(
            "form",
            f"form of time is {found.form!r}; it must be iso, unix_s, unix_ms or a pattern such as %d.%m.%Y %H:%M.",
        )
    for name in ("form", "zone") if column is None else ("begins_at",):
        if block.has(name):
            other = "every_s" if column is None else "a column"
            block.mistake(name, f"time has {name} and {other}; {name} has no meaning there, so leave it out.")
    block.finish()
    return found


def _zone(block: Block) -> ZoneInfo | None:
    name = block.optional("zone")
    if name is None:
        return None
    if name not in available_timezones():
        block.mistake("zone", f"There is no time zone {name}; write one such as Asia/Shanghai or UTC.")
        return None
    return ZoneInfo(name)


def _begins_ms(block: Block) -> int:
    found = block.optional("begins_at")
    try:
        begins = BEGINS if found is None else datetime.fromisoformat(found)
        if begins.tzinfo is None:
            raise ValueError
        return int((begins - _EPOCH).total_seconds() * 1000)
    except ValueError:
        block.mistake(
            "begins_at",
            f"begins_at of time is {found!r}; it must be an instant with its zone such as 2026-03-02T00:00:00Z.",
        )
        return 0


def _columns(top: Block) -> Iterator[Column]:
    for device in top.blocks("devices", "device"):
        key = _id(device, "key")
        for sensor in device.blocks("sensors", "sensor"):
            unit = sensor.optional("unit")
            if unit is not None:
                try:
                    same_quantity(unit, unit)
                except BadInput as error:
                    sensor.mistake("unit", f"unit of {sensor.where}: {error}")
            scale = sensor.number("scale", default=1.0)
            if scale == 0:
                sensor.mistake("scale", f"scale of {sensor.where} is 0; every value would be the same.")
            yield Column(
                name=sensor.text("column"),
                device=key,
                sensor=_id(sensor, "key"),
                unit=unit,
                scale=1.0 if scale is None else scale,
                offset=sensor.number("offset", default=0.0) or 0.0,
                line=sensor.line,
            )
            sensor.finish()
        device.finish()


def _check_columns(top: Block, found: ReplayMap) -> None:
    if not found.columns:
        top.mistake(None, "The map has no sensors; give it devices, each with sensors and their columns.")
    seen: dict[tuple[str, str], int] = {}
    for column in found.columns:
        before = seen.setdefault((column.device, column.sensor), column.line)
        if before != column.line:
            top.reading.mistake(
                column.line,
                f"Sensor {column.sensor} of device {column.device} is there twice, first in line {before}; keep one of them.",
            )
        if column.name and column.name == found.time.column:
            top.reading.mistake(column.line, f"Column {column.name} is the time of the row, so it is no sensor.")
    for name in {name for name in found.header if found.header.count(name) > 1}:
        top.mistake("header", f"header names {name} twice; give one of them another name.")
    for device in found.devices():
        readings = found.message_rows * sum(column.device == device for column in found.columns)
        if readings > MAX_READINGS:
            top.mistake(
                "message_rows",
                f"A message of device {device} would carry {readings} readings; at most {MAX_READINGS} go into one.",
            )
