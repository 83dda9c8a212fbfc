"""The life of a model against a real database: looked at, fitted, looking on, put in force, gone back, outlived."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import BadInput, Refused
from davy.models.compare import Compared, compare_versions
from davy.models.plans import MOST_WINDOWS
from davy.models.promote import LEAST_SHADOW, Promoted, promote_version
from davy.models.propose import Proposal, propose
from davy.models.refit import Repeated, refit_check
from davy.models.score import Scored, score_interval
from tests.database import TestDatabase
from tests.davy.model_station import BEGAN, FITTED_AT, Broker, Station, bring, build, raise_alarm, shadows
from tests.detectors.station import TEXT, failing, normal

pytestmark = [pytest.mark.db, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

SECOND = timedelta(seconds=1)


@pytest.fixture
def station(timescale_database: TestDatabase, tmp_path: Path) -> Station:
    """Twenty minutes of normal operation, and a declared model."""
    return build(timescale_database, tmp_path)


@pytest.fixture
def any_station(database: TestDatabase, tmp_path: Path) -> Station:
    """The same on both kinds of database: for what is about SQL."""
    return build(database, tmp_path)


def promote(station: Station, version: int, **changes: Any) -> Promoted:
    """By somebody, for a reason."""
    given = {"asset": "pump-1", "actor": "tester", "reason": "it is better", "now": FITTED_AT, **changes}
    return promote_version(station.database.url("alerting"), station.token, version=version, **given)


def compare(station: Station, seconds: int, versions: tuple[int, int] = (1, 2), *, anew: bool = False) -> Compared:
    """Over so many seconds after the first fit."""
    until = FITTED_AT + seconds * SECOND
    return compare_versions(
        station.database.url("alerting"), station.token, asset="pump-1", versions=versions, since=FITTED_AT, until=until, anew=anew, now=until
    )  # fmt: skip


def proposed(station: Station, **changes: Any) -> Proposal:
    """Over the last hour."""
    given = {"asset": "pump-1", "days": 1 / 24, "now": FITTED_AT, **changes}
    return propose(station.database.url("alerting"), station.token, **given)


def again(station: Station, version: int = 1) -> Repeated:
    """Made again."""
    return refit_check(station.database.url("alerting"), station.token, asset="pump-1", version=version)


def scored(station: Station, **changes: Any) -> Scored:
    """The first twenty minutes by the version in force."""
    given = {"asset": "pump-1", "version": None, "since": BEGAN, "until": FITTED_AT, "now": FITTED_AT, **changes}
    return score_interval(station.database.url("alerting"), station.token, **given)


def resolve(station: Station, occurrence: int, resolution: str, *, after_s: float = 60.0) -> None:
    """Back to normal a while after it began, and called something by somebody."""
    with station.database.connect("owner") as connection:
        connection.execute(
            "UPDATE occurrence SET normal_at = began_at + %s, resolved_at = began_at + %s, resolution = %s, resolved_by ="
            " (SELECT person_id FROM person WHERE key = 'ww-officer') WHERE occurrence_id = %s",
            (after_s * SECOND, after_s * SECOND, resolution, occurrence),
        )


def occurrence(station: Station, second: int, resolution: str | None, *, after_s: float = 60.0) -> int:
    """An alarm of the model's score in the first twenty minutes."""
    number = raise_alarm(station, BEGAN + second * SECOND, 2.5)
    if resolution is not None:
        resolve(station, number, resolution, after_s=after_s)
    return number


def order(station: Station, since_s: int, until_s: int, *, kind: str = "maintenance", asset: bool = True) -> None:
    """Written down by the integrator for the pump."""
    with station.database.connect("owner") as connection:
        connection.execute(
            """
            WITH o AS (INSERT INTO suppression_order (company_id, site_id, kind, begins_at, ends_at, number, reason, signed_by, recorded_at, requested_by)
                       SELECT z.company_id, z.site_id, %s, %s, %s, 'W1', 'overhaul', 'Li', %s,
                              (SELECT person_id FROM person WHERE key = 'ww-integrator') FROM zone z
                       RETURNING order_id, company_id, site_id)
            INSERT INTO suppression_scope (order_id, company_id, site_id, zone_id, asset_id)
            SELECT o.*, a.zone_id, CASE WHEN %s THEN a.asset_id END FROM o, asset a
            """,
            (kind, BEGAN + since_s * SECOND, BEGAN + until_s * SECOND, BEGAN, asset),
        )


