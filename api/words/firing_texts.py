"""The sentences of why something fired, by detector, and what each detector, parameter and note is called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from api.words.texts import later

# Of each detector the sentences in the order in which they are tried, each with what it needs to be known.
_SHARE: Final = later(
    "%(sensor)s is %(percent)s of what is usual for it: %(value)s instead of %(level)s. The number is %(number)s; the limit is %(setpoint)s."
)
_MEAN_SHARE: Final = later(
    "%(sensor)s has come to %(percent)s of what was normal for it: %(mean)s on average instead of %(level)s."
)
_SPIKE: Final = later(
    "%(sensor)s jumped from %(before)s to %(value)s within a few readings; the farthest step before was %(usual_step)s."
)
_STILL: Final = later(
    "%(sensor)s has read %(rest)s %(rests)s times in a row; %(usual_rest)s in a row were the most before."
)
_NOISE: Final = later(
    "%(sensor)s moves by %(rough)s from one reading to the next; %(usual_rough)s was the most while its normal was settled."
)
_QUIET: Final = later(
    "%(sensor)s moves by only %(rough)s from one reading to the next; %(usual_rough)s was the least while its normal was settled."
)
_SHIFT: Final = later(
    "%(sensor)s averages %(mean)s where %(level)s was normal; it was never farther away than %(usual_shift)s."
)
_STALE: Final = later(
    "%(sensor)s has sent nothing usable for %(number)s. Something comes every %(pause)s as a rule; the longest pause before was %(pause_most)s."
)
_ODD: Final = later("%(sensor)s did what only about one of its readings in %(odds)s does, and read %(value)s.")
_CLIPPED: Final = later(
    "%(share)s of the last readings of %(sensor)s are its highest value of late, %(end)s; %(usual_share)s at an end was the most while its normal was settled."
)
_CLIPPED_LOW: Final = later(
    "%(share)s of the last readings of %(sensor)s are its lowest value of late, %(end)s; %(usual_share)s at an end was the most while its normal was settled."
)
_UNUSABLE: Final = later("%(sensor)s sent %(number)s readings in a row that cannot be used.")
SENTENCES: Final[dict[str, tuple[tuple[str, tuple[str, ...]], ...]]] = {
    "limit": (
        (
            later("%(sensor)s read %(number)s, at or above its limit of %(setpoint)s for %(delay)s."),
            ("number", "delay"),
        ),
        (later("%(sensor)s read %(number)s; its limit is %(setpoint)s."), ("number",)),
    ),
    "limit.low": (
        (
            later("%(sensor)s read %(number)s, at or below its limit of %(setpoint)s for %(delay)s."),
            ("number", "delay"),
        ),
        (later("%(sensor)s read %(number)s; its lower limit is %(setpoint)s."), ("number",)),
    ),
    "rate": (
        (
            later("%(sensor)s went from %(before)s to %(value)s within %(window)s, which is %(number)s; the limit is %(setpoint)s."),
            ("before", "value", "window", "number"),
        ),
    ),
    "stuck": ((later("%(sensor)s has stood at %(rest)s for %(number)s without moving."), ("rest", "number")),),
    "stale": ((_STALE, ("number", "pause", "pause_most")),),
    "unusable": ((_UNUSABLE, ("number",)),),
    "outside": (
        (
            later("%(sensor)s read %(value)s; its instrument measures %(low_set)s to %(high_set)s. That is %(number)s of this range beyond the end of it; the limit is %(setpoint)s."),
            ("value", "low_set", "high_set", "number"),
        ),
    ),
    "clipped.above": ((_CLIPPED, ("share", "end", "usual_share")),),
    "clipped.below": ((_CLIPPED_LOW, ("share", "end", "usual_share")),),
    "profile": (
        (
            later("%(sensor)s read %(value)s where about %(level)s is usual at this hour of this weekday, give or take %(spread)s: %(number)s away; the limit is %(setpoint)s."),
            ("value", "level", "spread", "number"),
        ),
        (
            later("%(sensor)s read %(value)s, which is %(number)s away from what is usual at this hour of this weekday; the limit is %(setpoint)s."),
            ("value", "number"),
        ),
    ),
    "drift": (
        (
            later("%(sensor)s read %(value)s and %(other_name)s %(other)s, a difference of %(apart)s; it was %(level)s while it was settled. %(number)s have gathered; the limit is %(setpoint)s."),
            ("value", "other", "other_name", "apart", "level", "number"),
        ),
    ),
    "spike": ((_SPIKE, ("before", "value", "usual_step")),),
    "shift": ((_MEAN_SHARE, ("percent", "mean", "level")), (_SHIFT, ("mean", "level", "usual_shift"))),
    "still": ((_STILL, ("rest", "rests", "usual_rest")),),
    "noise": ((_NOISE, ("rough", "usual_rough")),),
    "noise.low": ((_QUIET, ("rough", "usual_rough")),),
    "ewma.above": (
        (_SHARE, ("percent", "value", "level", "number")),
        (
            later("%(sensor)s read %(value)s where about %(level)s is usual, give or take %(spread)s: %(number)s above."),
            ("value", "level", "spread", "number"),
        ),
    ),
    "ewma.below": (
        (_SHARE, ("percent", "value", "level", "number")),
        (
            later("%(sensor)s read %(value)s where about %(level)s is usual, give or take %(spread)s: %(number)s below."),
            ("value", "level", "spread", "number"),
        ),
    ),
    "cusum.above": (
        (
            later("%(sensor)s has kept above %(level)s since %(since_ms)s, a little each time: %(number)s in all."),
            ("level", "since_ms", "number"),
        ),
    ),
    "cusum.below": (
        (
            later("%(sensor)s has kept below %(level)s since %(since_ms)s, a little each time: %(number)s in all."),
            ("level", "since_ms", "number"),
        ),
    ),
    "odd": ((_ODD, ("odds", "value")),),
    "deviation": (
        (_SHARE, ("percent", "value", "level", "number")),
        (
            later("%(sensor)s read %(value)s where it belongs at %(level)s: %(number)s away."),
            ("value", "level", "number"),
        ),
    ),
    "difference": (
        (
            later("%(sensor)s read %(value)s and %(other_name)s %(other)s: %(number)s apart."),
            ("value", "other", "other_name", "number"),
        ),
    ),
    "time_to_limit": (
        (
            later("%(sensor)s read %(value)s and goes towards %(limit)s by %(slope)s a minute: it would be there in %(number)s."),
            ("value", "limit", "slope", "number"),
        ),
        (later("%(sensor)s read %(value)s and has reached %(limit)s."), ("value", "limit")),
    ),
    "time_over": (
        (
            later("%(sensor)s was at %(level_set)s or above for %(number)s of the last %(window)s; the highest was %(most)s."),
            ("level_set", "number", "window", "most"),
        ),
    ),
    "time_over.below": (
        (
            later("%(sensor)s was at %(level_set)s or below for %(number)s of the last %(window)s; the lowest was %(least)s."),
            ("level_set", "number", "window", "least"),
        ),
    ),
    "exposure": (
        (
            later("%(sensor)s averaged %(number)s at least over the last %(window)s; the limit is %(setpoint)s, the highest in that time was %(most)s."),
            ("number", "window", "most"),
        ),
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tails:
    """What is usual, behind a sentence.

    Args:
        without: sentences that have said it themselves.
    """

    at_most: str
    at_least: str
    between: str
    without: frozenset[str]


TAILS: Final = Tails(
    at_most=later("At most %(most)s is usual here."),
    at_least=later("At least %(most)s is usual here."),
    between=later("Usual here is %(low)s to %(high)s."),
    without=frozenset(
        {_STALE, _SPIKE, _STILL, _NOISE, _QUIET, _SHIFT, _MEAN_SHARE, _ODD, _UNUSABLE, _CLIPPED, _CLIPPED_LOW}
    ),
)

MODEL: Final = "model"  # of a number that a model gives, whatever detector its limit has
PURPOSE_TEXTS: Final = {
    MODEL: later(
        "A model judges several signals of one machine together, by how they go together in normal operation. It adds alarms and never silences one."
    ),
    "limit": later("Compares the value itself with a limit. Nothing delays or silences it."),
    "rate": later("Watches how fast the value moves over a window of time."),
    "stuck": later("Watches for a value that does not move at all: a sensor that was cut off, frozen or simulated."),
    "stale": later("Watches for a sensor that sends nothing usable any more."),
    "unusable": later("Counts readings that come and cannot be used, such as those of a cut cable."),
    "outside": later("Watches for values that the instrument cannot measure: a broken or a shorted wire."),
    "clipped": later("Watches for readings that pile up at one end, as if something held them back there."),
    "profile": later("Compares the value with what this hour of this weekday usually gives, by the clock of the site."),
    "drift": later("Watches two sensors that used to keep their distance, and gathers what slowly departs from it."),
    "spike": later("Watches for jumps that the process cannot make: a bad contact, interference."),
    "shift": later("Watches for a mean that has left the place where it used to be: a bias, a drift, a leak."),
    "still": later("Watches for a signal that rests longer than it ever does by nature."),
    "noise": later("Watches for a signal that has become rougher, or smoother, than it was."),
    "ewma": later(
        "Compares the value with what this sensor has lately been like; what it alarms on it does not learn."
    ),
    "cusum": later("Gathers small departures from a settled level, so that a slow drift is seen."),
    "odd": later("Watches for readings that are rare among all that this sensor has done."),
    "deviation": later("Watches how far the value lies from where it belongs."),
    "difference": later("Compares two sensors that should say the same, or differ by what is known."),
    "time_to_limit": later("Foretells when the value reaches its limit if it goes on as it does."),
    "time_over": later("Adds up the time in which the value was beyond a level."),
    "exposure": later("Forms the average over a window, as limits of exposure ask for."),
    "compound": later("Counts conditions that mean more together than alone."),
    "": later("Turns readings into a number that is compared with a limit."),
}
PROBLEM_TEXTS: Final = {
    "simulated": later("Cannot be shown: the demo's history made this occurrence up, and there never were readings."),
    "no_readings": later("Cannot be shown: the readings of that time are not there, or not any more."),
    "of_conditions": later(
        "Its number is a count of conditions; which they were stands on the page of the occurrence."
    ),
    "unknown_detector": later("Cannot be shown: the detector that raised it is not in this version of Davy."),
    "failed": later("Cannot be shown: the detector could not be played over these readings."),
}
NOTE_TEXTS: Final = {
    "differs": later("Played again, the number comes out as %(played)s; recorded at the time was %(recorded)s. What was recorded counts."),
    "cut_off": later("What the detector had learned from earlier readings is not in this: they are not read, or not there any more."),
    "uncertain": later("The limit has been changed since; which of its settings held then is not known for certain."),
    "by_stamp": later("Drawn by the readings' own stamps. What counts is when they were heard, and time in which Davy itself was away is left out."),
    "late": later("The readings that raised it came late, behind newer ones."),
    "unplayed": later("From the readings that are read back the number does not come out again, as where a detector has learned for longer than that. What was recorded counts."),
    "forgotten": later("The readings drawn here are no longer kept; the number, what was in force and what was usual stay."),
}  # fmt: skip
OF_SENSOR_TEXT: Final = later(
    "This is about the sensor itself: until it has been checked, do not rely on it, neither to warn you nor to give the all-clear."
)
# By name; what one detector means by it alone, as `detector.name`.
PARAMETER_TEXTS: Final = {
    "window_s": later("Window looked at"),
    "tolerance": later("Smallest move that counts"),
    "periods": later("Own periods it may be silent"),
    "period_s": later("Declared period"),
    "ceiling_s": later("Longest silence allowed"),
    "warm_up": later("Readings to settle on"),
    "floor": later("Smallest spread or size believed"),
    "renew_s": later("Settled anew after"),
    "memory": later("Readings remembered"),
    "memory_s": later("Memory"),
    "relearn_s": later("Learns anew after so long beyond"),
    "back": later("Beyond until below this share of the setpoint"),
    "slack": later("Departure that gathers nothing (standard deviations)"),
    "clip": later("Most that one reading counts (standard deviations)"),
    "reference": later("Where it belongs"),
    "signed": later("With sign (1) or without (0)"),
    "hold_s": later("A reading stands for"),
    "limit": later("Limit it must not reach"),
    "falling": later("Reached from above (1) or from below (0)"),
    "level": later("Level whose time counts"),
    "below": later("At or below (1) or at or above (0)"),
    "known_share": later("Share of the window that must be known"),
    "weeks": later("Weeks heard before it says anything"),
    "profile.memory": later("Weeks remembered"),
    "relearn": later("Learns anew after so many weeks beyond"),
    "own": later("Only its own departure counts (1) or that of either (0)"),
    "mean_s": later("Means are taken over"),
    "drift.warm_up": later("Means to settle on"),
    "low": later("Least that the instrument measures"),
    "high": later("Most that the instrument measures"),
}
