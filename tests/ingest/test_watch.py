"""Numbers of virtual sensors: lost messages, a broker that is away, gateways that are gone or silent."""

from __future__ import annotations

from dataclasses import replace

from ingest.decode import Decoder
from ingest.directory import DeviceRow, Directory
from ingest.sorting import Sorter
from ingest.source import Lot, SourceReport
from ingest.watch import AGAIN_US, AWAY_US, BACK_US, GRACE_US, LATELY_US, Watch
from tests.ingest.plant import START_US, device_row, message, payload, sensor

SECOND = 1_000_000
BROKER, GATEWAY = 1, 2  # slots
LONG_AGO = START_US - 3600 * SECOND


def plant() -> Directory:
    """One device, the `_broker` of its site and its `_gateway`."""
    row = device_row(1)
    own = DeviceRow(device_id=9, company_id=1, site_id=1, site_key="north", key="_davy.north")
    return Directory(
        1,
        [row, own],
        [
            sensor(1, row, "s1"),
            sensor(2, own, "_broker", is_virtual=True),
            sensor(3, own, "_gateway.d1", is_virtual=True),
        ],
    )


class Scene:
    """A watch, a sorter and a clock that the test moves."""

    def __init__(self, known_session: bool = False, directory: Directory | None = None) -> None:
        self.directory = directory or plant()
        self.sorter = Sorter(self.directory, 5 * SECOND)
        self.watch = Watch(self.directory, watched_us=0, known_session=known_session, most=100)
        self.now = START_US

    def hear(self, *seqs: int, after_s: float = 1.0, device: str = "d1", sensor: str = "s1") -> None:
        """Messages of d1."""
        self.now += int(after_s * SECOND)
        lot = [message(device, payload(seq, self.now, [{"s": sensor, "v": 1}]), self.now) for seq in seqs]
        decoded = Decoder(self.directory).decode(lot)
        self.sorter.sort(decoded, self.now)
        self.watch.heard(decoded)

    def status(self, online: bool) -> None:
        """What the broker keeps of d1."""
        body = b'{"online": true}' if online else b'{"online": false}'
        self.watch.heard(Decoder(self.directory).decode([message("d1", body, self.now, kind="status", retained=True)]))

    def news(self, after_s: float = 1.0, **report: object) -> dict[int, float]:
        """What is said after so long; connected since long ago unless told otherwise."""
        self.now += int(after_s * SECOND)
        told: dict[str, object] = {"connected": True, "since_us": LONG_AGO, "first_session_present": True, **report}
        known = SourceReport(**told)  # type: ignore[arg-type]
        self.watch.tick(known, Lot(), self.now)
        return dict(self.watch.news(self.sorter, known, self.now))


def test_lost_messages_are_counted_within_a_minute_and_for_a_while() -> None:
    """A gap counts once it has stood for its grace, until the loss is no longer news; a resend takes it back."""
    scene = Scene()
    scene.hear(1, 5)
    assert scene.news()[BROKER] == 0.0
    assert GRACE_US < 60 * SECOND - 2 * AWAY_US
    assert scene.news(GRACE_US / SECOND)[BROKER] == 3.0
    assert scene.watch.missing == 3
    scene.hear(2)
    assert scene.news()[BROKER] == 2.0
    scene.hear(6, 7, after_s=LATELY_US / SECOND)
    assert scene.news()[BROKER] == 0.0


def test_what_the_broker_dropped_is_counted_from_where_we_knew() -> None:
    """The first figure is a baseline; a counter that went back is a broker that counts anew."""
    scene = Scene()
    assert scene.news(dropped=7)[BROKER] == 0.0
    assert scene.news(dropped=10)[BROKER] == 3.0
    assert scene.news(dropped=2)[BROKER] == 5.0
    restored = Scene()
    restored.watch.restore(scene.watch.state())
    assert restored.news(dropped=12)[BROKER] == 15.0


