"""`davy detectors refit --check`: makes a version again out of what is stored, and says whether it comes out the same to the bit."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from core.db import connect, transaction
from davy.models.flagged import Flagged, cut
from davy.models.forecasting import KINDS_OF_A_SITE, made_again
from davy.models.judges import MEMORY
from davy.models.origin import digest, made_with
from davy.models.plans import find_plan, find_version
from detectors.models.contract import whole_rows
from detectors.store import models as store
from detectors.store.versions import VersionRow
from detectors.store.windows import means, member_ids, window_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """What came of it.

    Args:
        outcome: equal, differs, changed (the readings are others now), gone (they are not there any more), unknown (of a version
            that kept no digest).
        windows: complete ones now; `windows_then` when it was fitted.
        kinds: by kind whether its parameters came out the same; empty where it was not made again.
        other_libraries: those that have another version now, with both.
    """

    asset: str
    version: int
    outcome: str
    windows: int
    windows_then: int
    kinds: dict[str, bool]
    other_libraries: dict[str, list[str | None]]

    @property
    def is_equal(self) -> bool:
        """Whether it came out the same."""
        return self.outcome == "equal"

    def answer(self) -> dict[str, Any]:
        """For a machine."""
        return asdict(self)

    def lines(self) -> list[str]:
        """For a person."""
        told = {
            "equal": "made again from the same readings, every parameter is the same to the bit.",
            "differs": f"made again from the same readings, these came out otherwise: {', '.join(k for k, same in self.kinds.items() if not same)}.",
            "changed": "the readings of its interval are others now than when it was fitted: some came late, or were sent again.",
            "gone": f"the raw readings of its interval are gone: {self.windows} of {self.windows_then} windows are there. The version itself is kept and goes on judging.",
            "unknown": "it was fitted without a digest of its readings; nothing can be compared.",
        }[self.outcome]
        others = [
            f"{name} was {then}, and is {now} here." for name, (then, now) in sorted(self.other_libraries.items())
        ]
        return [f"{self.asset}, version {self.version}: {told}", *others]


def refit_check(url: str, token: Callable[[], str], *, asset: str, version: int) -> Repeated:
    """Makes a version again, keeps nothing.

    Raises:
        BadInput: no such model or version.
        DatabaseAway: it does not answer.
    """
    connection = connect(url, application="detectors-refit")
    try:
        with transaction(connection, token()):
            plan = find_plan(store.load_plans(connection), asset)
            kept = find_version(connection, plan, version)
            of = kept[0]
            first, last = window_of(of.trained_from, of.window_s), window_of(of.trained_until, of.window_s)
            sensors = member_ids(connection, plan.company_id, of.members)
            rows = means(connection, sensors, first=first, count=last - first, window_s=of.window_s)
    finally:
        connection.close()
    left = cut(rows, [Flagged.of(each) for each in of.cut], first=first, window_s=of.window_s)
    windows, members = int(whole_rows(left).sum()), tuple(of.members)
    kinds: dict[str, bool] = {}
    if of.readings is None:
        outcome = "unknown"
    elif digest(left, members, first=first, window_s=of.window_s) != of.readings:
        outcome = "gone" if windows < of.windows else "changed"
    else:
        for row in (each for each in kept if each.kind in KINDS_OF_A_SITE):
            between = int(of.made_with.get("between", MEMORY))
            made = made_again(row.kind, left, members, row.parameters, window_s=of.window_s, memory=between)
            kinds[row.kind] = json.loads(json.dumps(made)) == row.parameters
        outcome = "equal" if all(kinds.values()) else "differs"
    return Repeated(
        asset=plan.key,
        version=version,
        outcome=outcome,
        windows=windows,
        windows_then=of.windows,
        kinds=kinds,
        other_libraries=_others(of),
    )


def _others(row: VersionRow) -> dict[str, list[str | None]]:
    now = made_with(row.kind, memory=MEMORY)
    then_libraries, now_libraries = row.made_with.get("libraries", {}), now["libraries"]
    found: dict[str, list[str | None]] = {
        name: [then_libraries.get(name), now_libraries.get(name)]
        for name in {*then_libraries, *now_libraries}
        if then_libraries.get(name) != now_libraries.get(name)
    }
    for name in ("python", "machine"):
        if row.made_with.get(name) != now[name]:
            found[name] = [row.made_with.get(name), now[name]]
    return found
