"""`davy bench pages`: how long people wait for their pages, with a long past, ingest at half load and fifty open lists."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

import numpy as np
import psycopg

from api.store.alarms import MOST
from davy.answer import progress, say
from davy.bench import pages_store as store
from davy.bench.browsers import Account, Browsed, Browsers, Crowd, Visit, logged_in
from davy.bench.instance import Instance, opened
from davy.bench.pages_store import Past, Watched
from davy.bench.portfolio import Portfolio
from davy.private.stack import DATABASE, QUICK
from davy.site.users import add_user

HALF_LOAD: Final = 50_000.0  # readings a second: half of what design section 12 promises
LISTENERS: Final = 50  # design section 12
ALARMS_PER_S: Final = 1.0  # each is raised and over a moment later: two transitions, news to its company's browsers
OPEN: Final = 60  # alarms of each company that stand open from the beginning; ten companies
CHARTED: Final = 20  # sensors with weeks of minutes beside each other in the table
SENSORS_A_CHART: Final = (
    1_000  # a bench of few sensors writes weeks of minutes for few: that takes longer than all else it does
)
SPAN: Final = timedelta(days=30)
QUIET: Final = timedelta(hours=2)  # between what is over and now: in it begins what is open
KINDS: Final = ("alarm_list", "occurrence_page", "chart", "portfolio")
PARTS: Final = ("inbox", "ingest", "alerting", "api")
MEETS_ALL_WITHIN_S: Final = 60.0  # a window that was too short for a kind of page is longer by so much at most


def pages(sensors: int, transitions: int, rate: float, *, warm_up_s: float, seconds: float, as_json: bool) -> int:
    """Runs on a fresh instance, says what it found, returns the exit status: 1 where an answer was wrong.

    Args:
        transitions: stored before it begins.
        rate: readings a second offered meanwhile, in messages of 50.
    """
    portfolio = Portfolio.of(sensors)
    with opened(portfolio, PARTS) as instance:
        instance.wait_until_judging()
        now = datetime.now(UTC)
        past = Past(
            since=now - SPAN,
            until=now - QUIET,
            transitions=transitions,
            open_per_company=OPEN,
            charted=max(1, min(CHARTED, sensors // SENSORS_A_CHART)),
        )
        progress(f"Writing thirty days of {transitions} transitions ...")
        began = time.monotonic()
        with psycopg.connect(instance.stack.postgres.superuser_url(DATABASE), autocommit=True) as superuser:
            store.write_past(superuser, past)
        wrote_s = time.monotonic() - began
        watched, accounts = _accounts(instance)
        stored = store.transitions_stored(instance.owner)
        progress(
            f"Written in {wrote_s:.0f} s. {LISTENERS} browsers open their lists; warming up for {warm_up_s:.0f} s ..."
        )
        browsers = Browsers(_crowd(instance, watched, accounts, now))
        browsers.wait_until_listening()
        generator = instance.generate(rate=rate, alarms_per_s=ALARMS_PER_S)
        before = instance.follow(generator, 0, warm_up_s)
        progress(f"Measuring for {seconds:.0f} s ...")
        browsers.measure()
        after = instance.follow(generator, 0, seconds)
        deadline = time.monotonic() + MEETS_ALL_WITHIN_S
        while not browsers.have_met_all() and time.monotonic() < deadline:
            after = instance.follow(generator, 0, 0.2)
        browsed = browsers.stop()
        published = generator.stop()
        done = instance.wait_until_stored(published.readings)
        wrong = browsed.wrong + _wrong_at_the_end(instance, watched, accounts)
        samples = {kind: len(browsed.took_ms.get(kind, [])) for kind in KINDS}
        answer = {
            **{f"{kind}_ms": percentiles(browsed.took_ms.get(kind, [])) for kind in KINDS},
            "samples": samples,
            "listeners": _listeners(browsed),
            "wrong_answers": len(wrong),
            "wrong": wrong[:5],
            "lost": max(0, published.readings - done.readings),
            "settings": instance.settings(
                transitions=stored,
                open_alarms=sum(store.open_by_company(instance.owner).values()),
                sites=portfolio.sites,
                companies=portfolio.companies,
                sse_clients=LISTENERS,
                processes=list(PARTS),
                offered_per_s=rate,
                stored_per_s=round((after.readings - before.readings) / (after.at - before.at), 1),
                alarms_per_s=ALARMS_PER_S,
                past_written_s=round(wrote_s, 1),
                seconds=round(after.at - before.at, 2),
                warm_up_s=warm_up_s,
                batch_rows=round((after.readings - before.readings) / max(1, after.batches - before.batches)),
            ),
        }  # fmt: skip
    say(answer, as_json=as_json)
    return 0 if not wrong and all(samples.values()) else 1


def percentiles(milliseconds: Sequence[float]) -> dict[str, float | None]:
    """p50 and p95 by linear interpolation; None without samples.

    >>> percentiles([1.0, 2.0, 3.0])
    {'p50': 2.0, 'p95': 2.9}
    """
    if not milliseconds:
        return {"p50": None, "p95": None}
    p50, p95 = np.percentile(np.array(milliseconds), [50, 95])
    return {"p50": round(float(p50), 2), "p95": round(float(p95), 2)}


def _listeners(browsed: Browsed) -> dict[str, Any]:
    """What the open lists did: news they heard, lists they asked for, and how long those took."""
    return {"news": browsed.heard, "lists": browsed.fetched, "list_ms": percentiles(browsed.lists_ms)}


def _accounts(instance: Instance) -> tuple[list[Watched], dict[str, Account]]:
    """The companies with their officers, and a log-in for each and for the underwriter, by the person's key."""
    store.write_viewers(instance.owner)
    found = store.watched(instance.owner)
    owner_url = instance.stack.database_url("owner")
    accounts = {}
    for key in [store.VIEWER, *(each.officer for each in found)]:
        added = add_user(owner_url, login=key, person_key=key, hasher=QUICK)
        accounts[key] = Account(login=added.login, password=added.password)
    return found, accounts


