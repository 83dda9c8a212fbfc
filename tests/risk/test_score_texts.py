"""The sentences of a score count as people do."""

from __future__ import annotations

import pytest

from risk.score.texts import SENTENCES


@pytest.mark.parametrize(
    ("driver", "words", "said"),
    [
        ("findings", {"findings": 1, "major": 1, "days": 8.8}, "1 finding, a major one, was overdue: 8.8 finding-days."),
        ("findings", {"findings": 1, "major": 0, "days": 2.0}, "1 finding, not a major one, was overdue: 2.0 finding-days."),
        ("findings", {"findings": 2, "major": 1, "days": 3.0}, "2 findings were overdue, 1 of them major: 3.0 finding-days."),
        ("impairments", {"impairments": 1, "hours": 9.6}, "Protection was out of service once, 9.6 hours."),
        ("suppression", {"alarms": 1, "hours": 2.0, "percent": 1.2}, "1 life-safety or high alarm was shelved, 2.0 hours: 1.2 % of its time."),
        (
            "suppression",
            {"alarms": 1, "hours": 9.0, "percent": 1.2, "shelved": 2.0, "out_of_service": 3.0, "planned": 0.0, "window": 4.0, "rule": 0.0},
            "1 life-safety or high alarm was put aside, 9.0 hours: shelved 2.0 h, out of service 3.0 h, in planned short windows 0.0 h, in other windows 4.0 h, while the plant stood still or a parent alarm called 0.0 h. 1.2 % of its time counts.",
        ),
        ("impairments", {"impairments": 2, "hours": 9.6}, "Protection was out of service 2 times, 9.6 hours together."),
    ],
)  # fmt: skip
def test_one_is_said_as_one(driver: str, words: dict[str, float], said: str) -> None:
    """No "1 findings were", no "1 times"."""
    assert next(each.text for each in SENTENCES[driver] if each.fits(words)) % words == said
