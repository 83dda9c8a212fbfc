"""What is built for one set of definitions: decoder, sorter and judge, with the state that is carried from set to set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.model import DefinitionSet
from ingest.decode import Decoder
from ingest.directory import Directory
from ingest.judge import Judge
from ingest.sorting import Sorter

Columns = dict[str, NDArray[np.generic]]


@dataclass(slots=True)
class Organs:
    """Everything that changes as a whole when sensors or definitions change."""

    directory: Directory
    decoder: Decoder
    sorter: Sorter
    judge: Judge

    @staticmethod
    def grow(directory: Directory, definitions: DefinitionSet, tolerance_us: int) -> Organs:
        """Organs without a past.

        Raises:
            BadInput: a definition names an unknown detector or parameter.
        """
        directory.bound_silences(definitions)
        judge = Judge(directory, definitions)
        return Organs(directory, Decoder(directory), Sorter(directory, tolerance_us), judge)

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
