"""What is built for one set of definitions: decoder, sorter and judge, with the state that is carried from set to set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.batch import NEVER
from core.log import logger
from core.model import DefinitionSet
from ingest.decode import Decoder
from ingest.directory import NO_SLOT, Directory
from ingest.judge import Judge
from ingest.late import Question
from ingest.sorting import Sorter

Columns = dict[str, NDArray[np.generic]]
MOST_TOLD: Final = 20  # definitions that are set aside, by a line of the log each

log = logger(__name__)


@dataclass(slots=True)
class Organs:
    """Everything that changes as a whole when sensors or definitions change."""

    directory: Directory
    decoder: Decoder
    sorter: Sorter
    judge: Judge

    @staticmethod
    def grow(directory: Directory, definitions: DefinitionSet, tolerance_us: int) -> Organs:
        """Organs without a past. Whatever stands among the definitions, they grow: what cannot be judged by is set aside."""
        judge = Judge(directory, definitions)
        for each in judge.set_aside[:MOST_TOLD]:
            log.error(
                "definition_set_aside", site=directory.site_keys.get(each.site_id), definition=each.key, reason=each.why
            )
        if len(judge.set_aside) > MOST_TOLD:
            log.error("further_definitions_set_aside", count=len(judge.set_aside) - MOST_TOLD)
        directory.bound_silences(judge.definitions)
        return Organs(directory, Decoder(directory), Sorter(directory, tolerance_us), judge)

    def ask_late(self, batch_no: int, asof_us: int, now_us: int) -> Question | None:
        """Which averages are to be counted anew, as of batch `batch_no`, the last that was judged; None: none.

        Late readings that are older than every window are let go.

        Args:
            asof_us: that batch's `now`.
        """
        averages = self.judge.averages
        asked, gone = [], []
        for touched in averages.late.due(now_us):
            slot = int(self.directory.slots_of(np.array([touched.sensor_id], np.int32))[0])
            upto_us = NEVER if slot == NO_SLOT else int(self.sorter.marks.judged[slot])
            found = averages.asked(touched, slot, upto_us) if upto_us != NEVER else None
            if found is None:
                gone.append(touched.sensor_id)
            else:
                apart_us = max(touched.shift_us, self._apart_us(slot, found.since_us))
                asked.append(replace(found, touched=replace(found.touched, shift_us=apart_us)))
        averages.late.settle(gone, asof_us)
        return Question(asof_us, batch_no, tuple(asked)) if asked else None

    def _apart_us(self, slot: int, since_us: int) -> int:
        """How far stamps of a sensor's readings on time may be from their judged time: its clock may have been put right since."""
        clock = self.sorter.clocks.of(self.directory.sensors[slot].device_id)
        if clock is None or (clock.wrong_since_us == NEVER and clock.right_since_us < since_us):
            return 0
        return abs(clock.was_us) + self.sorter.clocks.tolerance_us

    def state(self) -> Columns:
        """All memory as columns; what is restored from them goes on bit-equal."""
        return {
            **{f"sorting/{name}": column for name, column in self.sorter.state().items()},
            **{f"judge/{name}": column for name, column in self.judge.state().items()},
        }

    def restore(self, columns: Mapping[str, NDArray[np.generic]]) -> None:
        """Carries state over: after a restart and when definitions change alike."""
        self.sorter.restore(_part(columns, "sorting/"))
        self.judge.restore(_part(columns, "judge/"))


def _part(columns: Mapping[str, NDArray[np.generic]], prefix: str) -> Columns:
    return {name.removeprefix(prefix): column for name, column in columns.items() if name.startswith(prefix)}
