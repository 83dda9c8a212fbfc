"""The dashboards as files, and their SQL as Grafana would send it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
GRAFANA = ROOT / "deploy" / "grafana"
FILES = sorted((GRAFANA / "dashboards").rglob("*.json"))
# As Grafana reads them: $__name(arguments without a parenthesis), ${name:format} or ${name}, $name.
MACRO = re.compile(r"\$(__[A-Za-z]+)\(([^)]*)\)")
VARIABLE = re.compile(r"\$\{(\w+)(?::(\w+))?\}|\$(\w+)")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def load(file: Path) -> dict[str, Any]:
    """One dashboard."""
    board: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return board


@dataclass(frozen=True)
class Query:
    """One query of a panel."""

    file: Path
    panel: str
    text: str
    series: bool

    def __str__(self) -> str:
        return f"{self.file.parent.name}-{self.file.stem}-{self.panel}"


def queries() -> Iterator[Query]:
    """Every query of every panel."""
    for file in FILES:
        for panel in load(file)["panels"]:
            for target in panel["targets"]:
                name = f"{panel['id']}{target['refId']}"
                yield Query(file, name, target["rawSql"], target["format"] == "time_series")


@dataclass(frozen=True)
class Sender:
    """Writes a query out as Grafana does for a data source of this kind.

    Args:
        variables: what is chosen, by variable.
        interval: of one point, as Grafana computes it from the panel's width.
    """

    timescaledb: bool
    variables: dict[str, list[str]]
    begin: datetime
    end: datetime
    interval: str = "30s"

    def sent(self, text: str) -> str:
        """The statement that reaches the database."""
        return MACRO.sub(self._macro, VARIABLE.sub(self._variable, text))

    def _variable(self, match: re.Match[str]) -> str:
        name, form = match[1] or match[3], match[2]
        if name == "__interval":
            return self.interval
        if name.startswith("__"):
            return match[0]
        chosen = self.variables[name]
        # Without the format a text goes in as it is, quotation marks and all: nothing of ours may rely on that.
        assert form == "sqlstring", f"${name} must be written ${{{name}:sqlstring}}"
        return ",".join("'" + value.replace("'", "''") + "'" for value in chosen)

    def _macro(self, match: re.Match[str]) -> str:
        name, arguments = match[1], [argument.strip() for argument in match[2].split(",")]
        begin, end = (at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") for at in (self.begin, self.end))
        match name:
            case "__timeFilter":
                return f"{arguments[0]} BETWEEN '{begin}' AND '{end}'"
            case "__timeGroupAlias":
                number, unit = re.fullmatch(r"'?(\d+)([smhd])'?", arguments[1]).groups()  # type: ignore[union-attr]
                seconds = int(number) * SECONDS[unit]
                if self.timescaledb:
                    return f"time_bucket('{seconds:.3f}s',{arguments[0]}) AS \"time\""
                return f'floor(extract(epoch from {arguments[0]})/{seconds})*{seconds} AS "time"'
        raise AssertionError(f"${name} is not among the macros that this test writes out")


def last_days(timescaledb: bool, variables: dict[str, list[str]]) -> Sender:
    """A sender whose dashboard shows the last two days."""
    now = datetime.now(UTC)
    return Sender(timescaledb, variables, now - timedelta(days=2), now + timedelta(minutes=1))
