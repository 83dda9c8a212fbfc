"""How long a route may wait, whoever writes it: a site file, or somebody on its page. Pure.

The numbers are Davy's own. IEC 62682 and ANSI/ISA-18.2 ask that an alarm reaches somebody in time to act and leave the time to the site; NFPA 72
and GB 25506 set times for a station that is staffed. Nobody here has their texts, so none of these is verified against a standard.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Final

from core.portfolio import Step
from core.response_time import TOO_LATE_TO_CALL

LIFE: Final = "life-safety"
# Who sits before the screen may answer first; longer than that, and nobody does.
FIRST_OF_LIFE_S: Final = 60.0
# What is learnt of a quarter of an hour late is the past and calls nobody: the next person is not left in the dark for as long.
WAIT_OF_LIFE_S: Final = TOO_LATE_TO_CALL.total_seconds()
# An alarm that nobody has answered for a day is a finding; a step behind that is one that nobody meets.
LAST_OF_ALARMS_S: Final = 86_400.0
LAST_OF_ALL_S: Final = 30 * 86_400.0
MOST_CALLS: Final = (
    200  # of one route, repeats and recipients counted: an order of magnitude more than any that was seen
)


def wrong_waits(
    where: str, audience: str, priorities: Iterable[str], steps: Iterable[Step]
) -> Iterator[tuple[int, str]]:
    """What is wrong with the times of a route, as (line, sentence)."""
    carried, every = set(priorities), sorted(steps, key=lambda step: step.after_s)
    if not every:
        return
    if len(every) > MOST_CALLS:
        yield every[0].line, f"{where} makes {len(every)} calls, each repeat counted; {MOST_CALLS} is the most."
    for_life = LIFE in carried and audience == "client"
    if for_life and every[0].after_s > FIRST_OF_LIFE_S:
        yield (
            every[0].line,
            f"{where} tells nobody of life safety for {every[0].after_s:g} s; the first step comes after {FIRST_OF_LIFE_S:g} s at most.",
        )
    for before, step in pairwise(every):
        if for_life and step.after_s - before.after_s > WAIT_OF_LIFE_S:
            yield (
                step.line,
                f"{where} tells nobody for {step.after_s - before.after_s:g} s between two steps of life safety; {WAIT_OF_LIFE_S:g} s is the most.",
            )
    last = LAST_OF_ALARMS_S if carried else LAST_OF_ALL_S
    for step in every:
        if step.after_s > last:
            yield (
                step.line,
                f"{where} has a step after {step.after_s:.0f} s, which nobody will ever meet; {last:.0f} s is the most.",
            )
            return
