"""Why a model fired, in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from api.store.model_evidence import MemberEvidence, ModelEvidence
from api.words.explanation import explained
from core.i18n import locale_of, translations

NOON = datetime(2026, 3, 1, 4, tzinfo=UTC)


@dataclass(frozen=True)
class Pump:
    asset: str | None = "Pump P1"
    asset_zh: str | None = "1号泵"
    time_zone: str = "Asia/Shanghai"


def member(observed: float, expected: float, unit: str = "m3/h", share: float = 0.9) -> MemberEvidence:
    return MemberEvidence(
        sensor="p1/flow", name="Flow", name_zh="流量", unit=unit, observed=observed, expected=expected, share=share
    )


def said(*members: MemberEvidence, language: str = "en", version: int | None = None) -> list[str]:
    """The sentences for this evidence."""
    trained = (NOON, NOON.replace(hour=8)) if version else (None, None)
    evidence = ModelEvidence(
        version=version, trained_from=trained[0], trained_until=trained[1], window_end=NOON, number=2.5, members=list(members)
    )  # fmt: skip
    return explained(translations(language), evidence, Pump(), language, locale_of(language))


@pytest.mark.parametrize(
    ("observed", "expected", "unit", "english", "chinese"),
    [
        (61.0, 100.0, "m3/h", "Flow is 61 % of what the other signals of Pump P1 lead one to expect: 61 m³/h instead of 100 m³/h.", "流量为按1号泵其他信号推算值的 61 %：应为 100 m³/h，实际为 61 m³/h。"),
        (40.0, 20.0, "Cel", "Flow is 20 °C above what the other signals of Pump P1 lead one to expect: 40 °C instead of 20 °C.", "流量比按1号泵其他信号推算的值高 20 °C：应为 20 °C，实际为 40 °C。"),
        (-1.0, 0.5, "bar", "Flow is 1.5 bar below what the other signals of Pump P1 lead one to expect: -1 bar instead of 0.5 bar.", "流量比按1号泵其他信号推算的值低 1.5 bar：应为 0.5 bar，实际为 -1 bar。"),
        (102.0, 100.0, "m3/h", "Flow is 2 m³/h above what the other signals of Pump P1 lead one to expect: 102 m³/h instead of 100 m³/h.", "流量比按1号泵其他信号推算的值高 2 m³/h：应为 100 m³/h，实际为 102 m³/h。"),
    ],
)  # fmt: skip
def test_a_signal_stands_beside_what_the_others_lead_one_to_expect(
    observed: float, expected: float, unit: str, english: str, chinese: str
) -> None:
    """A share where a share has a meaning; a difference for temperatures, for what has a sign, and for what is nearly right."""
    for language, sentence in (("en", english), ("zh", chinese)):
        told = said(member(observed, expected, unit), language=language)
        assert [line.replace("−", "-") for line in told] == [sentence]


def test_only_what_is_odd_is_named() -> None:
    """Three signals at most, none with a small share; the oddest always, and then which model judged."""
    members = [member(60, 100, share=share) for share in (0.4, 0.3, 0.2, 0.1)]
    assert len(said(*members)) == 3
    assert len(said(members[0], *[member(60, 100, share=0.05)] * 3)) == 1
    assert len(said(*[member(60, 100, share=0.1)] * 4)) == 1
    assert said(members[0], version=3)[-1] == (
        "Judged by model version 3, fitted on normal operation from 2026-03-01 12:00 to 2026-03-01 16:00."
    )


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_is_not_known_is_said(language: str) -> None:
    """Not worked out yet, and never to be worked out, are two sentences, in the reader's language."""
    texts, locale = translations(language), locale_of(language)
    (waiting,) = explained(texts, None, Pump(), language, locale)
    (never,) = said(language=language)
    assert waiting != never
    assert ("is being worked out" in waiting) == (language == "en")
