"""How long a rule's parent has been at it: one episode from its first beginning until it has been quiet for a while. Pure.

A rule silences for a longest time, because a contact may be stuck. One that chatters, or a parent alarm that comes and goes, would
begin that time anew at each beginning and hold its children silent for ever. So the time counts from the first beginning of an
episode, and only quiet ends an episode: for long enough that its children were heard meanwhile, if they had something to say.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

# Ours: long enough for a call to go out and be answered, and shorter than the time between two shifts or two stops of a machine.
QUIET: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Episode:
    """How the parent of a rule stands.

    Args:
        active_since: from when it holds; None: it does not.
        quiet_since: from when it does not; None: it holds, or has not held yet.
        since: from when the rule's longest time counts; None: it has not held yet.
    """

    active_since: datetime | None = None
    quiet_since: datetime | None = None
    since: datetime | None = None

    def begun(self, at: datetime, longest: timedelta) -> Episode:
        """The parent holds from `at` on."""
        goes_on = self.since is not None and self.quiet_since is not None and at - self.quiet_since < quiet(longest)
        return Episode(at, None, self.since if goes_on else at)

    def ended(self, at: datetime) -> Episode:
        """It does not hold any more."""
        return replace(self, active_since=None, quiet_since=at)


def quiet(longest: timedelta) -> timedelta:
    """How long a parent must be quiet for its next beginning to be a new episode.

    >>> quiet(timedelta(hours=24)), quiet(timedelta(minutes=15))
    (datetime.timedelta(seconds=3600), datetime.timedelta(seconds=900))
    """
    return min(QUIET, longest)