# What goes in force


def test_what_is_fitted_looks_on_until_a_person_puts_it_in_force(any_station: Station) -> None:
    """Nothing is published and nobody is alarmed by it; from its promotion on it judges, and the page of the past stays as it was."""
    station = any_station
    told = station.fit(promote=False)
    assert told.promoted is None
    assert any("davy detectors promote --asset pump-1 --version 1" in line for line in told.lines())
    station.store(normal(120, 2), FITTED_AT)
    broker = Broker()
    scorer = station.scorer(broker.publish)
    assert scorer.turn(FITTED_AT + 60 * SECOND) == 0
    assert (broker.sent, scorer.judging) == ([], 0)
    assert station.rows("SELECT version, kind, count(number)::int FROM shadow_score GROUP BY 1, 2 ORDER BY 2") == [
        (1, "knn", 55),
        (1, "mewma", 55),
        (1, "pca_q", 55),
    ]
    done = promote(station, 1, now=FITTED_AT + 60 * SECOND)
    assert (done.before, done.shadow_windows, done.overruled) == (None, 55, None)
    assert scorer.turn(FITTED_AT + 120 * SECOND) > 0
    assert broker.stamps()[0] == round((FITTED_AT + 61 * SECOND).timestamp() * 1000)
    assert station.rows("SELECT count(*) FROM shadow_score WHERE until > %s", FITTED_AT + 60 * SECOND) == [(0,)]


def test_a_second_version_scores_the_same_windows_in_silence(station: Station) -> None:
    """What is published is the first one's; both numbers of each window stand side by side, and a restart goes on behind them."""
    station.fit()
    station.fit(promote=False, until=FITTED_AT - 300 * SECOND)
    station.store(normal(100, 2), FITTED_AT)
    broker = Broker()
    station.scorer(broker.publish).turn(FITTED_AT + 50 * SECOND)
    station.scorer(broker.publish).turn(FITTED_AT + 100 * SECOND)
    rows = station.rows("SELECT version, until, number FROM shadow_score WHERE kind = 'mewma' ORDER BY version, until")
    assert [version for version, *_ in rows] == [1] * 95 + [2] * 95
    published = [value for value, _ in broker.said("_mewma")][:95]
    assert [number for version, _, number in rows if version == 1] == pytest.approx(published)
    assert [number for version, _, number in rows if version == 2] != pytest.approx(published)


def test_what_a_shadow_cannot_judge_is_no_zero(station: Station) -> None:
    """A missing member leaves a row without a number, which counts for nothing when it is to be promoted."""
    station.fit(promote=False)
    station.store(normal(30, 2), FITTED_AT, without=0)
    station.scorer(Broker().publish).turn(FITTED_AT + 30 * SECOND)
    assert station.rows("SELECT count(*), count(number) FROM shadow_score WHERE kind = 'knn'") == [(25, 0)]
    assert promote(station, 1).shadow_windows == 0


def test_an_untried_version_takes_over_only_against_a_written_word(station: Station) -> None:
    """The number that is asked for stands in the sentence; what was written is kept beside the promotion and in the journal."""
    station.fit()
    station.fit(promote=False)
    with pytest.raises(Refused, match=f"has judged 0 windows in shadow; {LEAST_SHADOW} are asked for"):
        promote(station, 2)
    with pytest.raises(BadInput, match="Say why version 2"):
        promote(station, 2, reason="  ", overrule="no time")
    done = promote(station, 2, overrule="the pump was changed", now=FITTED_AT + SECOND)
    assert (done.before, done.overruled) == (1, "the pump was changed")
    assert station.rows(
        "SELECT version, reason, overruled FROM model_promotion ORDER BY promotion_id DESC LIMIT 1"
    ) == [(2, "it is better", "the pump was changed")]
    ((new,),) = station.rows("SELECT new FROM journal WHERE action = 'model_promoted' ORDER BY journal_id DESC LIMIT 1")
    assert (new["version"], new["overruled"]) == (2, "the pump was changed")
    with pytest.raises(BadInput, match="is in force already"):
        promote(station, 2, now=FITTED_AT + 2 * SECOND)