def test_a_session_the_broker_forgot_is_a_loss() -> None:
    """At our start where we had one before, and at any reconnect."""
    assert Scene(known_session=True).news(first_session_present=False)[BROKER] == 1.0
    assert Scene(known_session=False).news(first_session_present=False)[BROKER] == 0.0
    scene = Scene(known_session=True)
    assert scene.news()[BROKER] == 0.0
    assert scene.news(sessions_lost=1)[BROKER] == 1.0


def test_a_broker_that_is_away_is_news() -> None:
    """After ten seconds; it is over when the session stands again."""
    scene = Scene()
    scene.news()
    away = {"connected": False, "since_us": scene.now}
    assert scene.news(5.0, **away) == {}
    assert scene.news(6.0, **away)[BROKER] == 1.0
    assert scene.news()[BROKER] == 0.0


def test_a_gateway_is_gone_by_its_last_will() -> None:
    """As soon as the broker has outlived it; and back with its birth or with its first message."""
    scene = Scene()
    assert GATEWAY not in scene.news()
    scene.status(online=True)
    assert scene.news()[GATEWAY] == 0.0
    scene.status(online=False)
    assert scene.news()[GATEWAY] == 1.0
    scene.hear(0)
    assert scene.news()[GATEWAY] == 0.0


def test_a_silent_gateway_is_noticed_but_not_while_we_are_deaf() -> None:
    """Silence counts only while ingest is connected and caught up."""
    scene = Scene()
    scene.hear(0)
    assert scene.news()[GATEWAY] == 0.0
    for _ in range(10):
        assert scene.news(60.0, connected=False, since_us=scene.now).get(GATEWAY, 0.0) == 0.0
    scene.news(since_us=scene.now)
    assert scene.news(20.0).get(GATEWAY, 0.0) == 0.0
    assert scene.news(20.0)[GATEWAY] == 1.0


def test_a_number_is_said_again_every_minute() -> None:
    """So that a chart of it has no holes; in between only changes are said."""
    scene = Scene()
    assert scene.news() == {BROKER: 0.0}
    assert scene.news(10.0) == {}
    assert BROKER in scene.news(AGAIN_US / SECOND)


def test_another_directory_keeps_what_was_known() -> None:
    """When definitions change, statuses and silences go on."""
    scene = Scene()
    scene.status(online=False)
    scene.watch.carry(plant())
    assert scene.news()[GATEWAY] == 1.0


def connected(**told: object) -> SourceReport:
    """A session that has stood since the start."""
    fields: dict[str, object] = {"connected": True, "since_us": START_US, "first_session_present": True, **told}
    return SourceReport(**fields)  # type: ignore[arg-type]


def test_time_is_not_watched_while_older_messages_still_wait() -> None:
    """A lot cut off by its bytes leaves messages behind that were there long ago: who sent them is not silent."""
    watch = Watch(plant(), watched_us=0, known_session=True, most=100)
    watch.tick(connected(), Lot(), START_US + SECOND)
    long_ago = START_US + 2 * SECOND
    watch.tick(connected(waiting=5, oldest_us=long_ago), Lot(), START_US + 60 * SECOND)
    assert watch.watched_us == 0
    watch.tick(connected(waiting=5, oldest_us=START_US + 61 * SECOND), Lot(), START_US + 61 * SECOND)
    assert watch.watched_us == SECOND


def test_a_stretch_in_which_nobody_looked_is_not_watched() -> None:
    """A commit that took minutes, a machine that slept, a clock that was set: none of it is silence of a sensor."""
    watch = Watch(plant(), watched_us=0, known_session=True, most=100, longest_us=5 * SECOND)
    for at_s in (1, 2, 3602, 3603):
        watch.tick(connected(), Lot(), START_US + at_s * SECOND)
    assert watch.watched_us == 2 * SECOND


