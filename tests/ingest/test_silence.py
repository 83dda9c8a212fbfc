"""One alarm for whatever it is that died, and none for what merely was not heard: sensor, gateway, broker, ingest itself."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ingest.scene import SENSORS, Scene, plant

DIES, BACK = 200, 800
LEARNED = 620  # nothing is learned before ten minutes


def gone(*names: str) -> dict[str, object]:
    """What is called one of these, or stands behind it, says nothing from `DIES` to `BACK`."""
    return {"speaks": lambda name, second: not (name.startswith(names) and DIES <= second < BACK)}


@pytest.mark.parametrize("batch_s", [1, 3])
@pytest.mark.parametrize(("sensor", "within_s"), [("s1", 20), ("s2", 40), ("s3", 360)])
def test_a_dead_sensor_is_one_alarm_by_its_own_period(sensor: str, within_s: int, batch_s: int) -> None:
    """One that speaks each second is missed within a few of them, one that speaks each minute after five minutes. Its neighbours
    are not, nor is its gateway."""
    scene = Scene(plant(), batch_s=batch_s, **gone(f"d1/{sensor}"))  # type: ignore[arg-type]
    scene.play(1200)
    assert scene.called() == [f"d1.{sensor}"]
    assert DIES < scene.begun[0][0] <= DIES + within_s + batch_s
    assert scene.standing() == set()


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("batch_s", [1, 3])
def test_a_dead_gateway_is_one_alarm(batch_s: int, declared: bool) -> None:
    """Within a minute, whether periods are declared or learned; none of its sensors is one, then or when it is back."""
    scene = Scene(
        plant(declared=declared),
        batch_s=batch_s,
        speaks=lambda name, second: not (name.startswith("d2/") and LEARNED <= second < 1220),
    )
    scene.play(2000)
    assert scene.called() == ["gateway.d2"]
    assert LEARNED < scene.begun[0][0] <= LEARNED + 60
    assert scene.standing() == set()


def test_one_slow_sensor_does_not_hide_the_death_of_its_gateway() -> None:
    """Of a sensor of ten minutes the period is declared, of those beside it, that speak each second and each five, none is."""
    periods = {"s1": 1, "s2": 5, "s3": 600}
    scene = Scene(
        plant(declared={"s3"}, periods=periods),
        periods=periods,
        speaks=lambda name, second: not (name.startswith("d2/") and second >= LEARNED),
    )
    scene.play(1000)
    assert scene.called() == ["gateway.d2"]
    assert LEARNED < scene.begun[0][0] <= LEARNED + 60


def test_a_gateway_that_spoke_faster_for_an_hour_may_go_back() -> None:
    """All behind it is declared to speak once a minute: it may be silent for five of those, whatever it did meanwhile."""
    periods = dict.fromkeys(SENSORS, 60)
    scene = Scene(plant(periods=periods), periods=dict.fromkeys(SENSORS, 1))
    scene.play(1000)
    scene.periods = periods
    scene.play(600)
    assert scene.called() == []


@pytest.mark.parametrize("restarts", [(), (DIES + 40,)])
def test_a_dead_gateway_of_slow_sensors_with_a_low_ceiling_is_one_alarm(restarts: tuple[int, ...]) -> None:
    """Five of their periods are more than their ceiling of a minute: the gateway has no more than they, and is told first, even
    where ingest was started anew meanwhile."""
    periods = dict.fromkeys(SENSORS, 30)
    scene = Scene(
        plant(ceiling_s=60.0, periods=periods),
        periods=periods,
        speaks=lambda name, second: not (name.startswith("d2/") and second >= DIES),
    )
    scene.play(600, restarts)
    assert scene.called() == ["gateway.d2"]
    assert DIES < scene.begun[0][0] <= DIES + (75 if not restarts else 115)


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize(("gathers_s", "stagger"), [(30, True), (120, False)])
def test_devices_that_send_many_readings_at_once_are_not_silent_in_between(
    gathers_s: int, stagger: bool, declared: bool
) -> None:
    """Sensors measured each second, whose readings come together so seldom: no alarm from the first message on. One that dies is one
    alarm, and so is a gateway."""
    periods = dict.fromkeys(SENSORS, 1)
    dies = 12 * gathers_s + LEARNED
    scene = Scene(
        plant(declared=declared, periods=periods),
        periods=periods,
        gathers_s=gathers_s,
        staggers=stagger,
        batch_s=3,
        speaks=lambda name, second: not (name.startswith(("d1/s1", "d2/")) and second >= dies),
    )
    scene.play(dies)
    assert scene.called() == []
    scene.play(7 * gathers_s + 40)
    assert sorted(scene.called()) == ["d1.s1", "gateway.d2"]


@pytest.mark.parametrize("returns", [(0, 0, 0), (2, 9, 25)])
def test_a_dead_broker_is_one_alarm(returns: tuple[int, int, int]) -> None:
    """Ten minutes without it; devices that need half a minute to come back are no alarm then."""
    scene = Scene(
        plant(),
        hears=lambda second: not DIES <= second < BACK,
        speaks=lambda name, second: not DIES <= second < BACK + returns[int(name[1]) - 1],
    )
    scene.play(1600)
    assert scene.called() == ["broker"]
    assert scene.standing() == set()


def test_a_gateway_that_died_with_the_broker_is_one_alarm_more() -> None:
    """When the broker is back, not while it is away."""
    scene = Scene(
        plant(),
        hears=lambda second: not DIES <= second < BACK,
        speaks=lambda name, second: second < DIES or (second >= BACK + 5 and not name.startswith("d3/")),
    )
    scene.play(1600)
    assert scene.called() == ["broker", "gateway.d3"]
    assert BACK < scene.begun[1][0] <= BACK + 60


@pytest.mark.parametrize("pause_s", [3, 20, 300])
def test_ingest_that_did_not_run_makes_nobody_silent(pause_s: int) -> None:
    """Stopped and started, or held up by a machine that stood still: what came meanwhile is judged, and no alarm is made of it."""
    for restarts in ((), (DIES - 1,)):
        scene = Scene(plant(), works=lambda second: not DIES <= second < DIES + pause_s)
        scene.play(900, restarts)
        assert scene.called() == []


def test_a_broker_that_hangs_before_it_is_known_to_be_gone() -> None:
    """Connected and mute for 25 s, then ten minutes away: one alarm, and none of anybody's silence at its return."""
    scene = Scene(
        plant(),
        hears=lambda second: not DIES + 25 <= second < BACK,
        speaks=lambda name, second: not DIES <= second < BACK + 4,
    )
    scene.play(1600)
    assert scene.called() == ["broker"]