def test_enough_windows_in_shadow_need_no_word(station: Station) -> None:
    """As many as are asked for, judged by every kind of the version."""
    station.fit()
    station.fit(promote=False)
    shadows(station, 2, LEAST_SHADOW)
    done = promote(station, 2, now=FITTED_AT + SECOND)
    assert (done.shadow_windows, done.overruled) == (LEAST_SHADOW, None)


def test_going_back_is_a_promotion_too(station: Station) -> None:
    """An older version has shown what it does: no shadow is asked for; windows between are judged by the one of their time."""
    station.fit()
    station.fit(since=BEGAN + 200 * SECOND, now=FITTED_AT + 20 * SECOND)
    promote(station, 1, now=FITTED_AT + 40 * SECOND)
    assert station.rows("SELECT version FROM model_promotion ORDER BY promotion_id") == [(1,), (2,), (1,)]
    station.store(normal(60, 2), FITTED_AT)
    broker = Broker()
    station.scorer(broker.publish).turn(FITTED_AT + 60 * SECOND)
    said = np.array([value for value, _ in broker.said("_mewma")])
    one, two = (
        np.array([row["mewma"] for row in scored(station, version=version, since=FITTED_AT, until=FITTED_AT + 59 * SECOND, each=True, now=FITTED_AT + 60 * SECOND).numbers])
        for version in (1, 2)
    )  # fmt: skip
    assert said[:19] == pytest.approx(one[:19])
    assert said[20:39] == pytest.approx(two[20:39])
    assert said[40:59] == pytest.approx(one[40:59])


def test_a_version_of_other_members_cannot_take_over(station: Station, tmp_path: Path) -> None:
    """It would judge nothing; the sentence says what it knows and what is declared."""
    station.fit(promote=False)
    bring(station.database, tmp_path, TEXT.replace(", p1/temperature]", "]"), reason="slow")
    with pytest.raises(Refused, match="declared now are p1/flow, p1/pressure, p1/current, p1/vibration in windows"):
        promote(station, 1)
    with pytest.raises(BadInput, match="has no version 7; there are 1"):
        promote(station, 7)


def test_a_fit_that_may_not_go_in_force_keeps_nothing(station: Station) -> None:
    """One step, or none: no version is left behind that nobody asked for."""
    station.fit()
    with pytest.raises(Refused, match="asked for before it takes over"):
        station.fit(although_untried="")
    assert station.rows("SELECT max(version) FROM detector_model") == [(1,)]


def test_the_insurer_sees_no_promotion_and_no_shadow(station: Station) -> None:
    """Who put what in force, and why, is the client's; nobody else's people see that either."""
    station.fit()
    shadows(station, 1, 3)
    ((company,),) = station.rows("SELECT company_id FROM company")

    def seen(role: str, *companies: int) -> tuple[int, ...]:
        with station.database.connect("web", station.database.person_token(1, role, *companies)) as connection:
            return tuple(
                len(connection.execute(query).fetchall())
                for query in (
                    "SELECT 1 FROM model_promotion",
                    "SELECT 1 FROM shadow_score",
                    "SELECT 1 FROM model_drift",
                )
            )

    assert seen("integrator", company) == (1, 9, 0)
    assert seen("underwriter", company) == seen("integrator", company + 1) == (0, 0, 0)


# What nothing is learnt from


@pytest.mark.parametrize(
    ("resolution", "cut_s", "why"),
    [
        (None, 300, "open"),
        ("sensor_fault", 60, "alarm"),
        ("true_danger", None, "danger"),
        ("near_miss", None, "danger"),
        ("nuisance", 0, None),
    ],
)
def test_flagged_windows_are_cut_and_counted(
    any_station: Station, resolution: str | None, cut_s: int | None, why: str | None
) -> None:
    """Open until today, in alarm, or what evidence is kept of a danger; what people called a nuisance of the model's own is learnt."""
    station = any_station
    number = occurrence(station, 900 if resolution is None else 300, resolution)
    told = station.fit(promote=False)
    if why is None:
        assert (told.cut_windows, told.cut, told.windows) == ({}, [], 1200)
        return
    assert list(told.cut_windows) == [why]
    assert f"occurrence {number}" in told.cut[0]["what"]
    if cut_s is None:
        assert told.cut_windows[why] > 60  # what came before it belongs to the danger
    else:
        assert told.cut_windows[why] == cut_s
    assert told.windows == 1200 - told.cut_windows[why]
    assert station.rows("SELECT DISTINCT jsonb_array_length(cut), windows FROM detector_model") == [(1, told.windows)]


