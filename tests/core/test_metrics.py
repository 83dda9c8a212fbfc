"""Metrics: private, and all of them documented."""

from __future__ import annotations

from pathlib import Path

from core.metrics import Metrics

REFERENCE = Path(__file__).parents[2] / "docs/reference/metrics.md"


def exposed(metrics: Metrics) -> dict[str, str]:
    """Name as a scrape shows it -> type."""
    return {
        family.name + ("_total" if family.type == "counter" else ""): family.type
        for family in metrics.registry.collect()
    }


def test_reference_lists_every_metric() -> None:
    """docs/reference/metrics.md names each metric with its type, help and labels, and none that is gone."""
    text = REFERENCE.read_text(encoding="utf-8")
    listed = {line.split("`")[1] for line in text.splitlines() if line.startswith("| `davy_")}
    metrics = Metrics()
    assert listed == set(exposed(metrics))
    labels = {collector._name: collector._labelnames for collector in metrics.registry._collector_to_names}  # type: ignore[attr-defined]
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
