"""What readers read: numbers, sentences, curves, raw views, catalogues, vendored files."""

import doctest
import importlib
import math
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.channels import REGISTRY
from alerting.receipts import Stage
from api.chart import LONGEST, POINTS, Window, bucket_seconds, curve, window
from api.raw_view import raw_view
from api.store.readings import Bucket, Loss
from api.words import alarms as wording
from api.words import numbers, sentences
from core.errors import Refused
from core.i18n import translations
from core.sensor_faults import OF_SENSOR
from core.wire_rules import REASONS
from detectors.registry import DETECTORS
from tools import catalogues, vendor

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    "module",
    [
        "words.numbers",
        "words.alarms",
        "chart",
        "raw_view",
        "shelves",
        "words.sentences",
        "words.texts",
        "typed",
        "pages.front",
    ],
)
def test_examples_in_docstrings_hold(module: str) -> None:
    """Examples run."""
    assert doctest.testmod(importlib.import_module(f"api.{module}")).failed == 0


def test_examples_of_numbers_hold() -> None:
    """Pages and messages write numbers and units the same way."""
    assert doctest.testmod(importlib.import_module("core.numbers")).failed == 0


def test_every_text_stands_in_both_catalogues() -> None:
    """No text a user sees is missing, untranslated, fuzzy or left over, in Chinese or English."""
    assert catalogues.faults("api") == []


def test_vendored_files_are_what_the_manifest_says() -> None:
    """What browsers run is what was taken from the registry, byte for byte."""
    assert vendor.differences() == []


def test_rejections_of_the_wire_are_the_ones_we_translate() -> None:
    """A reason added to the wire gets its Chinese sentence here."""
    assert set(sentences.REASONS) == set(REASONS.values())


def test_a_refusal_is_said_in_the_reader_s_language() -> None:
    """The particulars go into the translated sentence."""
    said = sentences.translated(
        translations("zh"),
        str(Refused("There is nothing to acknowledge: the alarm is back to normal but unacknowledged.")),
    )
    assert said == "没有需要确认的内容：该报警当前为“已恢复正常但未确认”。"
    assert sentences.translated(translations("en"), "The alarm is not shelved.") == "The alarm is not shelved."
    assert sentences.translated(translations("zh"), "Something new.") == "系统说明：Something new."


def test_a_rejection_is_said_in_the_reader_s_language() -> None:
    """By its reason, so that one template cannot swallow another's sentence."""
    said = sentences.rejection(
        translations("zh"), "unknown_site", "There is no site nord; import the site or correct the topic."
    )
    assert said == "没有厂区 nord；请导入该厂区或更正主题。"
    assert sentences.rejection(translations("zh"), "no_such_reason", "x is y; z.") == "系统说明：x is y; z."


@dataclass(frozen=True)
class Fired:
    detector: str = "limit"
    direction: str = "high"
    setpoint: float = 40.0
    on_delay_s: float = 0.0
    first_value: float | None = 43.21
    unit: str = "%{LEL}"
    sensor_key: str = "lel-1"
    parameters: dict[str, float] = field(default_factory=dict)


