"""`davy alarms backtest`: at once where it is short, as a job of the risk process where it is long."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import Connection

from core.db import connect
from core.errors import BadInput, Unavailable
from core.migrate import require_current
from davy.answer import progress
from davy.backtest import job_store, store
from davy.backtest.case import Case, Question, open_case
from davy.backtest.engine import ROWS_AT_ONCE
from davy.backtest.telling import tell
from davy.backtest.trial import READ_SHARE, Trial
from davy.site.known import require_known

# More than this at once goes to the background: a quarter of an hour of one core, and no command is longer than that.
MOST_AT_ONCE: Final = 200_000_000
LOOK_S: Final = 0.5
NOBODY_COMES_S: Final = 60.0
EVERY_S: Final = 5.0  # between two words of progress


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and the site it is asked of."""

    site: str
    question: Question


@contextmanager
def opened(owner_url: str, asked: Asked, now: datetime) -> Iterator[tuple[Connection[Any], Case]]:
    """A connection as owner, and the case."""
    with closing(connect(owner_url, application="backtest")) as connection:
        require_current(connection, "davy_owner")
        require_known(asked.site, store.site_keys(connection))
        site = store.site_of(connection, asked.site)
        assert site is not None
        yield connection, open_case(connection, site, asked.question, now)


def backtest(
    owner_url: str,
    asked: Asked,
    *,
    now: datetime,
    background: bool = False,
    rows: int = ROWS_AT_ONCE,
    most: int = MOST_AT_ONCE,
) -> dict[str, Any]:
    """The answer, however long it takes.

    Args:
        background: ask the risk process, also where it is short.
        rows: how many readings are read at once.
        most: readings that are judged here; what has more is a job.

    Raises:
        BadInput: a question that cannot be asked.
        Unavailable: a job was asked for, and nobody does it.
    """
    began = time.monotonic()
    with opened(owner_url, asked, now) as (connection, case):
        if background or case.readings > most:
            if case.readings > most:
                progress(
                    f"{case.readings:,} readings: too many to wait for here; the risk process does it in the background."
                )
            return _wait(connection, job_store.ask(connection, case.site, asked.question, now))
        trial = Trial(case, rows)
        _at_once(owner_url, connection, trial)
        return tell(trial, time.monotonic() - began)


def _at_once(owner_url: str, connection: Connection[Any], trial: Trial) -> None:
    """The next piece is read while this one is judged: two connections, so that the database works as well."""
    said = time.monotonic()
    with closing(connect(owner_url, application="backtest")) as second, ThreadPoolExecutor(1) as pool:
        coming = pool.submit(trial.read, second, trial.pieces[0])
        for number, piece in enumerate(trial.pieces, 1):
            rows = coming.result()
            if number < len(trial.pieces):
                coming = pool.submit(trial.read, second, trial.pieces[number])
            trial.take(piece, rows)
            if time.monotonic() - said > EVERY_S:
                said = time.monotonic()
                progress(f"{READ_SHARE * number / len(trial.pieces):.0%}, {trial.readings:,} readings ...")
    trial.finish()
    for _ in trial.inject(lambda: connection):
        pass


def _wait(connection: Connection[Any], backtest_id: int) -> dict[str, Any]:
    """Waits for a job, and says how far it is."""
    progress(
        f"Back-test {backtest_id} waits for the risk process; its page shows it too. Ctrl-C stops the waiting, not the work."
    )
    began, last = time.monotonic(), -1
    while True:
        job = job_store.look(connection, backtest_id)
        if job is None or job.state == "cancelled":
            raise BadInput(f"Back-test {backtest_id} was called off.")
        if job.state == "failed":
            raise BadInput(job.problem or "The back-test failed.")
        if job.result is not None:
            return dict(job.result)
        if job.state == "waiting" and time.monotonic() - began > NOBODY_COMES_S:
            raise Unavailable(
                f"Back-test {backtest_id} still waits after {NOBODY_COMES_S:.0f} s: is the risk process running? It is kept, and begins then."
            )
        if (percent := int(job.progress * 100)) // 5 != last // 5:
            last = percent
            progress(f"{percent} %")
        time.sleep(LOOK_S)


def in_words(answer: Mapping[str, Any]) -> str:
    """The answer for people at a terminal."""
    was, would = answer["in_force"], answer["proposed"]
    lines = [
        f"{answer['definition']} at {answer['site']}, {answer['from']} to {answer['to']}: {answer['readings']:,} readings, {answer['seconds']} s",
        *(
            f"{title}: {was[key]} in force, {would[key]} proposed"
            for key, title in (
                ("would_fire", "alarms"),
                ("calls", "calls"),
                ("notifications_per_day", "messages a day"),
                ("chatter", "chattering"),
                ("flood_windows", "floods of the site"),
            )
        ),
        f"true dangers: {answer['lost_true']} lost, {answer['delayed_true']} found later",
        f"nuisance alarms: {answer['nuisance']['would_not_come']} of {answer['nuisance']['resolved']} would not have come",
    ]
    injected = answer["injected"]
    if injected is not None:
        lines.append(
            f"injected incidents: {injected['found_in_force']} of {injected['incidents']} found in force, {injected['found_proposed']} proposed;"
            f" {injected['lost']} lost, {injected['delayed']} later (by {injected['delay_s_max'] or 0} s at most)"
        )
    known = answer["known"]
    lines.append(
        f"known: {known['share']:.1%} of the time, {known['holes']} holes, {known['missing_messages']} messages never came"
    )
    if answer["rollups_only"] is not None:
        lines.append(
            f"{answer['rollups_only']['from']} to {answer['rollups_only']['to']}: {answer['rollups_only']['sentence']}"
        )
    lines += [f"failed: {problem}" for problem in answer["problems"]]
    lines += [
        f"{each['definition']} ({each['version'].replace('_', ' ')}) chatters without end: no more is counted from {each['from']} on"
        for each in answer["endless"]
    ]
    lines.append(_sentence(answer["verdict"]))
    return "\n".join(lines)


def _sentence(verdict: Mapping[str, Any]) -> str:
    unknown = f" {verdict['unknown']} could not be judged: their readings are missing." if verdict["unknown"] else ""
    if not verdict["refused"]:
        return f"No true danger would be lost or found later; {verdict['dangers']} were looked at.{unknown}"
    parts = [
        f"{verdict[key]} {word}"
        for key, word in (
            ("lost", "true dangers lost"),
            ("delayed", "true dangers found later"),
            ("lost_injected", "injected incidents lost"),
            ("endless", "limits that would chatter without end"),
        )
        if verdict[key]
    ]
    return f"Would be refused unless two people overrule it in writing: {', '.join(parts)}.{unknown}"