def test_where_watching_begins_and_ends_is_told() -> None:
    """There the judge takes a turn, so that unwatched time is left out where it lay."""
    watch = Watch(plant(), watched_us=0, known_session=True, most=100)
    away = SourceReport(connected=False, since_us=START_US + 3 * SECOND)
    turned = []
    for at_s, report in ((1, connected()), (2, connected()), (3, away), (4, away), (5, connected()), (6, connected())):
        watch.tick(report, Lot(), START_US + at_s * SECOND)
        turned.append(watch.turned)
    assert turned == [False, True, True, False, True, False]


def test_what_a_device_says_after_its_last_will_counts() -> None:
    """A will and a later message in one lot: the device is there."""
    scene = Scene()
    scene.now += SECOND
    gone = message("d1", b'{"online": false}', scene.now, kind="status")
    speaks = message("d1", payload(0, scene.now, [{"s": "s1", "v": 1}]), scene.now + 1)
    scene.watch.heard(Decoder(scene.directory).decode([gone, speaks]))
    assert scene.news()[GATEWAY] == 0.0
    scene.watch.heard(
        Decoder(scene.directory).decode(
            [speaks._replace(received_us=scene.now), gone._replace(received_us=scene.now + 1)]
        )
    )
    assert scene.news(1.1)[GATEWAY] == 1.0


def test_last_wills_of_a_broker_that_stops_are_not_believed() -> None:
    """They come just before it goes, or with its return; who comes back within half a minute was never gone."""
    scene = Scene()
    scene.hear(0)
    assert scene.news()[GATEWAY] == 0.0
    scene.status(online=False)
    away = {"connected": False, "since_us": scene.now}
    assert GATEWAY not in {k for _ in range(40) for k, v in scene.news(**away).items() if v}
    back = {"since_us": scene.now}
    scene.status(online=False)  # from its queue, and as what it retained
    assert [scene.news(5.0, **back).get(GATEWAY, 0.0) for _ in range(5)] == [0.0] * 5
    scene.hear(1)
    assert [scene.news(5.0, **back).get(GATEWAY, 0.0) for _ in range(4)] == [0.0] * 4


def test_who_does_not_come_back_to_the_broker_is_gone() -> None:
    """Half a minute after the broker's return its last will is believed, however seldom it speaks."""
    scene = Scene()
    scene.hear(0)
    scene.status(online=False)
    away = {"connected": False, "since_us": scene.now}
    assert scene.news(60.0, **away)[GATEWAY] == 0.0
    back = {"since_us": scene.now}
    assert scene.news(BACK_US / SECOND - 1.0, **back).get(GATEWAY, 0.0) == 0.0
    assert scene.news(1.0, **back)[GATEWAY] == 1.0


def test_who_was_gone_before_the_broker_stays_gone() -> None:
    """The loss of the broker ends no gateway's alarm."""
    scene = Scene()
    scene.status(online=False)
    assert scene.news()[GATEWAY] == 1.0
    away = {"connected": False, "since_us": scene.now}
    assert scene.news(AGAIN_US / SECOND, **away)[GATEWAY] == 1.0
    back = {"since_us": scene.now}
    scene.status(online=False)
    assert scene.news(AGAIN_US / SECOND, **back)[GATEWAY] == 1.0


MODELS = 2  # slot


def plant_with_models() -> Directory:
    """Two models of one site, of windows of 10 s, and what is said of them together."""
    own = DeviceRow(device_id=9, company_id=1, site_id=1, site_key="north", key="_davy.north")
    first, second = (replace(device_row(n), key=f"_model.p{n}") for n in (1, 2))
    scores = [sensor(n, row, "_mewma", is_virtual=True, period_s=10.0) for n, row in ((1, first), (2, second))]
    return Directory(1, [first, second, own], [*scores, sensor(3, own, "_models", is_virtual=True)])


def score(scene: Scene, seq: int, *models: str, after_s: float = 1.0) -> None:
    for model in models:
        scene.hear(seq, after_s=after_s, device=f"_model.{model}", sensor="_mewma")
        after_s = 0.0


