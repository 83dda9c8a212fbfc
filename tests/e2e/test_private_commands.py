"""What `davy up --private` prints is enough for the commands of who looks after models: they work as alerting, in Davy's own name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.stories import private_instance

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def test_models_are_looked_after_with_what_a_private_instance_prints(tmp_path: Path) -> None:
    """`propose` and `fit` reach its database; what they cannot do yet is said of its data, not of a missing setting."""
    with private_instance(tmp_path, "--no-history") as instance:
        proposed = instance.davy("detectors", "propose", "--asset", "lift-1", "--days", "1", "--json")
        assert proposed.returncode == 1, (
            proposed.stderr
        )  # it ran: there is no stretch in an instance that has just begun
        assert json.loads(proposed.stdout)["stretches"] == []
        fitted = instance.davy(
            "detectors", "fit", "--asset", "lift-1", "--reason", "a trial",
            "--from", "2026-01-01T00:00:00+00:00", "--to", "2026-01-01T04:00:00+00:00",
        )  # fmt: skip
        assert fitted.returncode == 2
        assert "DAVY_" not in fitted.stderr
        assert "no usable reading in the interval" in fitted.stderr
