"""How long a route may wait, and which change lets somebody hear later: one set of rules for site file and page."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.portfolio import Step
from core.route_strictness import loosened
from core.site_route_waits import wrong_waits

STEPS = st.lists(
    st.tuples(st.sampled_from([0.0, 30.0, 60.0, 300.0]), st.sampled_from(["a", "b"]), st.sampled_from(["smtp", "sms"])),
    min_size=1,
    max_size=5,
    unique=True,
)


def step(position: int, after_s: float, person: str, channel: str) -> Step:
    """One call of a route."""
    return Step(position=position, after_s=after_s, person=person, channel=channel)


def ladder(rows: list[tuple[float, str, str]]) -> list[Step]:
    """Steps as a route has them: one position a time."""
    times = sorted({after for after, _, _ in rows})
    return [step(times.index(after), after, person, channel) for after, person, channel in sorted(rows)]


@given(STEPS)
def test_the_same_and_more_is_never_looser(rows: list[tuple[float, str, str]]) -> None:
    """Who is added, and a repeat, takes no call away."""
    steps = ladder(rows)
    assert loosened(steps, steps) == []
    more = ladder([*rows, (max(after for after, _, _ in rows) + 60, "c", "voice")])
    assert loosened(steps, more) == []


@given(STEPS)
def test_whoever_is_left_out_or_put_off_is_named(rows: list[tuple[float, str, str]]) -> None:
    """Each call of it."""
    steps = ladder(rows)
    assert len(loosened(steps, [])) == len(steps)
    later = [step(s.position, s.after_s + 1, s.person, s.channel) for s in steps]
    assert {(was.person, was.channel) for was, _ in loosened(steps, later)} == {(s.person, s.channel) for s in steps}


def test_who_was_told_first_stays_among_the_first() -> None:
    """What is learnt late, and the messages of a week, go to the first step alone."""
    was = [step(0, 60.0, "a", "smtp")]
    assert loosened(was, [step(0, 0.0, "b", "smtp"), step(1, 60.0, "a", "smtp")])
    assert not loosened(was, [step(0, 0.0, "b", "smtp"), step(0, 0.0, "a", "smtp")])


@pytest.mark.parametrize(
    ("audience", "priorities", "times", "said"),
    [
        ("client", ["life-safety"], [61], "the first step comes after 60 s at most"),
        ("client", ["life-safety"], [0, 901], "tells nobody for 901 s between two steps of life safety"),
        ("client", ["high"], [0, 86_401], "which nobody will ever meet; 86400 s is the most"),
        ("client", [], [0, 86_400 * 31], "which nobody will ever meet; 2592000 s is the most"),
        ("client", ["low"], range(201), "makes 201 calls"),
    ],
)
def test_waits_that_are_too_long_are_refused(audience: str, priorities: list[str], times: list[int], said: str) -> None:
    """With what would be right."""
    steps = [step(n, float(after), "a", "smtp") for n, after in enumerate(times)]
    assert any(said in sentence for _, sentence in wrong_waits("the route", audience, priorities, steps))


@pytest.mark.parametrize(
    ("audience", "priorities", "times"),
    [("client", ["life-safety"], [60, 960, 1860]), ("insurer", ["life-safety"], [300, 3600]), ("client", ["high"], [3600, 86_400]), ("client", [], [0, 86_400 * 30])],
)  # fmt: skip
def test_waits_that_are_usual_stand(audience: str, priorities: list[str], times: list[int]) -> None:
    """The insurer hears of what the client has not answered: its first step may wait."""
    steps = [step(n, float(after), "a", "smtp") for n, after in enumerate(times)]
    assert list(wrong_waits("the route", audience, priorities, steps)) == []
