"""What people say of an alarm counts beside its resolutions: on the list at once, a proposal by two of them, never more for life safety."""

from __future__ import annotations

from alerting.performance import AlarmCount
from alerting.store.performance import Limit
from api.offenders import Offender, offenders


def limit(priority: str = "medium", detector: str = "limit") -> Limit:
    return Limit(
        definition_id=7, key="hopper.temp", priority=priority, detector=detector, direction="high", setpoint=70.0, deadband=1.5,
        on_delay_s=0.0, off_delay_s=60.0, title="Hopper hot", title_zh="灰斗过热", sensor_name="Hopper", sensor_name_zh="灰斗",
        quantity="temperature", unit="Cel", span=150.0, way_back=80.0, retired=False,
    )  # fmt: skip


def found(disturbed: int, rated: int, **words: str) -> tuple[Offender, ...]:
    count = AlarmCount(alarm=0, announced=1, begun=1, chatter=0, fleeting=0, stale_s=None)
    return offenders([limit(**words)], [count], [(7, "true_danger", 1)], 28.0, {7: (disturbed, rated)})


def test_one_who_says_so_puts_it_on_the_list() -> None:
    """With how many said it of how many; without a proposal: one may be tired."""
    assert found(0, 3) == ()
    (one,) = found(1, 1)
    assert (one.disturbed, one.rated, one.proposal) == (1, 1, None)


def test_two_and_half_of_those_who_rated_it_propose_a_change() -> None:
    """The on-delay, as for what is mostly resolved as nuisance; where most find it useful, none."""
    (one,) = found(2, 4)
    assert one.proposal is not None
    assert one.proposal.what == "on_delay"
    (other,) = found(2, 5)
    assert other.proposal is None


def test_a_life_hangs_on_the_delay_whatever_people_say() -> None:
    """For life safety nothing but the deadband is touched by advice."""
    (one,) = found(9, 9, priority="life-safety")
    assert one.proposal is not None
    assert one.proposal.what == "mend"