def test_an_order_is_cut_where_it_covers_the_machine(any_station: Station) -> None:
    """Maintenance of the asset, or a permit for its zone; a drill changes no machine."""
    order(any_station, 100, 160)
    order(any_station, 150, 200, kind="hot_work", asset=False)
    order(any_station, 500, 700, kind="drill")
    told = any_station.fit(promote=False)
    assert told.cut_windows == {"order": 100}
    assert [each["what"].partition(",")[0] for each in told.cut] == ["maintenance", "hot_work"]


def test_readings_that_a_device_doubts_teach_nothing(station: Station) -> None:
    """Of uncertain or substituted quality, or stamped by a wrong clock."""
    with station.database.connect("owner") as connection:
        connection.execute(
            "UPDATE reading SET quality = 1 WHERE measured_at >= %s AND measured_at < %s", (BEGAN, BEGAN + 10 * SECOND)
        )
        connection.execute(
            "UPDATE reading SET quality = 16 WHERE measured_at >= %s AND measured_at < %s",
            (BEGAN + 10 * SECOND, BEGAN + 15 * SECOND),
        )
    assert station.fit(promote=False).cut_windows == {"quality": 15}


def test_an_interval_of_which_nothing_is_left_says_what_was_cut(station: Station) -> None:
    """No version, and the sentence names the occurrence that stands in the way."""
    number = occurrence(station, 0, None)
    with pytest.raises(BadInput, match=f"Nothing of the interval can be learnt from.*still open .occurrence {number}"):
        station.fit()
    resolve(station, number, "unknown", after_s=1000.0)
    with pytest.raises(BadInput, match=f"needs 588.*Left out of it: .*in alarm .occurrence {number}"):
        station.fit()


# Whether what is called normal is


def test_an_interval_that_holds_a_fault_is_refused_unless_somebody_answers_for_it(station: Station) -> None:
    """With shares, from when until when, and what may be done; the word that overrules it is kept with the version."""
    with station.database.connect("owner") as connection:
        connection.execute(
            "UPDATE reading SET value = value * 0.6 FROM sensor s WHERE s.sensor_id = reading.sensor_id AND s.key = 'flow'"
            " AND measured_at >= %s AND measured_at < %s",
            (BEGAN + 600 * SECOND, BEGAN + 840 * SECOND),
        )
    with pytest.raises(
        Refused,
        match=r"A robust fit finds 2[34]\d of 1200 windows \(\d+\.\d%\) odd, the longest stretch from 2026-03-01 00:10",
    ):
        station.fit()
    assert station.rows("SELECT count(*) FROM detector_model") == [(0,)]
    told = station.fit(although_odd="two pumps in turn")
    assert told.contamination["overruled"] == "two pumps in turn"
    ((new,),) = station.rows("SELECT new FROM journal WHERE action = 'model_fitted'")
    assert new["although_odd"] == "two pumps in turn"


def test_a_normal_interval_passes_and_says_what_was_looked_at(station: Station) -> None:
    """Few windows odd to a robust fit, and to the version in force."""
    first = station.fit()
    assert (first.contamination["by_version"], first.contamination["overruled"]) == (None, None)
    assert first.contamination["odd"] < 24
    second = station.fit(promote=False, although_odd="said for nothing")
    assert (second.contamination["by_version"], second.contamination["overruled"]) == (1, None)
    assert second.contamination["beyond"] < 24


# Made again


def test_a_version_can_be_made_again_to_the_bit(any_station: Station) -> None:
    """From the same readings and cuts, whatever was said of them since; seed and libraries stand in the version."""
    station = any_station
    number = occurrence(station, 300, "sensor_fault")
    station.fit()
    resolve(station, number, "true_danger", after_s=200.0)  # cut wider today: the version is made as it was made
    found = again(station)
    assert (found.outcome, found.kinds, found.other_libraries) == (
        "equal",
        {"mewma": True, "pca_q": True, "knn": True},
        {},
    )
    ((made,),) = station.rows("SELECT made_with FROM detector_model WHERE kind = 'knn'")
    assert {"seed", "libraries", "between", "python", "machine"} <= set(made)
    assert set(made["libraries"]) >= {"numpy", "scikit-learn", "pyod"}


