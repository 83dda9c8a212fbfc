"""Both brokers: who may connect, who may publish and hear what, and what survives."""

from collections.abc import Iterator

import pytest

from davy.servers import Access, Broker, BrokerKind, ServerUnavailable, start_broker
from davy.servers.mosquitto import access_list, password_hash
from davy.servers.processes import accepts_connections, started_at
from tests.conftest import skip_without_server
from tests.servers.clients import WAIT_S, Client

USERS = {"ingest": "reads", "simulator": "publishes", "gateway-1": "one", "gateway-2": "two"}


@pytest.fixture(scope="module", params=["mosquitto", "amqtt"])
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    """Each kind of broker in turn."""
    try:
        running = start_broker(request.param, USERS)
    except ServerUnavailable as error:
        skip_without_server(error)
        raise
    with running:
        yield running


@pytest.mark.broker
def test_refuses_a_wrong_password_and_an_unknown_user(broker: Broker) -> None:
    """Nobody connects without a credential."""
    for user, password in [("gateway-1", "two"), ("nobody", "one"), ("", "")]:
        with Client(broker, user, password) as client:
            assert "authori" in client.answer().lower()


@pytest.mark.broker
def test_a_device_speaks_only_for_itself(broker: Broker) -> None:
    """A device's credential cannot forge another device's readings."""
    with Client(broker, "ingest", "reads") as reader, Client(broker, "gateway-1", "one") as device:
        assert reader.answer() == device.answer() == "Success"
        assert reader.subscribe("davy/v1/#")
        device.publish("davy/v1/plant/gateway-2/readings", b"forged").wait_for_publish(WAIT_S)
        device.publish("davy/v1/plant/gateway-1/readings", b"own").wait_for_publish(WAIT_S)
        assert reader.next_message() == ("davy/v1/plant/gateway-1/readings", b"own")


@pytest.mark.broker
def test_a_device_cannot_listen(broker: Broker) -> None:
    """A device's credential shows nothing of other devices or other companies."""
    with Client(broker, "ingest", "reads") as reader, Client(broker, "gateway-1", "one") as spy:
        assert reader.answer() == spy.answer() == "Success"
        assert reader.subscribe("davy/v1/#")
        spy.subscribe("davy/v1/#")
        with Client(broker, "gateway-2", "two") as device:
            assert device.answer() == "Success"
            device.publish("davy/v1/plant/gateway-2/readings", b"secret").wait_for_publish(WAIT_S)
        assert reader.next_message()[1] == b"secret"
        assert spy.messages.empty()


@pytest.mark.broker
def test_the_simulator_speaks_for_every_device_and_no_further(broker: Broker) -> None:
    """One connection carries a whole simulated plant, below our root only."""
    with Client(broker, "ingest", "reads") as reader, Client(broker, "simulator", "publishes") as plant:
        assert reader.answer() == plant.answer() == "Success"
        assert reader.subscribe("davy/v1/#")
        for topic in ("elsewhere/x", "davy/v1/a/gateway-1/readings", "davy/v1/b/gateway-2/status"):
            plant.publish(topic, b"x").wait_for_publish(WAIT_S)
        assert [reader.next_message()[0] for _ in range(2)] == [
            "davy/v1/a/gateway-1/readings",
            "davy/v1/b/gateway-2/status",
        ]


MODELS = {"ingest": "reads", "simulator": "publishes", "detectors": "scores", "gateway-1": "one"}


@pytest.mark.broker
@pytest.mark.parametrize("kind", ["mosquitto", "amqtt"])
def test_only_the_detectors_publish_scores_and_nothing_else(kind: BrokerKind) -> None:
    """A model's device is nobody's but the detectors process's: not the simulator's, not a device's; and that process forges
    no plant's reading. Until the broker is told of a model, nobody scores."""
    score, plant = "davy/v1/east/_model.p1/readings", "davy/v1/east/gateway-1/readings"
    try:
        running = start_broker(kind, MODELS)
    except ServerUnavailable as error:
        skip_without_server(error)
        raise
    with running as broker, Client(broker, "ingest", "reads") as reader:
        assert reader.answer() == "Success"
        assert reader.subscribe("davy/v1/#")
        with Client(broker, "detectors", "scores") as scorer:
            assert scorer.answer() == "Success"
            scorer.publish(score, b"too early").wait_for_publish(WAIT_S)
        broker.set_models(["east/_model.p1"])
        with (
            Client(broker, "detectors", "scores") as scorer,
            Client(broker, "simulator", "publishes") as simulator,
            Client(broker, "gateway-1", "one") as device,
        ):
            assert scorer.answer() == simulator.answer() == device.answer() == "Success"
            for forger in (simulator, device):
                for topic in (score, score.replace("readings", "status")):
                    forger.publish(topic, b"forged").wait_for_publish(WAIT_S)
            for topic in (plant, "davy/v1/west/_model.p1/readings", "davy/v1/east/_model.p2/readings"):
                scorer.publish(topic, b"forged").wait_for_publish(WAIT_S)
            scorer.publish(score, b"own").wait_for_publish(WAIT_S)
            assert reader.next_message() == (score, b"own")
            simulator.publish(plant, b"plant").wait_for_publish(WAIT_S)
            assert reader.next_message() == (plant, b"plant")
            scorer.subscribe("davy/v1/#")
            device.publish(plant, b"heard by ingest alone").wait_for_publish(WAIT_S)
            assert reader.next_message()[0] == plant
            assert scorer.messages.empty()