def _crowd(instance: Instance, watched: Sequence[Watched], accounts: dict[str, Account], now: datetime) -> Crowd:
    """Listeners spread over the companies; the measured visits go round them, so that each company's rows are met."""
    listeners = [accounts[watched[n % len(watched)].officer] for n in range(LISTENERS)]
    month = urlencode({"since": (now - SPAN + timedelta(hours=1)).isoformat(), "until": now.isoformat()})
    charted = next(each for each in watched if each.charted is not None)
    visits = []
    for number in range(max(len(each.occurrences) for each in watched)):
        for each in watched:
            occurrence = each.occurrences[number % len(each.occurrences)]
            officer = accounts[each.officer]
            visits += [
                Visit(kind="alarm_list", account=officer, path="/alarms", holds='id="alarm-'),
                Visit(kind="occurrence_page", account=officer, path=f"/occurrences/{occurrence}", holds="<h1"),
                Visit(
                    kind="chart",
                    account=accounts[charted.officer],
                    path=f"/api/v1/sensors/{charted.charted}/readings?{month}",
                    holds='"times":[1',
                ),
                Visit(kind="portfolio", account=accounts[store.VIEWER], path="/portfolio", holds="/sites/site-099"
                      if instance.portfolio.sites == 100 else "/sites/site-000"),
            ]  # fmt: skip
    return Crowd(url=instance.stack.http_url, listeners=listeners, visits=visits)


def _wrong_at_the_end(instance: Instance, watched: Sequence[Watched], accounts: dict[str, Account]) -> list[str]:
    """When all is stored and still, every list holds exactly its company's open alarms, and a page every step of its occurrence."""
    wrong = []
    expected = store.open_by_company(instance.owner)
    steps = store.steps_of(instance.owner, [each.occurrences[0] for each in watched])
    for each in watched:
        with closing(logged_in(instance.stack.http_url, accounts[each.officer])) as browser:
            listed = browser.read("/alarms")[1].count('id="alarm-')
            if listed != min(MOST, expected.get(each.company_id, 0)):
                wrong.append(
                    f"The list of company {each.company_id} holds {listed} alarms, not {expected.get(each.company_id, 0)}."
                )
            told = json.loads(browser.read(f"/api/v1/occurrences/{each.occurrences[0]}")[1])["timeline"]
            if sum(row["kind"] == "transition" for row in told) != steps[each.occurrences[0]]:
                wrong.append(f"The page of occurrence {each.occurrences[0]} does not tell all that happened.")
    return wrong
