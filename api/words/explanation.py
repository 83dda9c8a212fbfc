"""Why a model fired, in sentences: each odd signal beside what the others led one to expect. Pure."""

from __future__ import annotations

from datetime import datetime
from gettext import NullTranslations
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from api.store.model_evidence import MemberEvidence, ModelEvidence
from api.words.numbers import number, quantity

MOST: Final = 3  # signals that are told; the others follow from them
LEAST_SHARE: Final = 0.15  # of the oddness; below it a signal is not worth naming
NO_RATIO: Final = frozenset({"Cel", "[degF]"})  # 40 °C is not twice 20 °C
RATIOS: Final = (0.1, 5.0)  # beyond these a share of the expectation says less than the two numbers
LIKE: Final = 0.03  # so near to the expectation a percentage says nothing


class Machine(Protocol):
    """What is told of the machine: its asset's names and its site's zone."""

    @property
    def asset(self) -> str | None: ...
    @property
    def asset_zh(self) -> str | None: ...
    @property
    def time_zone(self) -> str: ...


def explained(
    texts: NullTranslations, evidence: ModelEvidence | None, machine: Machine, language: str, locale: str
) -> list[str]:
    """The sentences, the oddest signal first; the last says which model judged.

    Args:
        evidence: None: nobody has worked it out yet.
    """
    _ = texts.gettext
    if evidence is None:
        return [_("Which signals differ is being worked out; it will stand here within a minute.")]
    name = (machine.asset_zh if language == "zh" else machine.asset) or ""
    told = [member for member in evidence.members[:MOST] if member.share >= LEAST_SHARE] or evidence.members[:1]
    sentences = [_of_member(texts, member, name, language, locale) for member in told]
    if not sentences:
        sentences = [_("Which signals differ cannot be worked out: readings of that time are missing.")]
    if evidence.version is not None and evidence.trained_from is not None and evidence.trained_until is not None:
        words = {
            "version": evidence.version,
            "since": _day(evidence.trained_from, machine.time_zone),
            "until": _day(evidence.trained_until, machine.time_zone),
        }
        sentences.append(_("Judged by model version %(version)s, fitted on normal operation from %(since)s to %(until)s.") % words)  # fmt: skip
    return sentences


def _of_member(texts: NullTranslations, member: MemberEvidence, machine: str, language: str, locale: str) -> str:
    _ = texts.gettext
    words = {
        "member": member.name_zh if language == "zh" else member.name,
        "machine": machine,
        "observed": quantity(member.observed, member.unit, locale),
        "expected": quantity(member.expected, member.unit, locale),
    }
    ratio = member.observed / member.expected if member.expected > 0 else 0.0
    if member.unit not in NO_RATIO and RATIOS[0] <= ratio <= RATIOS[1] and abs(ratio - 1.0) > LIKE:
        words["percent"] = f"{number(round(100 * ratio), locale)} %"
        return (
            _("%(member)s is %(percent)s of what the other signals of %(machine)s lead one to expect: %(observed)s instead of %(expected)s.")
            % words
        )  # fmt: skip
    words["difference"] = quantity(abs(member.observed - member.expected), member.unit, locale)
    if member.observed >= member.expected:
        return (
            _("%(member)s is %(difference)s above what the other signals of %(machine)s lead one to expect: %(observed)s instead of %(expected)s.")
            % words
        )  # fmt: skip
    return (
        _("%(member)s is %(difference)s below what the other signals of %(machine)s lead one to expect: %(observed)s instead of %(expected)s.")
        % words
    )  # fmt: skip


def _day(at: datetime, zone: str) -> str:
    return at.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")
