"""One incident of an asset: what is of it, and where to look first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from alerting.calm import hazard_of
from alerting.incident import A_WHILE, BOTH, FIRST, SHARE, Sign, gathered, is_sign, root_of

AT = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


def sign(sensor: str, minute: int = 0, *, top: tuple[str, float] | None = None) -> Sign:
    of_plant = not sensor.split("/")[1].startswith("_")
    member = None if top is None else (top[0], top[0], top[0], top[1])
    return Sign(
        sensor=sensor,
        name=sensor,
        name_zh=sensor,
        began_at=AT + timedelta(minutes=minute),
        of_plant=of_plant,
        top=member,
    )


def test_the_model_names_a_signal_with_most_of_its_number() -> None:
    """Half and more outweighs what began first."""
    root = root_of([sign("p1/current"), sign("_model.p1/_mewma", 2, top=("p1/flow", 0.7))])
    assert root is not None
    assert (root.sensor, root.why, root.share) == ("p1/flow", SHARE, 0.7)


def test_what_both_name_is_said() -> None:
    """The surest there is."""
    root = root_of([sign("p1/flow"), sign("p1/current", 1), sign("_model.p1/_mewma", 2, top=("p1/flow", 0.4))])
    assert root is not None
    assert (root.sensor, root.why) == ("p1/flow", BOTH)


def test_without_a_strong_one_the_first_is_the_root() -> None:
    """A model that blames everything a little blames nothing."""
    root = root_of([sign("p1/current", 3), sign("p1/flow", 1), sign("_model.p1/_mewma", top=("p1/pressure", 0.3))])
    assert root is not None
    assert (root.sensor, root.why, root.share) == ("p1/flow", FIRST, None)


def test_where_nothing_says_nothing_is_said() -> None:
    """Two models that nobody has worked out yet."""
    assert root_of([sign("_model.p1/_mewma"), sign("_model.p1/_knn")]) is None
    assert root_of([]) is None


@given(
    st.permutations([sign("p1/current", 3), sign("p1/flow", 1), sign("_model.p1/_mewma", 2, top=("p1/pressure", 0.6))])
)
def test_the_order_of_rows_changes_nothing(signs: list[Sign]) -> None:
    """A list and a message read them in different orders."""
    root = root_of(signs)
    assert root is not None
    assert root.sensor == "p1/pressure"


@given(st.lists(st.integers(0, 600), min_size=1, max_size=30))
def test_an_incident_is_half_an_hour_from_its_first_alarm(minutes: list[int]) -> None:
    """What begins later is told by itself; each alarm is of exactly one."""
    began = [AT + timedelta(minutes=minute) for minute in minutes]
    numbers = gathered(began)
    for number in set(numbers):
        of = [at for at, its in zip(began, numbers, strict=True) if its == number]
        assert max(of) - min(of) <= A_WHILE
    assert set(numbers) == set(range(max(numbers) + 1))


def test_life_safety_and_silence_are_of_no_incident() -> None:
    """Never folded; and a lost gateway is that of many assets."""
    assert not is_sign("shift", "flow", "life-safety", 3)
    assert not is_sign("stale", "flow", "high", 3)
    assert not is_sign("limit", "flow", "high", 3)
    assert not is_sign("shift", "flow", "high", None)


def test_a_compound_of_physical_limits_is_no_statistic() -> None:
    """It stays with its place, whatever statistics say of the machine it stands on; two statistics that agree are a sign like each of them."""
    assert not is_sign("compound", "_compound.leak", "high", 3)
    assert is_sign("compound", "_compound.drift", "high", 3, of_statistics=True)
    assert not is_sign("compound", "_compound.drift", "life-safety", 3, of_statistics=True)
    assert hazard_of("compound", "_compound.leak", "1", "compound", 7, 12) == "zone 7: other"
    assert hazard_of("compound", "_compound.drift", "1", "compound", 7, 12, True) == "asset 12"


def test_signs_of_one_asset_are_one_hazard_whatever_their_kind() -> None:
    """A model's score, a statistic of a temperature and a stuck flow; a limit stays with its zone and kind."""
    told = {
        hazard_of("limit", "_mewma", "1", "model", 7, 12),
        hazard_of("ewma", "t-1", "Cel", "bearing", 7, 12),
        hazard_of("stuck", "f-1", "m3/h", "flow", 7, 12),
    }
    assert told == {"asset 12"}
    assert hazard_of("limit", "t-1", "Cel", "bearing", 7, 12) == "zone 7: temperature"
    assert hazard_of("stale", "t-1", "Cel", "bearing", 7, 12) == "watching"
    assert hazard_of("stuck", "t-1", "Cel", "bearing", 7) == "watching"