@pytest.mark.parametrize(
    ("fired", "sentence"),
    [
        (Fired(), "Detector 1 read 43.2 %LEL, at or above the limit of 40 %LEL."),
        (Fired(on_delay_s=5), "Detector 1 read 43.2 %LEL, at or above the limit of 40 %LEL for 5 s."),
        (
            Fired(direction="low", unit="%", setpoint=19.5, first_value=18.92),
            "Detector 1 read 18.9 %, at or below the limit of 19.5 %.",
        ),
        (
            Fired(detector="stale", setpoint=60, first_value=61.2),
            (
                "Detector 1 has sent no usable reading for 1 min 1 s; the limit is 1 min. "
                "This is about the sensor itself: until it has been checked, do not rely on it, neither to warn you nor to give the all-clear."
            ),
        ),
        (
            Fired(detector="rate", unit="Cel", setpoint=5, first_value=7.5),
            "Detector 1 changed by 7.5 °C a minute; the limit is 5 °C a minute.",
        ),
        (
            Fired(detector="ewma", unit="Cel", setpoint=6, first_value=7.46),
            "Detector 1 is 7.46 standard deviations away from its own usual level; the limit is 6 standard deviations.",
        ),
        (
            Fired(sensor_key="_mewma", unit="1", setpoint=2, first_value=2.398, on_delay_s=50),
            "Detector 1. They do not run as in normal operation: at most one normal moment in 250 is as odd. It has lasted 50 s.",
        ),
        (
            Fired(sensor_key="_knn", unit="1", setpoint=2, first_value=2.0),
            "Detector 1. Nothing near to this was seen in normal operation: at most one normal moment in 100 is as odd.",
        ),
        (
            Fired(sensor_key="_pca_q", unit="1", setpoint=2, first_value=2.0, on_delay_s=120),
            "Detector 1. They do not go together as in normal operation: at most one normal moment in 100 is as odd. It has lasted 2 min.",
        ),
        (
            Fired(sensor_key="_unseen", unit="1", setpoint=1, first_value=2.0, on_delay_s=300),
            "Detector 1: for 5 min the machine has run in state 2, in which its model has not seen it, so nobody judged whether it runs as usual.",
        ),
        (
            Fired(sensor_key="_drift", unit="1", setpoint=1, first_value=1.0, on_delay_s=10),
            (
                "Detector 1: the machine does not run as it did when its model was fitted, so the model may alarm for what is usual now, "
                "or miss what is not."
            ),
        ),
        (
            Fired(sensor_key="_ahead", unit="kPa", direction="low", setpoint=-25, first_value=-26.5, on_delay_s=18),
            "Detector 1: -26.5 kPa is to be expected, beyond the limit of -25 kPa.",
        ),
        (
            Fired(sensor_key="_missing", unit="1", setpoint=1, first_value=2.0, on_delay_s=300),
            "Detector 1: signals were missing for 5 min, so nobody judged whether it runs as usual.",
        ),
        (
            Fired(sensor_key="_spool", unit="%", setpoint=80, first_value=83.0),
            "83 % of the room is taken in which readings wait while Davy's database is away or slow.",
        ),
        (Fired(sensor_key="_gateway.tf-gas-1"), "Davy lost contact with the device tf-gas-1."),
        (Fired(first_value=None), "Detector 1 read —, at or above the limit of 40 %LEL."),
    ],
)
def test_why_it_fired_is_one_sentence_with_its_numbers(fired: Fired, sentence: str) -> None:
    """What a person asks first."""
    assert wording.why(translations("en"), fired, "Detector 1") == sentence
    assert wording.why(translations("zh"), fired, "探测器") != sentence


@pytest.mark.parametrize("detector", [each for each in DETECTORS if each not in ("limit", "time_to_limit")])
def test_every_detector_says_why_in_words_of_its_own(detector: str) -> None:
    """Both numbers in either language; and of a fault of the sensor that it is one."""
    fired = Fired(detector=detector, unit="Cel", setpoint=3, first_value=7.5)
    said = {language: wording.why(translations(language), fired, "T1") for language in ("en", "zh")}
    assert said["en"] != wording.why(translations("en"), Fired(unit="Cel", setpoint=3, first_value=7.5), "T1")
    assert all("7" in each and "3" in each for each in said.values())  # a time is told in whole seconds
    assert re.search("[a-z]{5}", said["zh"]) is None
    assert ("all-clear" in said["en"]) == (detector in OF_SENSOR)


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_any_number_can_be_shown(value: float) -> None:
    """No value a device can send breaks a page."""
    assert numbers.number(value)
    if math.isfinite(value) and 1e-4 < abs(value) < 1e12:
        shown = float(numbers.number(value).replace(",", ""))
        assert math.isclose(shown, value, rel_tol=0.006)


def _buckets(*seconds: float) -> list[Bucket]:
    return [Bucket(NOW + timedelta(seconds=s), NOW + timedelta(seconds=s), 1.0, 2.0, 1) for s in seconds]


