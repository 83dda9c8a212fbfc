"""Each bench runs whole on real servers, for seconds instead of minutes: its answer has every key, and nothing is lost.

How fast it went is never asserted: this machine is doing other things.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from core.errors import BadInput
from davy.bench.judging import judging
from davy.bench.latency import latency
from davy.bench.models import models

SETTINGS = {
    "broker",
    "broker_version",
    "database",
    "timescaledb_version",
    "fsync",
    "synchronous_commit",
    "cpus",
    "seconds",
    "warm_up_s",
    "sensors",
    "batch_rows",
}
INGEST = {
    "readings_per_s",
    "messages_per_s",
    "copy_limit_rows_per_s",
    "ratio_to_copy_limit",
    "receive_limit_messages_per_s",
    "ratio_to_receive_limit",
    "published",
    "stored",
    "lost",
    "duplicated",
    "rss_mb",
    "rss_growth_mb_per_min",
    "settings",
}


def bench(*arguments: str) -> tuple[int, dict[str, Any]]:
    """Exit status and answer of `davy bench`; one line on stdout, progress elsewhere."""
    environ = {name: text for name, text in os.environ.items() if not name.startswith("DAVY_")}
    command = [sys.executable, "-m", "davy", "bench", *arguments, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=170, check=False, env=environ)
    assert done.returncode in {0, 1}, done.stderr
    assert "Traceback" not in done.stderr
    (line,) = done.stdout.splitlines()
    answer: dict[str, Any] = json.loads(line)
    return done.returncode, answer


@pytest.mark.e2e
@pytest.mark.parametrize(
    "shortened",
    [
        ("--profile", "batched", "--seconds", "1", "--warm-up", "1", "--limit-seconds", "0.5"),
        ("--profile", "single", "--messages", "3000"),
        ("--profile", "overload", "--seconds", "1", "--warm-up", "0.5"),
    ],
    ids=lambda arguments: arguments[1],
)
def test_ingest_loses_and_repeats_nothing(shortened: tuple[str, ...]) -> None:
    """What the broker acknowledged is stored once and judged once, counted from outside, in every profile."""
    status, answer = bench("ingest", "--sensors", "1000", *shortened)
    assert answer.keys() >= INGEST
    assert answer["settings"].keys() >= SETTINGS
    assert (answer["lost"], answer["duplicated"], status) == (0, 0, 0)
    assert answer["stored"] == answer["published"] > 0
    assert answer["alarms_raised"] == answer["alarms_published"] > 0


@pytest.mark.e2e
def test_latency_sees_every_alarm_arrive() -> None:
    """Every alarm of the load reaches its receiver, with occurrences open before; too few samples are exit status 1, and the answer is
    still there."""
    short = ("--sensors", "2000", "--rate", "4000", "--seconds", "2", "--warm-up", "1", "--open", "60")
    status, answer = bench("latency", *short)
    assert answer["settings"].keys() >= SETTINGS
    assert answer["stored"] == answer["published"]
    assert (answer["incomplete"], answer["alarms_repeated"]) == (0, 0)
    assert answer["open_occurrences"] >= 60
    assert 0 < answer["samples"] < 1_000
    assert status == 1
    for name in ("publish_to_commit_ms", "publish_to_alarm_ms", "publish_to_notified_ms"):
        assert 0 < answer[name]["p50"] <= answer[name]["p99"]
    assert answer["publish_to_alarm_ms"]["p50"] <= answer["publish_to_notified_ms"]["p50"]


def test_latency_says_how_many_sensors_it_needs() -> None:
    """Each alarm is of another sensor: with too few of them it does not begin."""
    with pytest.raises(BadInput, match=r"there are 1000\. Give --sensors"):
        latency(1000, 2000.0, opens=1000, warm_up_s=1.0, seconds=2.0, as_json=True)


@pytest.mark.e2e
def test_restart_loses_nothing() -> None:
    """Ingest killed under load judges again, and everything published meanwhile is stored."""
    status, answer = bench("restart", "--sensors", "1000", "--checkpoint-age", "2")
    assert (status, answer["lost"]) == (0, 0)
    assert answer["restart_s"] > 0
    assert answer["settings"].keys() >= SETTINGS


@pytest.mark.e2e
def test_pages_are_right_while_they_are_measured() -> None:
    """Every kind of page is met, every answer is right, and the lists that stay open hear of what happens; nothing is lost."""
    short = ("--sensors", "1000", "--transitions", "4000", "--rate", "1000", "--seconds", "1", "--warm-up", "1")
    status, answer = bench("pages", *short)
    assert (status, answer["wrong"], answer["lost"]) == (0, [], 0)
    for kind in ("alarm_list", "occurrence_page", "chart", "portfolio"):
        assert 0 < answer[f"{kind}_ms"]["p50"] <= answer[f"{kind}_ms"]["p95"]
    assert min(answer["listeners"]["news"], answer["listeners"]["lists"]) > 0
    assert answer["settings"].keys() >= SETTINGS | {"transitions", "sse_clients", "open_alarms"}
    assert answer["settings"]["transitions"] >= 4000


@pytest.mark.e2e
def test_storage_weighs_a_reading_on_each_kind() -> None:
    """Every part of a reading's weight, on both kinds of database, and the plan that follows from it; nothing is claimed of what
    was not run."""
    status, answer = bench("storage", "--readings", "50000", "--chart-days", "1")
    assert (status, set(answer["kinds"])) == (0, {"plain", "timescaledb, apache"})
    for kind in answer["kinds"].values():
        assert kind["readings"] == 50_000
        assert kind["bytes_per_reading"] >= kind["heap"] + kind["key_index"] > 60
        assert 0 < kind["plan"]["raw_gb_a_day"] < kind["plan"]["raw_gb"]
        assert kind["bytes_per_minute_row"] > 60
        assert set(kind["chart_ms"]) == {"weeks_of_minutes", "an_hour_of_readings"}
    assert answer["settings"]["compressed"] is None


def test_judging_alone_needs_no_server(capsys: pytest.CaptureFixture[str]) -> None:
    """The detectors' bench runs without any socket; a peer that is not installed is null."""
    assert judging(1000, warm_up_s=0.0, seconds=0.1, as_json=True) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer.keys() >= {"core", "full", "peers"}
    assert answer["core"]["readings_per_s"] > 0
    assert 0 < answer["core"]["bytes_per_sensor"] <= 500
    assert answer["full"]["readings_per_s"] > 0
    assert answer["full"]["bytes_per_sensor"] > answer["core"]["bytes_per_sensor"]
    assert answer["peers"].keys() == {"river_half_space_trees", "river_gaussian_scorer", "pyod_hbos"}


@pytest.mark.filterwarnings("ignore")  # what PyOD's own imports have to say
def test_models_are_measured_without_a_server(capsys: pytest.CaptureFixture[str]) -> None:
    """Every kind that sites run, as it is and with slow members and states, and the forecast: time of a window, and what is kept."""
    assert models(6, windows=20, as_json=True) in {0, 1}
    answer = json.loads(capsys.readouterr().out)
    kinds = ("mewma", "pca_q", "knn")
    assert set(answer["models"]) == {*kinds, *(f"{kind} with slow members and states" for kind in kinds), "forecast"}
    for each in answer["models"].values():
        assert 0 < each["p50_us"] <= each["p99_us"]
        assert each["kept_bytes"] > 100
