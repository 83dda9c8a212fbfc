"""What came against what had to come: design section 13, word for word."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.matching import LeadTime, Outcome, Raised, judge
from simulators.truth import Expected, Truth

S = 1_000_000


def due(begin: int, end: int, *, sensor: str = "a", harm: int | None = None) -> Expected:
    """An alarm on `{sensor}.high` expected between two seconds."""
    return Expected(
        definition=f"{sensor}.high",
        sensor=sensor,
        from_us=begin * S,
        until_us=end * S,
        harm_us=None if harm is None else harm * S,
    )


def came(at: float, sensor: str = "a") -> Raised:
    """An occurrence of `{sensor}.high`."""
    return Raised(f"{sensor}.high", sensor, round(at * S))


@pytest.mark.parametrize(
    ("what", "truth", "raised", "missed", "false", "early", "holds"),
    [
        ("nothing expected, nothing came", Truth(), [], 0, 0, 0, True),
        ("nothing expected, something came", Truth(), [came(1)], 0, 1, 0, False),
        ("the one that was allowed", Truth((), 1), [came(1)], 0, 1, 0, True),
        ("in time", Truth((due(10, 20),)), [came(15)], 0, 0, 0, True),
        ("on the first instant", Truth((due(10, 20),)), [came(10)], 0, 0, 0, True),
        ("on the last instant", Truth((due(10, 20),)), [came(20)], 0, 0, 0, True),
        ("missed", Truth((due(10, 20),)), [], 1, 0, 0, False),
        ("too late is missed and false", Truth((due(10, 20),)), [came(20.1)], 1, 1, 0, False),
        ("too early is missed, false and fails", Truth((due(10, 20),)), [came(9.9)], 1, 1, 1, False),
        (
            "too early fails even where one false is allowed",
            Truth((due(10, 20),), 1),
            [came(9), came(15)],
            0,
            1,
            1,
            False,
        ),
        ("twice is once too often", Truth((due(10, 20),)), [came(12), came(15)], 0, 1, 0, False),
        ("another sensor's is no match", Truth((due(10, 20),)), [came(15, "b")], 1, 1, 0, False),
        ("late for a window that is taken", Truth((due(10, 20),), 1), [came(12), came(25)], 0, 1, 0, True),
        ("before a window that is missed", Truth((due(10, 20), due(30, 40)), 1), [came(12), came(25)], 1, 1, 1, False),
        ("two windows, one each", Truth((due(10, 20), due(30, 40))), [came(35), came(15)], 0, 0, 0, True),
        ("overlapping windows", Truth((due(10, 30), due(10, 15))), [came(12), came(29)], 0, 0, 0, True),
    ],
)
def test_table(what: str, truth: Truth, raised: list[Raised], missed: int, false: int, early: int, holds: bool) -> None:
    """Each case of the rule."""
    outcome = judge(truth, raised)
    assert (outcome.missed, outcome.false, outcome.too_early, outcome.holds) == (missed, false, early, holds), what
    assert (outcome.expected, outcome.raised) == (len(truth.expected), len(raised))


def test_lead_time_is_harm_minus_transition() -> None:
    """Smallest and median; an alarm that guards against nothing has none, one after the harm a negative one."""
    truth = Truth(
        (due(0, 9, harm=100), due(0, 9, sensor="b", harm=50), due(0, 9, sensor="c"), due(0, 9, sensor="d", harm=1))
    )
    outcome = judge(truth, [came(4), came(5, "b"), came(6, "c"), came(7, "d")])
    assert outcome.lead_time_s == LeadTime(min=-6.0, p50=45.0)
    assert judge(Truth(), []).lead_time_s == LeadTime(None, None)


WINDOWS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 6)), max_size=4)
INSTANTS = st.lists(st.integers(0, 18), max_size=5)


@given(windows=WINDOWS, instants=INSTANTS)
def test_nothing_is_missed_that_another_pairing_would_find(windows: list[tuple[int, int]], instants: list[int]) -> None:
    """The pairing is as large as the best of all pairings, tried one by one."""
    expected = [due(begin, begin + length) for begin, length in windows]
    outcome = judge(Truth(tuple(expected)), [came(at) for at in instants])
    spare = [*instants, *([-1] * len(expected))]
    best = max(
        sum(e.from_us <= at * S <= e.until_us for e, at in zip(expected, chosen, strict=True))
        for chosen in set(permutations(spare, len(expected)))
    )
    assert outcome.expected - outcome.missed == best
    assert outcome.raised - outcome.false == best


@given(windows=WINDOWS, instants=INSTANTS, seed=st.randoms(use_true_random=False))
def test_the_order_of_hearing_does_not_matter(
    windows: list[tuple[int, int]], instants: list[int], seed: object
) -> None:
    """Occurrences and truth are sets."""
    truth = [due(begin, begin + length, harm=99) for begin, length in windows]
    raised = [came(at) for at in instants]
    first: Outcome = judge(Truth(tuple(truth)), raised)
    assert judge(Truth(tuple(reversed(truth))), list(reversed(raised))) == first