def test_readings_that_are_gone_or_changed_are_told_apart(station: Station) -> None:
    """A late reading changes it; a dropped day takes it away; the version goes on either way."""
    station.fit()
    with station.database.connect("owner") as connection:
        connection.execute("UPDATE reading SET value = value + 0.25 WHERE measured_at < %s", (BEGAN + SECOND,))
    assert again(station).outcome == "changed"
    with station.database.connect("owner") as connection:
        connection.execute("DELETE FROM reading WHERE measured_at < %s", (BEGAN + 600 * SECOND,))
    gone = again(station)
    assert (gone.outcome, gone.windows, gone.windows_then, gone.kinds) == ("gone", 600, 1200, {})
    assert "the raw readings of its interval are gone: 600 of 1200" in gone.lines()[0]


# Side by side


def test_two_versions_are_compared_on_the_same_windows(station: Station) -> None:
    """As they looked on; where they did not, both are scored anew from stored readings, and the answer says which it was."""
    station.fit()
    station.fit(promote=False, since=BEGAN + 200 * SECOND)
    station.store(np.concatenate([normal(300, 2), failing(100, 3)]), FITTED_AT)
    anew = compare(station, 400)
    assert (anew.source, anew.windows) == ("readings", 400)
    assert [side.episodes for side in anew.versions] == [1, 1]
    assert anew.agreement > 0.95
    station.scorer(Broker().publish).turn(FITTED_AT + 400 * SECOND)
    kept = compare(station, 400)
    assert (kept.source, kept.windows) == ("kept", 395)
    assert kept.better is None
    assert "Too few windows to say: both judged 395" in kept.verdict
    assert json.loads(json.dumps(kept.answer()))["versions"][1]["version"] == 2


def test_stored_readings_are_judged_anew_where_it_is_asked_for(station: Station) -> None:
    """A short shadow is no bound: both versions judge every window of the interval that has readings, in the same way, and it is said."""
    station.fit()
    station.fit(promote=False, since=BEGAN + 200 * SECOND)
    station.store(np.concatenate([normal(300, 2), failing(100, 3)]), FITTED_AT)
    never_looked_on = compare(station, 400)
    shadows(station, 1, 50)
    shadows(station, 2, 50)
    assert (compare(station, 400).source, compare(station, 400).windows) == ("kept", 50)
    asked = compare(station, 400, anew=True)
    assert (asked.source, asked.windows) == ("readings", 400)
    assert asked == never_looked_on
    assert "400 windows (both scored anew from stored readings)" in asked.lines()[0]


def test_what_people_said_is_held_against_both(station: Station) -> None:
    """Dangers found and nuisances repeated, by number of the occurrence."""
    station.fit()
    station.fit(promote=False)
    station.store(np.concatenate([normal(100, 2), failing(100, 3), normal(200, 4)]), FITTED_AT)
    danger = raise_alarm(station, FITTED_AT + 140 * SECOND, 2.6)
    resolve(station, danger, "true_danger")
    with station.database.connect("owner") as connection:
        row = connection.execute(
            """
            INSERT INTO occurrence (company_id, site_id, definition_id, sensor_id, began_at, normal_at, resolved_at, resolved_by, resolution, evidence_from)
            SELECT company_id, site_id, definition_id, sensor_id, began_at + i, normal_at + i, resolved_at + i, resolved_by, 'nuisance', evidence_from + i
            FROM occurrence CROSS JOIN (VALUES (interval '160 seconds')) v (i) RETURNING occurrence_id
            """
        ).fetchone()
    assert row is not None
    nuisance = row[0]
    found = compare(station, 400)
    assert (found.dangers, found.nuisances) == ([danger], [nuisance])
    assert [(side.dangers_found, side.nuisances_repeated) for side in found.versions] == [([danger], [])] * 2


@pytest.mark.parametrize(
    ("versions", "told"),
    [((1, 1), "compared with itself"), ((1, 9), "has no version 9; there are 1, 2")],
)
def test_a_comparison_that_cannot_be_has_a_sentence(station: Station, versions: tuple[int, int], told: str) -> None:
    """Two versions that are there, and windows that both can judge."""
    station.fit()
    station.fit(promote=False)
    with pytest.raises(BadInput, match=told):
        compare(station, 400, versions)
    with pytest.raises(BadInput, match="no window in the interval that both versions"):
        compare(station, 400)


