"""The demo's two hours before it began: loaded at once, then a model is fitted on them as `davy detectors fit` would."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Final

from core.db import connect, transaction
from core.log import logger
from davy.models.fit import fit_asset
from davy.past import store
from simulators import demo
from simulators.stream import MICROSECONDS

MODELS: Final[Sequence[str]] = ("lift-1", "drive-1")  # of packs/demo/portfolio.yaml
REASON: Final = "two quiet hours of the simulated plant"

log = logger(__name__)


def load_past(owner_url: str, *, seed: int, live_at: datetime) -> int:
    """Writes what the plants' devices would have sent in the two hours before `live_at`; gives how many readings.

    Batch 0 is no batch of ingest's: it is not judged again after a restart, and its hours are counted by
    `davy.past.sixty_days`, once. Doing it again changes nothing.
    """
    past = demo.build(seed, int(live_at.timestamp()) * MICROSECONDS).past()
    with closing(connect(owner_url, application="past")) as connection, transaction(connection, None):
        if store.has_raw_past(connection):
            return 0
        store.make_days(connection, live_at - timedelta(seconds=demo.PAST_S), live_at)
        loaded = store.copy_past(connection, past)
    log.info("past_loaded", readings=loaded)
    return loaded


def fit_models(
    alerting_url: str,
    token: Callable[[], str],
    *,
    live_at: datetime,
    clock: Callable[[], datetime],
    stopped_within: Callable[[float], bool],
) -> None:
    """Fits the demo's models on the two hours before `live_at` and puts them in force; a running detectors process takes them up by itself.

    The plants begin a moment after they are started, so `live_at` may be yet to come, and nobody learns from what is: it is waited for.

    Args:
        stopped_within: waits so many seconds, and says whether the process was asked to stop meanwhile.
    """
    ahead_s = (live_at - clock()).total_seconds()
    if ahead_s > 0 and stopped_within(ahead_s):
        return
    for asset in MODELS:
        fitted = fit_asset(
            alerting_url,
            token,
            asset=asset,
            since=live_at.astimezone(UTC) - timedelta(seconds=demo.PAST_S),
            until=live_at.astimezone(UTC),
            actor="davy",
            reason=REASON,
            promote=True,
            although_untried="a demo shows it at once",
            now=clock(),
        )
        log.info("model_fitted", asset=asset, version=fitted.version, windows=fitted.windows)