@pytest.mark.broker
def test_refuses_a_payload_of_10_mb(broker: Broker) -> None:
    """A 10 MB payload is never delivered, and the broker serves on."""
    with Client(broker, "ingest", "reads") as reader, Client(broker, "gateway-1", "one") as device:
        assert reader.answer() == device.answer() == "Success"
        assert reader.subscribe("davy/v1/#")
        sent = device.publish("davy/v1/plant/gateway-1/readings", bytes(10_000_000))
        if broker.kind == "mosquitto":
            sent.wait_for_publish(WAIT_S)
        else:
            device.disconnected.get(timeout=WAIT_S)
        with Client(broker, "gateway-2", "two") as other:
            assert other.answer() == "Success"
            other.publish("davy/v1/plant/gateway-2/readings", bytes(1_000_000)).wait_for_publish(WAIT_S)
        assert [len(reader.next_message()[1]), reader.messages.empty()] == [1_000_000, True]


@pytest.mark.broker
def test_stops_and_starts_again_on_the_same_port(broker: Broker) -> None:
    """A stopped or killed broker comes back where its clients look for it."""
    port, first = broker.port, broker.pid
    for end in (broker.stop, broker.kill):
        end()
        assert (broker.running, broker.pid, accepts_connections(port)) == (False, 0, False)
        broker.restart()
        assert broker.running
        assert accepts_connections(port)
    assert started_at(first) is None
    with Client(broker, "ingest", "reads") as client:
        assert client.answer() == "Success"


@pytest.mark.broker
def test_new_credentials_take_effect_at_once() -> None:
    """A revoked device is out, a new one is in, without a restart."""
    for kind in ("mosquitto", "amqtt"):
        with (
            start_broker(kind, {"ingest": "reads", "old": "1"}) as broker,
            Client(broker, "ingest", "reads") as reader,
            Client(broker, "old", "1") as revoked,
        ):
            assert reader.answer() == revoked.answer() == "Success"
            assert reader.subscribe("davy/v1/#")
            process = broker.pid
            broker.set_credentials({"ingest": "reads", "new": "2"})
            with Client(broker, "old", "1") as again:
                assert "authori" in again.answer().lower()
            revoked.publish("davy/v1/plant/old/readings", b"revoked")
            with Client(broker, "new", "2") as fresh:
                assert fresh.answer() == "Success"
                fresh.publish("davy/v1/plant/new/readings", b"fresh").wait_for_publish(WAIT_S)
            assert reader.next_message() == ("davy/v1/plant/new/readings", b"fresh")
            assert broker.pid == process


@pytest.mark.broker
def test_mosquitto_keeps_a_session_over_a_stop() -> None:
    """What was acknowledged to a device waits for ingest through an orderly restart of the broker."""
    with start_broker("mosquitto", USERS) as broker:
        with Client(broker, "ingest", "reads", "ingest-1", clean=False) as reader:
            assert reader.answer() == "Success"
            assert reader.subscribe("davy/v1/#")
        with Client(broker, "simulator", "publishes") as plant:
            assert plant.answer() == "Success"
            for number in range(3000):  # mosquitto's own default would drop 2000 of them
                sent = plant.publish("davy/v1/s/d/readings", b"%d" % number)
            sent.wait_for_publish(WAIT_S)
        broker.restart()
        with Client(broker, "ingest", "reads", "ingest-1", clean=False) as reader:
            assert [int(reader.next_message()[1]) for _ in range(3000)] == list(range(3000))


@pytest.mark.broker
def test_mosquitto_tells_ingest_its_figures() -> None:
    """Ingest reads the drop counter; a device does not."""
    with (
        start_broker("mosquitto", USERS) as broker,
        Client(broker, "ingest", "reads") as reader,
        Client(broker, "gateway-1", "one") as device,
    ):
        assert reader.answer() == device.answer() == "Success"
        device.subscribe("$SYS/#")
        assert reader.subscribe("$SYS/broker/publish/messages/dropped")
        assert reader.next_message() == ("$SYS/broker/publish/messages/dropped", b"0")
        assert device.messages.empty()


def test_a_user_name_cannot_widen_a_topic_pattern() -> None:
    """`davy/v1/+/%u/#` holds only while a name has no wildcard and no separator."""
    for name in ("#", "+", "a/b", "", "a\nuser ingest", "x" * 65):
        with pytest.raises(ServerUnavailable, match="cannot be called"):
            Access({name: "x"})


def test_the_access_list_says_who_may_what() -> None:
    """The rights of design section 9 as mosquitto reads them."""
    assert access_list(Access({})).split("\n") == [
        *("user ingest", "topic read davy/v1/#", "topic read $SYS/#", ""),
        *(
            "user simulator",
            "topic deny davy/v1/+/_test/#",
            "topic write davy/v1/#",
            "",
            "pattern write davy/v1/+/%u/#",
            "",
        ),
    ]
    assert access_list(Access({}, publishers=frozenset(), models=frozenset({"east/_model.p1"}))).split("\n") == [
        *("user ingest", "topic read davy/v1/#", "topic read $SYS/#", ""),
        *("user detectors", "topic write davy/v1/east/_model.p1/readings", "", "pattern write davy/v1/+/%u/#", ""),
    ]


def test_a_model_cannot_widen_the_access_list() -> None:
    """What stands in a line of the list is a site and a model's device, and nothing else."""
    for model in ("#", "east/p1", "+/_model.p1", "east/_model.p1/#", "east/_model.p1\nuser x", "_model.p1"):
        with pytest.raises(ServerUnavailable, match="No model can publish as"):
            Access({}, models=frozenset({model}))


def test_passwords_are_not_stored() -> None:
    """The password file holds salted hashes of mosquitto's own kind."""
    first, second = password_hash("secret"), password_hash("secret")
    assert first != second
    assert first.startswith("$7$101$")
    assert "secret" not in first
    assert "secret" not in repr(Access({"ingest": "secret"}))
