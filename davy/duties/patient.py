"""What may take its time, in the risk process: a long one delays the others but never a message, and one that fails fails alone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from alerting.backlogs import tell_backlogs
from alerting.seal import SealKey
from alerting.vault import Vault
from api.forgetting import forget
from davy.backtest.jobs import BacktestDuty
from davy.duties.budget import look_at_the_budget
from davy.duties.calendars import read_calendars
from davy.duties.failures import look_for_failures
from davy.duties.models import look_after_models
from davy.duties.notices import send_digests, tell_occasions
from davy.duties.retention import forget_old_rows, look_after_days
from davy.duties.rota import Duty
from davy.duties.seals import seal
from davy.duties.second import SecondOpinionDuty
from davy.duties.silence import look_for_silent_detectors
from davy.duties.voice import ask_how_it_was, tell_back
from davy.duties.weekly import send_weeks
from davy.explain.working import explain_what_began
from davy.false_alarms.keeping import keep_false_alarms
from ingest.retention import Keep
from ingest.store.rollups import roll_up
from risk.score.scoring import score_sites

PATIENT: Final[Sequence[Duty]] = (
    Duty("silent_detectors", 60.0, look_for_silent_detectors),
    Duty("notices", 10.0, tell_occasions),
    Duty("ratings", 60.0, ask_how_it_was),
    Duty("told_back", 60.0, tell_back),
    Duty("digests", 300.0, send_digests),
    Duty("backlogs", 60.0, tell_backlogs),
    Duty("weeks", 600.0, send_weeks),
    Duty("budget", 600.0, look_at_the_budget),
    Duty("failures", 60.0, look_for_failures),
    Duty("hours", 60.0, roll_up),
    Duty("scores", 60.0, score_sites),
    Duty("sent_forms", 3600.0, forget),
    Duty("models", 600.0, look_after_models),
)


def patient(
    keep: Keep,
    key: SealKey | None = None,
    folder: Path | None = None,
    *,
    vault: Vault | None = None,
    calendars: Sequence[str] = (),
) -> list[Duty]:
    """The patient ones, with those that must be told how long readings are kept, how chains are sealed, and how calendars are read.

    Args:
        key: None: they are not.
        vault: opens the mail addresses by which a calendar names people; None: there are no keys.
        calendars: "host:port" from which one may be fetched although it is private.
    """
    return [
        *PATIENT,
        Duty("backtests", 1.0, BacktestDuty()),
        Duty("explanations", 5.0, explain_what_began),
        Duty("false_alarms", 600.0, keep_false_alarms),
        Duty("second_opinion", 10.0, SecondOpinionDuty()),
        Duty("retention", 60.0, partial(look_after_days, keep)),
        Duty("calendars", 5.0, partial(read_calendars, calendars, vault or Vault())),
        Duty("old_rows", 600.0, partial(forget_old_rows, keep)),
        *([] if key is None else [Duty("seals", 60.0, partial(seal, key, folder))]),
    ]
