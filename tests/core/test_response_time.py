"""The time to acknowledge means one thing: what improves it, what cannot, and when there is no number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.response_time import NEVER, NINE_IN_TEN, Answer, ResponseTime, nearest_rank, response_time

TARGETS = {"life-safety": 300.0, "high": 900.0, "medium": 3600.0, "low": 28800.0}
answer = st.builds(Answer, st.sampled_from(sorted(TARGETS)), st.floats(0, 1e6), st.booleans())
answers = st.lists(answer, max_size=40)
shares = st.sampled_from([0.5, NINE_IN_TEN])


def p90(of: list[Answer]) -> float:
    """Where nobody is counted, there is nothing to be slow at."""
    found = response_time(of, TARGETS)
    if found.counted == 0:
        return 0.0
    return NEVER if found.p90_s is None else found.p90_s


def missed(priority: str) -> Answer:
    """One that nobody acknowledged, beyond its target."""
    return Answer(priority, TARGETS[priority] + 1, answered=False)


@given(of=answers, priority=st.sampled_from(sorted(TARGETS)), which=st.integers(0, 100))
def test_leaving_one_unanswered_never_improves_it(of: list[Answer], priority: str, which: int) -> None:
    """Neither one more that nobody acknowledges, nor one of those there that nobody would have."""
    assert p90([*of, missed(priority)]) >= p90(of)
    if of:
        there = which % len(of)
        assert p90([*of[:there], missed(of[there].priority), *of[there + 1 :]]) >= p90(of)


@given(of=answers, quick=st.floats(0, 300))
def test_answering_one_more_never_makes_it_slower_than_that_answer(of: list[Answer], quick: float) -> None:
    """It stays, improves, or becomes the new answer's own time where that is the longer one."""
    assert p90([*of, Answer("life-safety", quick, answered=True)]) <= max(p90(of), quick)


@given(of=answers, share=st.floats(0, 1), priority=st.sampled_from(sorted(TARGETS)))
def test_what_waits_within_its_target_counts_neither_way(of: list[Answer], share: float, priority: str) -> None:
    """Nobody has left it lying yet."""
    waiting = Answer(priority, TARGETS[priority] * share, answered=False)
    assert response_time([*of, waiting], TARGETS) == response_time(of, TARGETS)


@given(answered=st.integers(0, 60), unanswered=st.integers(0, 60))
def test_no_number_means_more_than_a_tenth_were_not_answered(answered: int, unanswered: int) -> None:
    """Exactly that, so that the words may say it; and likewise of a half."""
    found = response_time([Answer("high", 60.0, answered=True)] * answered + [missed("high")] * unanswered, TARGETS)
    assert (found.counted, found.unanswered) == (answered + unanswered, unanswered)
    if found.counted:
        assert (found.p90_s is None) == (10 * unanswered > found.counted)
        assert (found.p50_s is None) == (2 * unanswered > found.counted)


@given(times=st.lists(st.floats(0, 1e6), min_size=1, max_size=60), share=shares)
def test_a_percentile_is_a_time_that_happened(times: list[float], share: float) -> None:
    """Nearest rank: at least the share lies at or below it, and less below any smaller one."""
    found = nearest_rank(sorted(times), share)
    assert found in times
    assert found is not None
    assert sum(each <= found for each in times) >= share * len(times) - 1e-9
    assert sum(each < found for each in times) < share * len(times)


def test_of_nothing_there_is_nothing() -> None:
    """Neither numbers nor a reproach."""
    assert response_time([], TARGETS) == ResponseTime()
    assert response_time([Answer("low", 5.0, answered=False)], TARGETS) == ResponseTime()


@pytest.mark.parametrize("count", [10, 20, 30, 70, 110, 1000])
def test_a_tenth_is_still_nine_in_ten(count: int) -> None:
    """However the computer rounds nine tenths."""
    of = [Answer("high", 60.0, answered=True)] * (count - count // 10) + [missed("high")] * (count // 10)
    assert response_time(of, TARGETS).p90_s == 60.0