def test_an_undeclared_plant_is_learned() -> None:
    """Nobody has said how often anything speaks: after ten minutes each is missed by its own period."""
    scene = Scene(plant(declared=False), speaks=lambda name, second: not (name == "d1/s2" and second >= 900))
    scene.play(1200)
    assert scene.called() == ["d1.s2"]
    assert 900 < scene.begun[0][0] <= 950


@settings(max_examples=8)
@given(
    batch_s=st.integers(1, 4),
    restarts=st.sets(st.integers(0, 1000), max_size=3),
    dead=st.sampled_from(("d1/s1", "d1/s3", "d2/", "d3/s2")),
    declared=st.booleans(),
)
def test_the_same_alarms_through_any_split_and_restart(
    batch_s: int, restarts: set[int], dead: str, declared: bool
) -> None:
    """However often ingest turns, and wherever it is started anew: the same alarms; with the same turns, the same bits."""

    def played(every_s: int, at: set[int]) -> Scene:
        scene = Scene(
            plant(declared=declared),
            batch_s=every_s,
            speaks=lambda name, second: not (name.startswith(dead) and second >= 900),
        )
        scene.play(1300, at)
        return scene

    whole, split = played(1, set()), played(batch_s, {second - second % batch_s for second in restarts})
    assert split.called() == whole.called()
    assert len(whole.called()) == 1
