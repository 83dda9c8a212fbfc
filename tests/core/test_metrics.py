"""Metrics: private, and all of them documented."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import Metric

from core.log import configure, errors_logged, logger
from core.metrics import Metrics

REFERENCE = Path(__file__).parents[2] / "docs/reference/metrics.md"


def exposed(metrics: Metrics) -> dict[str, str]:
    """Name as a scrape shows it -> type."""
    return {
        family.name + ("_total" if family.type == "counter" else ""): family.type
        for family in metrics.registry.collect()
    }


def described(metrics: Metrics) -> Iterator[tuple[object, Metric]]:
    """What is registered, with what it shows."""
    for collector in metrics.registry._collector_to_names:
        yield from ((collector, family) for family in collector.collect())


def test_somebody_moves_every_metric() -> None:
    """A metric that nobody touches says 0 for ever, whatever happens."""
    sources = [
        file.read_text(encoding="utf-8")
        for package in ("ingest", "alerting", "api", "davy")
        for file in sorted((REFERENCE.parents[2] / package).rglob("*.py"))
    ]
    metrics = Metrics()
    parts = (metrics, metrics.ingest, metrics.alerting, metrics.calls, metrics.api)
    names = [name for part in parts for name, metric in vars(part).items() if isinstance(metric, MetricWrapperBase)]
    assert len(names) > 40
    for name in names:
        moves = re.compile(
            rf"\b{name}\b(\.labels\([^\n]*\))?\.(inc|set|set_function|observe|time|labels)\(|\b{name}\b[,)]"
        )
        assert any(moves.search(source) for source in sources), name


def test_logged_errors_are_counted_where_they_are_logged() -> None:
    """The figure is that of the log, not one of its own."""
    metrics, before = Metrics(), errors_logged()
    configure("json", io.StringIO())
    logger("tests").error("something_broke")
    assert f"davy_errors_logged_total {float(before + 1)}".encode() in metrics.exposition()


def test_reference_lists_every_metric() -> None:
    """docs/reference/metrics.md names each metric with its type, help and labels, and none that is gone."""
    text = REFERENCE.read_text(encoding="utf-8")
    listed = {line.split("`")[1] for line in text.splitlines() if line.startswith("| `davy_")}
    metrics = Metrics()
    assert listed == set(exposed(metrics))
    labels = {family.name: getattr(metric, "_labelnames", ()) for metric, family in described(metrics)}
    for family in metrics.registry.collect():
        suffix = "_total" if family.type == "counter" else ""
        told = ", ".join(labels[family.name])
        row = f"| `{family.name}{suffix}` | {family.type} | {family.documentation} | {told} |"
        assert row.replace("|  |", "| |") in text.replace("|  |", "| |"), row


def test_two_processes_in_one_do_not_meet() -> None:
    """A registry of its own: embedded processes and tests count apart."""
    one, other = Metrics(), Metrics()
    one.ingest.rejected.labels(reason="not_json").inc(3)
    assert b'davy_ingest_messages_rejected_total{reason="not_json"} 3.0' in one.exposition()
    assert b'reason="not_json"' not in other.exposition()


def test_help_is_a_sentence() -> None:
    """A person reads the help in Grafana."""
    for family in Metrics().registry.collect():
        assert family.documentation[0].isupper() or family.documentation[0].isdigit()
        assert family.documentation.endswith(".")