def test_models_that_fall_silent_are_one_number_of_their_site() -> None:
    """Five windows without a score: how many are silent; none when all speak again."""
    scene = Scene(directory=plant_with_models())
    score(scene, 0, "p1", "p2")
    assert scene.news() == {MODELS: 0.0}
    assert scene.news(48.0) == {}
    assert scene.news(3.0) == {MODELS: 2.0}
    score(scene, 1, "p1")
    assert scene.news() == {MODELS: 1.0}
    score(scene, 1, "p2")
    assert scene.news() == {MODELS: 0.0}


def test_a_model_that_was_never_fitted_is_not_missed() -> None:
    """Nothing is said of models nobody has fitted, and only those that have judged are counted."""
    scene = Scene(directory=plant_with_models())
    assert [scene.news(60.0) for _ in range(5)] == [{}] * 5
    score(scene, 0, "p1")
    assert scene.news() == {MODELS: 0.0}
    assert scene.news(60.0) == {MODELS: 1.0}


def test_silence_of_models_counts_only_while_ingest_hears() -> None:
    """Neither a broker that is away nor a start of ingest makes them silent; and a start ends no silence by itself."""
    scene = Scene(directory=plant_with_models())
    score(scene, 0, "p1", "p2")
    scene.news()
    for _ in range(10):
        assert scene.news(60.0, connected=False, since_us=scene.now).get(MODELS, 0.0) == 0.0
    again = Scene(directory=scene.directory)
    again.now, again.sorter = scene.now, scene.sorter
    assert again.news() == {}
    score(again, 1, "p1")
    assert again.news(2.0) == {}  # p2 may speak yet
    assert again.news(60.0)[MODELS] == 2.0


def test_wrong_clocks_of_a_site_are_counted_until_they_are_right() -> None:
    """`_clocks` is how many devices are out of tolerance: the alarm that names them is the page's."""
    row, own = device_row(1), DeviceRow(device_id=9, company_id=1, site_id=1, site_key="north", key="_davy.north")
    directory = Directory(1, [row, own], [sensor(1, row, "s1"), sensor(2, own, "_clocks", is_virtual=True)])
    scene = Scene(directory=directory)
    said = []
    for seq, off_s in enumerate((0, 8 * 3600, 8 * 3600, 0)):
        scene.now += SECOND
        body = payload(seq, scene.now + off_s * SECOND, [{"s": "s1", "v": 1}])
        scene.sorter.sort(Decoder(directory).decode([message("d1", body, scene.now)]), scene.now)
        said.append(scene.news().get(1))
    assert said == [0.0, 1.0, None, 0.0]


def undeclared(period_declared: bool = False) -> Directory:
    """The plant, and nobody has said how often its device speaks."""
    made = plant()
    sensors = [replace(s, period_declared=period_declared) if s.key == "s1" else s for s in made.sensors]
    return Directory(2, [device.row for device in made.devices], sensors)


def test_a_device_of_which_nobody_has_said_how_often_it_speaks_is_learned() -> None:
    """Every hour: not gone in between; every five seconds for ten minutes: gone after half a minute; known also after a restart and a new directory."""
    scene = Scene(directory=undeclared())
    for seq in range(130):
        scene.hear(seq, after_s=5.0)
        scene.news(0.0)
    restarted = Watch(scene.directory, watched_us=scene.watch.watched_us, known_session=True, most=100)
    restarted.restore(scene.watch.state())
    restarted.carry(undeclared())
    for watch in (scene.watch, restarted):
        later = Scene(directory=scene.directory)
        later.watch, later.sorter, later.now = watch, scene.sorter, scene.now
        later.hear(200, after_s=1.0)
        assert later.news().get(GATEWAY, 0.0) == 0.0
        assert later.news(28.0).get(GATEWAY, 0.0) == 0.0
        assert later.news(5.0)[GATEWAY] == 1.0
    hourly = Scene(directory=undeclared())
    for seq in range(12):
        hourly.hear(seq, after_s=0.0)
        assert hourly.news(3600.0)[GATEWAY] == 0.0
    assert hourly.news(3601.0)[GATEWAY] == 1.0
