"""Models against a real database: declared, fitted, scored once, explained."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.batch import Mark
from core.errors import BadInput, BadSiteFile, BrokerAway, Refused
from davy.models.plans import read_instant
from davy.site.exporting import export_site
from tests.database import TestDatabase
from tests.davy.model_station import BEGAN, FITTED_AT, FLOW, TOPIC, Broker, Station, bring, build, raise_alarm
from tests.detectors.station import TEXT, failing, normal

pytestmark = [pytest.mark.db, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture
def station(timescale_database: TestDatabase, tmp_path: Path) -> Station:
    """Twenty minutes of normal operation, and a declared model."""
    return build(timescale_database, tmp_path)


@pytest.fixture
def any_station(database: TestDatabase, tmp_path: Path) -> Station:
    """The same on both kinds of database: for what is about SQL."""
    return build(database, tmp_path)


def test_what_is_declared_comes_back_out(any_station: Station, tmp_path: Path) -> None:
    """Database to file to database: nothing changes, and the model with its virtual device is there once."""
    station = any_station
    text = export_site(station.database.url("owner"))
    assert "members:" in text
    assert "_model" not in text
    assert bring(station.database, tmp_path, text) == []
    assert station.rows(
        "SELECT key, is_virtual FROM sensor WHERE key LIKE '\\_m%' OR key IN ('_knn', '_pca_q') ORDER BY key"
    ) == [
        ("_knn", True),
        ("_mewma", True),
        ("_missing", True),
        ("_models", True),
        ("_pca_q", True),
    ]
    assert station.rows("SELECT max(priority) FROM alarm_definition WHERE key LIKE '\\_model%'") == [("medium",)]


def test_a_changed_model_needs_a_reason_and_a_retired_one_ends(station: Station, tmp_path: Path) -> None:
    """What is judged together is what alarms depend on."""
    fewer = TEXT.replace(", p1/temperature]", "]")
    with pytest.raises(Refused, match="model pump-1: changed: members"):
        bring(station.database, tmp_path, fewer)
    bring(station.database, tmp_path, fewer, reason="temperature is slow")
    assert station.rows("SELECT count(*) FROM asset_model_member") == [(4,)]
    gone = TEXT.replace("window_s: 1", "window_s: 1\n                  retired: true")
    bring(station.database, tmp_path, gone, reason="pump is sold")
    assert station.rows("SELECT count(*) FROM sensor WHERE key = '_mewma' AND retired_at IS NULL") == [(0,)]
    with pytest.raises(BadInput, match="No asset has a model"):
        station.fit()


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("window_s: 1\n", "window_s: 0.5\n", "window_s of the model of asset pump-1 is 0.5; it must be 1 or more"),
        ("window_s: 1\n", "window_s: 1\n                  priority: life-safety\n", "statistics are never that"),
        ("p1/flow,", "flow,", "A member of the model of asset pump-1 is 'flow'; write device/sensor"),
        ("p1/flow,", "p1/flow, p1/flow,", "p1/flow is a member of the model of asset pump-1 twice"),
        ("p1/flow,", "p1/speed,", "has the member p1/speed, which is no sensor of site east; there are current, flow"),
        ("p1/flow,", "p2/flow,", "has the member p2/flow, which is no sensor of site east; there are p1"),
        (', unit: "A", period_s: 1', ', unit: "A", period_s: 5', "its member p1/current reports every 5 s"),
        ("members: [", "member: [", "has no field member; did you mean members?"),
    ],
)
def test_a_wrong_declaration_is_told(
    timescale_database: TestDatabase, tmp_path: Path, before: str, after: str, told: str
) -> None:
    """Every mistake of a model block has a sentence with what would be right."""
    assert before in TEXT
    with pytest.raises(BadSiteFile, match=told.replace("?", r"\?")):
        bring(timescale_database, tmp_path, TEXT.replace(before, after))


def test_a_fit_keeps_everything_and_says_who_and_why(station: Station) -> None:
    """Interval, members, calibration and version in the table, who and why in the journal; the next one is version 2."""
    first = station.fit(promote=False)
    assert (first.version, first.windows, [m.kind for m in first.models]) == (1, 1200, ["mewma", "pca_q", "knn"])
    assert all(2.3 < m.highest_number < 3.0 for m in first.models)
    assert json.loads(json.dumps(first.answer()))["models"][0]["calibration_windows"] > 249
    assert station.fit(reason="", promote=False).version == 2
    assert station.rows("SELECT version, kind, fitted_by, reason FROM detector_model ORDER BY model_id") == [
        (1, "mewma", "tester", "commissioning run"),
        (1, "pca_q", "tester", "commissioning run"),
        (1, "knn", "tester", "commissioning run"),
        (2, "mewma", "tester", "declared normal"),
        (2, "pca_q", "tester", "declared normal"),
        (2, "knn", "tester", "declared normal"),
    ]
    assert station.rows("SELECT subject, reason FROM journal WHERE action = 'model_fitted' ORDER BY journal_id") == [
        ("model pump-1", "commissioning run"),
        ("model pump-1", "declared normal"),
    ]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"asset": "pump-2"}, "There is no model pump-2; did you mean pump-1"),
        ({"until": BEGAN + timedelta(seconds=300)}, "holds 300 windows of 1 s .* needs 588"),
        ({"since": BEGAN - timedelta(days=40)}, "31 at most"),
        ({"since": FITTED_AT}, "must end later"),
        ({"until": FITTED_AT + timedelta(days=1)}, "yet to come"),
        ({"since": BEGAN - timedelta(days=2), "until": BEGAN - timedelta(days=1)}, "no usable reading in the interval"),
    ],
)
def test_a_fit_that_cannot_be_has_a_sentence(station: Station, changes: dict[str, Any], told: str) -> None:
    """Unknown asset, too little, too long, backwards, not yet, no data; nothing is kept."""
    with pytest.raises(BadInput, match=told):
        station.fit(**changes)
    assert station.rows("SELECT count(*) FROM detector_model") == [(0,)]


@pytest.mark.parametrize("text", ["yesterday", "2026-03-01T08:00:00", "", "0001-01-01T00:00:00+14:00"])
def test_an_instant_needs_its_zone(text: str) -> None:
    """A fit that is eight hours off would learn the wrong shift."""
    with pytest.raises(BadInput, match=r"--from is .* must be an instant with its zone"):
        read_instant("from", text)


def test_nothing_fitted_costs_nothing(station: Station) -> None:
    """No model: no connection to the broker, no score, no progress."""
    broker = Broker(away=True)
    assert station.scorer(broker.publish).turn(FITTED_AT) == 0
    assert station.rows("SELECT count(*) FROM model_progress") == [(0,)]


def test_each_window_is_scored_once_in_order(station: Station) -> None:
    """When every member has passed it, with one message a window, boot and seq as of any device; nothing twice."""
    station.fit()
    station.store(normal(60, 2), FITTED_AT)
    broker = Broker()
    scorer = station.scorer(broker.publish)
    assert scorer.turn(FITTED_AT + timedelta(seconds=60)) == 59  # the last window nobody has passed yet
    assert scorer.turn(FITTED_AT + timedelta(seconds=60)) == 0
    assert scorer.turn(FITTED_AT + timedelta(seconds=66)) >= 1  # five seconds later it is taken as it is
    assert {topic for topic, _ in broker.sent} == {TOPIC}
    first = round(FITTED_AT.timestamp() * 1000)
    assert broker.stamps()[:60] == [first + 1000 * (window + 1) for window in range(60)]
    assert [message.seq for _, message in broker.sent] == list(range(len(broker.sent)))
    assert len({message.boot for _, message in broker.sent}) == 1
    assert max(value for value, _ in broker.said("_mewma")[:60]) < 2.7
    assert {quality for _, quality in broker.said("_mewma")[:60]} == {"good"}
    assert broker.said("_missing")[:59] == [(0.0, "good")] * 59


def test_what_is_said_of_replayed_history_says_so(station: Station) -> None:
    """A window that holds one replayed reading is scored like any other, and its message is marked; those around it are not."""
    station.fit()
    station.store(normal(10, 2), FITTED_AT)
    station.store(normal(10, 3), FITTED_AT + timedelta(seconds=10), quality=int(Mark.REPLAYED))
    station.store(normal(10, 4), FITTED_AT + timedelta(seconds=20))
    broker = Broker()
    station.scorer(broker.publish).turn(FITTED_AT + timedelta(seconds=40))
    assert [message.replayed for _, message in broker.sent][:29] == [False] * 10 + [True] * 10 + [False] * 9
    assert {quality for _, quality in broker.said("_mewma")[:29]} == {"good"}


def test_a_restart_scores_no_window_twice(station: Station) -> None:
    """Killed between keeping and sending, the process sends that message again as it was, and goes on behind it."""
    station.fit()
    station.store(normal(90, 2), FITTED_AT)
    broker = Broker()
    station.scorer(broker.publish).turn(FITTED_AT + timedelta(seconds=30))
    broker.away = True
    with pytest.raises(BrokerAway):
        station.scorer(broker.publish).turn(FITTED_AT + timedelta(seconds=40))
    broker.away = False
    station.scorer(broker.publish).turn(FITTED_AT + timedelta(seconds=60))
    assert broker.stamps() == sorted(set(broker.stamps()))
    assert [message.seq for _, message in broker.sent] == list(range(60))
    whole = Broker()
    with station.database.connect("owner") as connection:
        connection.execute("DELETE FROM model_progress")
    station.scorer(whole.publish).turn(FITTED_AT + timedelta(seconds=60))
    assert whole.said("_mewma") == broker.said("_mewma")  # the same numbers without the restarts


def test_an_acknowledgement_that_was_lost_repeats_the_message_and_nothing_else(station: Station) -> None:
    """Sent and killed before that was noted: the same bytes go out again, which ingest knows by boot and seq."""
    station.fit()
    station.store(normal(30, 2), FITTED_AT)
    broker = Broker()
    station.scorer(broker.publish).turn(FITTED_AT + timedelta(seconds=20))
    with station.database.connect("owner") as connection:
        connection.execute("UPDATE model_progress SET acknowledged = false")
    last = broker.sent[-1]
    station.scorer(broker.publish).turn(FITTED_AT + timedelta(seconds=20))
    assert broker.sent[-1] == last
    assert len(broker.sent) == 21


def test_a_missing_member_is_said_and_no_zero(station: Station) -> None:
    """Five seconds after its end the window is sent with bad scores and the number of members that were missing."""
    station.fit()
    station.store(normal(20, 2), FITTED_AT, without=FLOW)
    broker = Broker()
    assert station.scorer(broker.publish).turn(FITTED_AT + timedelta(seconds=20)) == 15
    assert broker.said("_missing") == [(1.0, "good")] * 15
    assert broker.said("_mewma") == [(-1.0, "bad")] * 15


def test_what_is_missing_now_and_then_is_said_while_nothing_can_be_judged(station: Station) -> None:
    """Each third window has no flow, so the model looks at too little: that counts as missing in the windows between them too."""
    station.fit()
    rows = normal(40, 2)
    for second, row in enumerate(rows):
        station.store(row[None, :], FITTED_AT + timedelta(seconds=second), without=None if second % 3 else FLOW)
    broker = Broker()
    assert station.scorer(broker.publish).turn(FITTED_AT + timedelta(seconds=46)) >= 39
    assert {quality for _, quality in broker.said("_mewma")[30:]} == {"bad"}
    assert set(broker.said("_missing")[30:39]) == {(1.0, "good")}


def test_readings_of_bad_quality_count_as_missing(station: Station) -> None:
    """What a device calls bad, a model does not look at."""
    station.fit()
    station.store(normal(20, 2), FITTED_AT, quality=2)
    broker = Broker()
    station.scorer(broker.publish).turn(FITTED_AT + timedelta(seconds=20))
    assert set(broker.said("_missing")) == {(5.0, "good")}


def test_an_absurd_value_counts_as_missing(station: Station) -> None:
    """A number whose square is none says nothing of the machine, and stops nobody."""
    station.fit()
    station.store(np.full_like(normal(20, 2), 1e308), FITTED_AT)
    broker = Broker()
    assert station.scorer(broker.publish).turn(FITTED_AT + timedelta(seconds=20)) >= 15
    assert set(broker.said("_missing")) == {(5.0, "good")}


def test_an_asset_that_cannot_be_scored_stops_no_other(station: Station) -> None:
    """It is counted, with the instant it began, and goes on where it stood as soon as it can."""
    station.fit()
    station.store(normal(20, 2), FITTED_AT)
    broker, breaks = Broker(), [True]

    def publish(topic: str, payload: bytes) -> None:
        if breaks:
            raise OverflowError("as sums do")
        broker.publish(topic, payload)

    scorer = station.scorer(publish)
    then = FITTED_AT + timedelta(seconds=20)
    assert (scorer.turn(then), scorer.turn(then + timedelta(seconds=1))) == (0, 0)
    assert (scorer.failing, scorer.judging) == ({"pump-1": then}, 1)
    breaks.clear()
    assert scorer.turn(then) > 0
    assert scorer.failing == {}
    assert [message.seq for _, message in broker.sent] == list(range(len(broker.sent)))


def test_a_new_fit_is_taken_up_without_a_restart(station: Station) -> None:
    """From the first window that ends after it; what ended before is judged by the one of its time."""
    station.fit()
    station.store(normal(120, 2), FITTED_AT)
    broker = Broker()
    scorer = station.scorer(broker.publish)
    scorer.turn(FITTED_AT + timedelta(seconds=60))
    station.store(failing(1200, 3), BEGAN + timedelta(hours=2))
    again = FITTED_AT + timedelta(seconds=90)
    with station.database.connect("owner") as connection:
        connection.execute("UPDATE reading SET value = value * 1.5 WHERE measured_at < %s", (FITTED_AT,))
    station.fit(now=again, although_odd="half as much again")
    scorer.turn(FITTED_AT + timedelta(seconds=120))
    scores = [value for value, _ in broker.said("_mewma")]
    assert max(scores[:89]) < 2.7
    assert min(scores[90:118]) > 2.3  # to the new model, fitted on half as much again, today is odd


def test_a_model_of_other_members_does_not_judge(station: Station, tmp_path: Path) -> None:
    """The site file took a member out: until somebody fits anew, "cannot judge" is said, not a number of the old columns."""
    station.fit()
    station.store(normal(40, 2), FITTED_AT)
    bring(station.database, tmp_path, TEXT.replace(", p1/temperature]", "]"), reason="slow")
    broker = Broker()
    station.scorer(broker.publish).turn(FITTED_AT + timedelta(seconds=30))
    assert set(broker.said("_mewma")) == {(-1.0, "bad")}
    assert set(broker.said("_missing")) == {(1.0, "good")}


def test_what_is_older_than_a_quarter_of_an_hour_is_not_scored(station: Station) -> None:
    """After a night without the process it begins near now: old alarms would call nobody anyway."""
    station.fit()
    station.store(normal(60, 2), FITTED_AT + timedelta(hours=5))
    broker = Broker()
    scorer = station.scorer(broker.publish)
    now = FITTED_AT + timedelta(hours=5, seconds=60)
    while scorer.turn(now):
        pass
    assert broker.stamps()[0] >= (now - timedelta(minutes=15)).timestamp() * 1000


def test_two_processes_do_not_score_a_window_twice(station: Station) -> None:
    """Whoever keeps a window first sends it; the other one goes on behind it."""
    station.fit()
    station.store(normal(60, 2), FITTED_AT)
    broker = Broker()
    one, other = station.scorer(broker.publish), station.scorer(broker.publish)
    for second in (20, 25, 30, 50):
        one.turn(FITTED_AT + timedelta(seconds=second))
        other.turn(FITTED_AT + timedelta(seconds=second))
    assert broker.stamps() == sorted(set(broker.stamps()))


def test_why_it_fired_is_worked_out_and_frozen(any_station: Station) -> None:
    """The flow is named with what was to be expected, by the model of the time; a later fit or deleted readings change nothing."""
    station = any_station
    station.fit()
    station.store(failing(60, 2), FITTED_AT)
    broker = Broker()
    scorer = station.scorer(broker.publish)
    scorer.turn(FITTED_AT + timedelta(seconds=60))
    at = FITTED_AT + timedelta(seconds=50)
    number = broker.said("_mewma")[49][0]
    occurrence = raise_alarm(station, at, number)
    scorer.turn(FITTED_AT + timedelta(seconds=61))
    query = "SELECT version, window_end, number, members FROM model_evidence WHERE occurrence_id = %s"
    (frozen,) = station.rows(query, occurrence)
    version, window_end, again, members = frozen
    assert (version, window_end) == (1, at)
    assert again == pytest.approx(number)
    assert members[0]["sensor"] == "p1/flow"
    assert members[0]["observed"] / members[0]["expected"] == pytest.approx(0.6, abs=0.06)
    assert sum(member["share"] for member in members) == pytest.approx(1.0)
    with station.database.connect("owner") as connection:
        connection.execute("DELETE FROM reading")
    scorer.turn(FITTED_AT + timedelta(seconds=62))
    assert station.rows(query, occurrence) == [frozen]


def test_an_occurrence_without_readings_says_that_it_cannot_be_worked_out(station: Station) -> None:
    """Evidence without members, once, instead of another attempt every second."""
    station.fit()
    at = FITTED_AT + timedelta(seconds=600)
    station.store(normal(10, 2), at)
    broker = Broker()
    scorer = station.scorer(broker.publish)
    scorer.turn(at + timedelta(seconds=20))
    occurrence = raise_alarm(station, at - timedelta(seconds=300), 2.5)
    scorer.turn(at + timedelta(seconds=21))
    query = "SELECT number, members FROM model_evidence WHERE occurrence_id = %s"
    assert station.rows(query, occurrence) == [(None, [])]


def test_numbers_are_those_of_the_rows(any_station: Station) -> None:
    """What SQL makes of readings is the mean of each second: the score is the one of the pure model."""
    station = any_station
    from detectors.models.fitting import Fitted
    from detectors.store.models import load_fitted

    station.fit()
    later = normal(60, 2)
    station.store(later, FITTED_AT)
    broker = Broker()
    station.scorer(broker.publish).turn(FITTED_AT + timedelta(seconds=60))
    with station.database.connect("alerting", station.token()) as connection:
        row = next(each for each in load_fitted(connection) if each.kind == "mewma")
    model = Fitted.restored(row.kind, row.members, row.parameters)
    wanted = model.number(np.concatenate([normal(1200), later]), row.members)[1200:]
    assert [value for value, _ in broker.said("_mewma")] == pytest.approx(wanted[:59].tolist())


def test_the_insurer_sees_why_once_the_company_shares_it(station: Station) -> None:
    """The wall stands in the database: no signal of a client before the occurrence is resolved or shared, none of another's."""
    station.fit()
    station.store(failing(60, 2), FITTED_AT)
    scorer = station.scorer(Broker().publish)
    scorer.turn(FITTED_AT + timedelta(seconds=60))
    occurrence = raise_alarm(station, FITTED_AT + timedelta(seconds=50), 2.5)
    scorer.turn(FITTED_AT + timedelta(seconds=61))
    ((company,),) = station.rows("SELECT company_id FROM occurrence")

    def seen(role: str, *companies: int) -> int:
        token = station.database.person_token(1, role, *companies)
        with station.database.connect("web", token) as connection:
            return len(connection.execute("SELECT members FROM model_evidence").fetchall())

    assert (seen("safety_officer", company), seen("underwriter", company)) == (1, 0)
    with station.database.connect("owner") as connection:
        connection.execute("UPDATE occurrence SET shared = true WHERE occurrence_id = %s", (occurrence,))
    assert (seen("underwriter", company), seen("underwriter", company + 1), seen("safety_officer", company + 1)) == (
        1,
        0,
        0,
    )
