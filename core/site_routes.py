"""What a site file says of who is told: routes, their steps, and how often a step is repeated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from core.limit_rule import PRIORITIES, Vocabulary
from core.portfolio import HEARS, Portfolio, RouteRow, Step
from core.site_route_waits import wrong_waits
from core.wish import PREFERRED, WISHES, wish_after
from core.yaml_lines import Block

AUDIENCES: Final = ("client", "insurer")
MOST_REPEATS: Final = 20


def read_route(block: Block, portfolio: Portfolio, company: str, site: str, words: Vocabulary) -> None:
    """Adds one route."""
    priorities = []
    for line, word in block.texts("priorities"):
        if word not in PRIORITIES:
            block.reading.mistake(line, f"There is no priority {word}; there are {', '.join(PRIORITIES)}.")
        priorities.append(word)
    audience = block.word("audience", AUDIENCES, default="client")
    hears = _hears(block, audience)
    if not priorities and not block.texts("hears"):
        block.mistake(
            None,
            f"{block.where} has no priorities; name at least one of {', '.join(PRIORITIES)}, or say under `hears` what else it is for.",
        )
    row = RouteRow(
        company=company,
        site=site,
        key=block.key("key"),
        audience=audience,
        priorities=tuple(sorted(set(priorities), key=(*PRIORITIES, *priorities).index)),
        steps=tuple(_steps(block, words)),
        hears=hears,
        line=block.line,
    )
    for line, sentence in wrong_waits(block.where, row.audience, row.priorities, row.steps):
        block.reading.mistake(line, sentence)
    portfolio.routes.append(row)
    block.finish()


def _hears(block: Block, audience: str) -> tuple[str, ...]:
    """What the route carries beside alarms, in a fixed order."""
    known = HEARS.get(audience, HEARS["client"])
    found = set()
    for line, word in block.texts("hears"):
        if word in known:
            found.add(word)
        elif word in HEARS["insurer"]:
            block.reading.mistake(
                line,
                f"{block.where} hears {word}, which is for the insurer's people; take it out, or write `audience: insurer`.",
            )
        else:
            block.reading.mistake(
                line, f"{block.where} hears {word}, which there is not; there are {', '.join(known)}."
            )
    return tuple(word for word in known if word in found)


def _steps(block: Block, words: Vocabulary) -> list[Step]:
    """A step that is repeated becomes as many steps: what goes out is then plain rows, each at its time."""
    steps: list[Step] = []
    before, position = -1.0, 0
    for number, each in enumerate(block.blocks("steps", f"step of {block.where},")):
        after_s = each.number("after_s", default=0.0, least=0.0) or 0.0
        if after_s <= before:
            each.mistake(
                "after_s",
                f"Step {number} of {block.where} comes after {after_s:g} s, the one before it after {before:g} s; steps come in rising order.",
            )
        told = list(_recipients(each, block.where, number, words))
        for more, wait in enumerate(_waits(each)):
            before = after_s + wait
            steps += [
                Step(
                    position=position,
                    after_s=before,
                    person=person,
                    channel=wish_after(channel, more),
                    roster=roster,
                    line=line,
                )
                for person, channel, roster, line in told
            ]
            position += 1
        if not told:
            each.mistake(None, f"Step {number} of {block.where} tells nobody; give it `to` with person and channel.")
        each.finish()
    if not steps:
        block.mistake(None, f"{block.where} has no steps; it needs at least one.")
    return sorted(steps, key=lambda step: (step.position, step.person, step.roster, step.channel))


def _recipients(step: Block, where: str, number: int, words: Vocabulary) -> Iterator[tuple[str, str, str, int]]:
    """Whom a step tells: (person, channel, roster, line)."""
    seen = set()
    for to in step.blocks("to", "recipient"):
        roster = to.text("roster", required=False)
        person = to.text("person", required=not roster)
        channel = to.word("channel", (*words.channels, *WISHES), default=PREFERRED if roster else None)
        if roster and person:
            to.mistake(
                None, f"Step {number} of {where} names both person {person} and roster {roster}; keep one of them."
            )
        elif (person, roster, channel) in seen:
            to.mistake(None, f"Step {number} of {where} tells {person or roster} by {channel} twice; keep one of them.")
        else:
            seen.add((person, roster, channel))
            yield person, channel, roster, to.line
        to.finish()


def _waits(step: Block) -> list[float]:
    """Seconds after the step's own time at which it goes out: at once, and at each repetition."""
    repeat = step.block("repeat", f"repeat of {step.where}", example="{times: 2, every_s: 300}")
    if repeat is None:
        return [0.0]
    times = repeat.number("times", least=1.0) or 1.0
    every_s = repeat.number("every_s", least=10.0) or 10.0
    if times != int(times) or times > MOST_REPEATS:
        repeat.mistake(
            "times", f"times of {repeat.where} is {times:g}; it must be a whole number from 1 to {MOST_REPEATS}."
        )
        times = 1.0
    repeat.finish()
    return [every_s * k for k in range(int(times) + 1)]