def test_an_interval_is_scored_by_any_version(station: Station) -> None:
    """Without a word to anybody: shares, the highest number with its instant, and each window where asked for."""
    station.fit()
    station.store(failing(60, 3), FITTED_AT)
    at = FITTED_AT + 60 * SECOND
    found = scored(station, since=FITTED_AT, until=at, now=at, each=True)
    assert (found.version, found.windows, [kind.kind for kind in found.kinds]) == (1, 60, ["mewma", "pca_q", "knn"])
    assert found.kinds[0].beyond > 40
    assert found.numbers[0]["until"] == (FITTED_AT + SECOND).isoformat()
    assert scored(station).kinds[0].beyond < 24
    with pytest.raises(BadInput, match="can judge no window of the interval"):
        scored(
            station,
            since=FITTED_AT + timedelta(hours=1),
            until=FITTED_AT + timedelta(hours=2),
            now=FITTED_AT + timedelta(hours=3),
        )


# Where to learn from


def test_the_longest_clean_stretches_are_proposed(any_station: Station) -> None:
    """With their windows and what a robust fit finds odd in them; each stretch that is left out says why."""
    station = any_station
    number = occurrence(station, 100, "sensor_fault")
    order(station, 820, 860)
    with station.database.connect("owner") as connection:
        connection.execute(
            "DELETE FROM reading USING sensor s WHERE s.sensor_id = reading.sensor_id AND s.key = 'flow' AND measured_at >= %s AND measured_at < %s",
            (BEGAN + 1000 * SECOND, BEGAN + 1100 * SECOND),
        )
        connection.execute(
            "DELETE FROM reading WHERE measured_at >= %s AND measured_at < %s",
            (BEGAN + 400 * SECOND, BEGAN + 410 * SECOND),
        )
    found = proposed(station)
    assert [(each.since, each.until, each.windows) for each in found.stretches] == [
        (
            (BEGAN + 160 * SECOND).isoformat(),
            (BEGAN + 820 * SECOND).isoformat(),
            650,
        )  # ten windows without readings do not part it
    ]
    assert found.stretches[0].odd < 0.05
    said = {(each.why, each.said.partition(": ")[2]) for each in found.left_out}
    assert ("alarm", f"in alarm (occurrence {number}, Machine does not run as usual)") in said
    assert ("missing", "nothing usable from p1/flow") in said
    assert ("missing", "nothing usable from every member") in said  # the forty minutes before
    assert any(why == "order" and "maintenance" in told for why, told in said)
    assert ("short", "only 140 windows between the others") in said
    station.fit(since=BEGAN + 160 * SECOND, until=BEGAN + 820 * SECOND)  # and it is enough


def test_a_week_of_one_second_windows_is_looked_through_in_parts(station: Station) -> None:
    """More windows than a fit takes: the newest part that has something is proposed from, and it is said how far back that was."""
    found = proposed(station, days=7.0)
    assert [(each.since, each.windows) for each in found.stretches] == [(BEGAN.isoformat(), 1200)]
    assert datetime.fromisoformat(found.asked_since) == FITTED_AT - timedelta(days=7)
    assert datetime.fromisoformat(found.since) == FITTED_AT - (MOST_WINDOWS - 1) * SECOND
    assert any("A fit takes 200000 windows at most" in line for line in found.lines())
    earlier = proposed(station, days=7.0, now=FITTED_AT + (MOST_WINDOWS + 3600) * SECOND)  # nothing in the newest part
    assert [each.windows for each in earlier.stretches] == [1200]
    assert any(each.why == "missing" for each in earlier.left_out)
    assert not any("A fit takes" in line for line in proposed(station).lines())


def test_nothing_to_propose_is_said(station: Station) -> None:
    """With what stands in the way."""
    number = occurrence(station, 10, None)
    found = proposed(station)
    assert found.stretches == []
    assert "No stretch is long enough." in found.lines()
    assert any(f"still open (occurrence {number}" in line for line in found.lines())
    with pytest.raises(BadInput, match="--days is 90"):
        proposed(station, days=90)
