"""`davy detectors explain`: why one occurrence began, as the page tells it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import msgspec

from api.store.model_evidence import MemberEvidence
from api.words.firing import Telling
from api.words.numbers import quantity
from core.db import connect, transaction
from core.errors import BadInput
from core.i18n import locale_of, translations
from davy.explain import store
from davy.explain.store import Subject
from davy.explain.working import explain
from detectors.why.told import Firing, as_told


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is said of one occurrence.

    Args:
        kept: it was worked out when it began; else just now.
    """

    occurrence_id: int
    subject: Subject
    firing: Firing
    kept: bool
    language: str

    @property
    def telling(self) -> Telling:
        """In the language that was asked for."""
        about = self.subject
        names = (about.sensor_name, about.other_name)
        if self.language == "zh":
            names = (about.sensor_name_zh, about.other_name_zh)
        return Telling(translations(self.language), self.firing, about, names, locale_of(self.language))

    @property
    def members(self) -> list[MemberEvidence]:
        """What each signal adds, of a model's number."""
        return [MemberEvidence(**member) for member in self.subject.members or []]

    def answer(self) -> dict[str, Any]:
        """For a machine."""
        telling = self.telling
        return {
            "occurrence": self.occurrence_id,
            "definition": self.subject.definition_key,
            "sensor": self.subject.sensor,
            "sentence": telling.said(),
            "purpose": telling.purpose(),
            "kept": self.kept,
            "contributions": [
                {"sensor": m.sensor, "share": m.share, "observed": m.observed, "expected": m.expected}
                for m in self.members
            ],
            **msgspec.to_builtins(self.firing),
        }

    def lines(self) -> list[str]:
        """For a person."""
        telling, firing, judged = self.telling, self.firing, self.firing.judged
        sign = "<=" if judged.direction == "low" else ">="
        window = f"{firing.looked_s:.6g} s" if firing.looked_s else "the reading itself"
        lines = [
            f"{self.subject.title_zh if self.language == 'zh' else self.subject.title} ({self.subject.definition_key} on {self.subject.sensor})",
            telling.said(),
            f"detector: {judged.detector}: {telling.purpose()}",
            f"number: {telling.number(firing.recorded)}, limit {sign} {telling.number(judged.setpoint)}, at {telling.at(firing.at_ms)}",
            f"in force: version {judged.version}, deadband {judged.deadband:g}, votes {judged.votes} of {judged.votes_of}",
            f"delays: {judged.on_delay_s:g} s to begin, {judged.off_delay_s:g} s to end",
            f"settings: {', '.join(f'{name} = {value:g}' for name, value in judged.parameters.items()) or 'none'}",
            f"looked at: {window}",
            f"usual before: {telling.usual()}",
        ]
        if firing.played is not None and firing.played_from_ms is not None:
            lines.append(
                f"played again: {telling.number(firing.played)}, over {firing.readings} readings since {telling.at(firing.played_from_ms)}"
            )
        lines += [
            f"{100 * m.share:.0f} % of it lies in {m.name}: {quantity(m.observed, m.unit)}, expected {quantity(m.expected, m.unit)}"
            for m in self.members
        ]
        return [line for line in [*lines, telling.problem() or "", *telling.notes()] if line]


def run(
    url: str, token: Callable[[], str], occurrence_id: int, *, again: bool = False, language: str = "en"
) -> Explanation:
    """What was kept of it, or what its readings say now.

    Args:
        url: the database, as alerting.
        again: the readings, whatever was kept; nothing is written.

    Raises:
        DatabaseAway: it does not answer.
        BadInput: no such occurrence, or an exercise.
    """
    with closing(connect(url, application="detectors-explain")) as connection, transaction(connection, token()):
        case, subject = store.find_case(connection, occurrence_id), store.find_subject(connection, occurrence_id)
        if case is None or subject is None:
            raise BadInput(f"There is no occurrence {occurrence_id}; its number stands in the address of its page.")
        if case.exercise:
            raise BadInput(f"Occurrence {occurrence_id} is an exercise: no reading began it.")
        found = None if again else store.find_kept(connection, occurrence_id)
        firing = explain(connection, case) if found is None else as_told(*found)
    return Explanation(occurrence_id, subject, firing, found is not None, language)


def read_number(text: str) -> int:
    """The number of an occurrence, as people copy it from an address.

    >>> read_number("17"), read_number("https://davy.example/occurrences/17/why")
    (17, 17)

    Raises:
        BadInput: it holds none.
    """
    parts = [part for part in text.strip().split("/") if part.isascii() and part.isdigit() and len(part) <= 18]
    if not parts:
        raise BadInput(f"{text} is no number of an occurrence; it stands in the address of its page, such as 17.")
    return int(parts[-1])
