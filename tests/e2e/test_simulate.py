"""`davy simulate`: the alarms of a scenario held against its truth, on real servers."""

from __future__ import annotations

import pytest

from tests.e2e.instance import answer_of, davy

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

KEYS = {"expected", "raised", "missed", "false", "allowed_false", "lead_time_s"}


def test_the_gas_leak_is_seen_in_time_and_the_same_each_time() -> None:
    """Seed 1 holds: nothing missed, nothing false, every alarm before harm; and played again it gives the same answer."""
    first, second = (davy("simulate", "gas-leak", "--seed", "1", "--check", "--json") for _ in range(2))
    assert first.returncode == 0, first.stderr
    answer = answer_of(first)
    assert answer.keys() >= KEYS
    assert answer["missed"] == 0
    assert answer["raised"] >= answer["expected"] > 0
    assert answer["false"] <= answer["allowed_false"]
    assert answer["lead_time_s"]["p50"] >= answer["lead_time_s"]["min"] > 0
    assert answer_of(second) == answer


def test_another_seed_is_another_leak_and_holds_too() -> None:
    """Seed 2 holds."""
    done = davy("simulate", "gas-leak", "--seed", "2", "--check", "--json")
    assert done.returncode == 0, done.stderr
    answer = answer_of(done)
    assert answer["expected"] > 0
    assert answer["missed"] == 0


@pytest.mark.parametrize(("scenario", "alarms"), [("pump-cavitation", 2), ("stuck-gas-sensor", 1), ("dead-gateway", 1)])
def test_the_other_plant_and_the_signals_themselves_are_judged_too(scenario: str, alarms: int) -> None:
    """A pump that cavitates, a detector that stands still, a gateway that dies: what must come comes, and nothing else."""
    done = davy("simulate", scenario, "--seed", "1", "--check", "--json")
    assert done.returncode == 0, done.stderr
    answer = answer_of(done)
    assert answer["expected"] >= alarms
    assert (answer["missed"], answer["raised"]) == (0, answer["expected"] + answer["false"])
    assert answer["false"] <= answer["allowed_false"]


@pytest.mark.timeout(600)  # a minute and a half on a quiet machine; five beside seven others on two cores
def test_a_quiet_day_raises_nothing() -> None:
    """A day in which nothing happens is a day without an alarm, device and quality alarms included."""
    done = davy("simulate", "quiet-day", "--seed", "1", "--check", "--json", timeout_s=560)
    assert done.returncode == 0, done.stderr
    answer = answer_of(done)
    assert (answer["expected"], answer["raised"], answer["false"]) == (0, 0, 0)
    assert answer["lead_time_s"] == {"min": None, "p50": None}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("nonsense",), "There is no scenario nonsense; there are gas-leak"),
        (("gas-leak", "--seed", "-1"), "The seed is -1; it must be a whole number from 0 up."),
    ],
)
def test_what_cannot_be_played_is_said_in_a_sentence(arguments: tuple[str, ...], sentence: str) -> None:
    """An unknown scenario or seed: exit status 2, one sentence, nothing on stdout, no server started for it."""
    done = davy("simulate", *arguments, "--check", "--json", timeout_s=30)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(sentence)
    assert len(done.stderr.splitlines()) == 1
