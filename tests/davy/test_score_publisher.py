"""Scores go out when the broker has them; without it they wait."""

from __future__ import annotations

import pytest

from core.errors import BrokerAway
from core.settings import Settings
from davy.models.publisher import ScorePublisher


def test_a_connection_that_breaks_as_a_score_goes_out_is_waited_for() -> None:
    """The moment between the loss of the broker and the news of it: the score is tried again, the process goes on."""
    publisher = ScorePublisher(
        Settings.read({"DAVY_MQTT_USER": "detectors", "DAVY_MQTT_PASSWORD": "publisher-password"})
    )
    publisher._started = True
    publisher._online.set()
    with pytest.raises(BrokerAway, match="takes no message"):
        publisher.publish("davy/v1/a/_model.b/readings", b"{}")
