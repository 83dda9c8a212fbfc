"""Says at the end of a run which files of real data were replayed."""

from __future__ import annotations

import os

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A line a file; and where there is no real data, that nothing real was replayed."""
    reports = [
        report
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, ())
        if report.when == "call" and "test_replay.py" in report.nodeid
    ]
    if not reports:
        return
    terminalreporter.section("replayed")
    for report in reports:
        for name, value in report.user_properties:
            if name == "replayed":
                terminalreporter.write_line(f"{value}, {report.outcome}")
    if not os.environ.get("DAVY_DATA"):
        terminalreporter.write_line("DAVY_DATA is not set, so no real file was replayed: only the generated ones.")
