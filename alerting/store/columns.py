"""Rows turned into columns, for statements that take arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from alerting.ledger import AlarmKey


def key_columns(keys: Sequence[AlarmKey]) -> tuple[list[int], list[int]]:
    """Definition ids and sensor ids."""
    return [key.definition_id for key in keys], [key.sensor_id for key in keys]


def columns(rows: Sequence[Sequence[Any]], width: int) -> list[list[Any]]:
    """As many lists as there are columns, also where there are no rows."""
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]