def test_silence_longer_than_three_periods_is_a_gap() -> None:
    """Three missed periods break the line and are shaded; two do not."""
    shown = Window(NOW, NOW + timedelta(seconds=20), 0.001)
    drawn = curve(_buckets(0, 1, 2, 5, 6, 11, 12, 19), [], shown, 1.0)
    at = NOW.timestamp()
    assert drawn.gaps == [(at + 6, at + 11), (at + 12, at + 19)]
    assert [value for value in drawn.low if value is None] == [None, None]
    assert drawn.times == sorted(drawn.times)


def test_known_losses_are_gaps_even_between_readings() -> None:
    """What the device sent and we never got is not a straight line."""
    shown = Window(NOW, NOW + timedelta(seconds=4), 0.001)
    missing = [Loss(NOW + timedelta(seconds=1.2), NOW + timedelta(seconds=1.8), 3)]
    drawn = curve(_buckets(0, 1, 2, 3, 4), missing, shown, 1.0)
    assert drawn.gaps == [(NOW.timestamp() + 1.2, NOW.timestamp() + 1.8)]


def test_no_readings_at_all_is_one_gap() -> None:
    """An empty curve says that nothing is known, not that nothing happened."""
    shown = Window(NOW, NOW + timedelta(hours=1), 3.0)
    drawn = curve([], [], shown, 1.0)
    assert drawn.gaps == [(NOW.timestamp(), (NOW + timedelta(hours=1)).timestamp())]


@given(st.integers(0, 10**7), st.integers(0, 10**7), st.floats(0.1, 3600))
def test_a_window_is_bounded_and_its_curve_too(lasted: int, ago: int, period: float) -> None:
    """However long it lasts, a page draws at most seven days in at most 1,200 stretches."""
    began = NOW - timedelta(seconds=ago)
    shown = window(began, began + timedelta(seconds=lasted), NOW, period)
    length = shown.until - shown.since
    assert timedelta(0) < length <= LONGEST
    width = bucket_seconds(shown.since, shown.until, period)
    assert width == 0.001 or length.total_seconds() / width <= POINTS * 1.001


@given(st.binary(max_size=600), st.integers(0, 10**6))
def test_any_bytes_have_a_raw_view(start: bytes, more: int) -> None:
    """Garbage is shown, never raises, and carries no control or direction character."""
    shown = raw_view(start, len(start) + more)
    assert not any(ord(c) < 0x20 and c not in "\n\t" for c in shown)
    assert not any(c in "\u202a\u202b\u202d\u202e\u2066\u2067\u2068\ufeff" for c in shown)


def test_every_channel_and_every_stage_of_a_message_has_words() -> None:
    """Nobody reads the name of a module on a page."""
    assert set(wording.CHANNELS) == set(REGISTRY)
    chinese = translations("zh")
    for channel in REGISTRY:
        for stage in ("planned", "waiting", "claimed", "sent", "delivered", "failed", "cancelled", *Stage):
            if stage is not Stage.QUEUED:
                said = wording.happened(chinese, "notification", channel, stage)
                assert channel not in said
                assert stage not in said


@pytest.mark.parametrize(
    ("kept", "chinese", "english"),
    [
        ("exercise 12 / 演练 12", "演练 12", "exercise 12"),
        ("roll call 3 / 查岗 3", "查岗 3", "roll call 3"),
        ("delivery test 4 / 送达测试 4", "送达测试 4", "delivery test 4"),
        ("by key 1 during the call", "在语音电话中按 1 确认", "by key 1 during the call"),
        ("by the link of message 7 over apprise", "通过第7号消息（其他服务（Apprise））的链接确认", "by the link of message 7 over Another service (Apprise)"),
        ("sent 3 under an instant that is stored with 2 / 该时刻已存储 2，又报来 3", "该时刻已存储 2，又报来 3", "sent 3 under an instant that is stored with 2"),
        ("误报 / false alarm", "误报 / false alarm", "误报 / false alarm"),
    ],
)  # fmt: skip
def test_what_davy_keeps_in_both_languages_is_read_in_one(kept: str, chinese: str, english: str) -> None:
    """People's own words stay as they wrote them."""
    assert sentences.reason(translations("zh"), kept) == chinese
    assert sentences.reason(translations("en"), kept) == english
