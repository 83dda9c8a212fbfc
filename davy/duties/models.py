"""The life of models by the clock: whether each still fits its machine, and what shadows said long ago is forgotten."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from core.log import logger
from davy.models.drift import look_at_models
from detectors.store.shadows import forget_shadows

SHADOWS_KEPT: Final = timedelta(days=30)  # as long as an interval that `davy detectors compare` looks at

log = logger(__name__)


def look_after_models(connection: Connection[Any], now: datetime) -> int:
    """Doing it again at once changes nothing; gives how many models were looked at."""
    gone = forget_shadows(connection, now - SHADOWS_KEPT)
    if gone:
        log.info("shadow_scores_forgotten", rows=gone)
    return look_at_models(connection, now)
