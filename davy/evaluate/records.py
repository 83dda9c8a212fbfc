"""A sensor's own records: in alarm is what is odd, and odder than anything it has been for long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from davy.evaluate.judging import Alarm, Stream, alarms, any_of, numbers
from davy.evaluate.measures import Bool
from detectors.models.aftermath import Aftermath


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A detector's number, measured against the largest it has lately said.

    Args:
        number: the detector; its setpoint is where it stops learning.
        least: what the number must be, however quiet it has been.
        aftermath: what it is measured against.
        off_delay_s: of the alarm.
    """

    number: Alarm
    least: float
    aftermath: Aftermath
    off_delay_s: float


def held(records: Sequence[Record], stream: Stream) -> Bool:
    """At which rows a sensor of the stream is in alarm: bool, shape (rows,).

    Each number is measured against its own largest: what one has lately said is no measure of another, and a single wild reading, after
    which no reading is far, does not cover a mean that leaves.
    """
    found = np.zeros(len(stream.at), bool)
    for record in records:
        said = numbers(stream, record.number) / record.least
        against = np.stack([record.aftermath.numbers(column) for column in said.T], axis=1)
        rule = Alarm(setpoint=1.0, off_delay_s=record.off_delay_s)
        found |= any_of(alarms(Stream(stream.at, against), (rule,)))
    return found
