"""The kinds of model by name. A new one is a file of its own and a line here; one that is run on sites has a limit in core/site_models.py."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from core.errors import BadInput
from detectors.models.contract import Model
from detectors.models.innovation import Innovation
from detectors.models.mewma import Mewma
from detectors.models.neighbours import NearestNeighbours
from detectors.models.pca_q import PcaQ

# What `davy detectors fit` fits and sites run.
MODELS: Final[Mapping[str, type[Model]]] = MappingProxyType(
    {model.kind: model for model in (Mewma, PcaQ, NearestNeighbours)}
)
# All there are; the contract holds for each.
KINDS: Final[Mapping[str, type[Model]]] = MappingProxyType({**MODELS, Innovation.kind: Innovation})


def model_class(kind: str) -> type[Model]:
    """The kind of model called `kind`.

    Raises:
        BadInput: there is none; the sentence names those there are.
    """
    if kind not in KINDS:
        raise BadInput(f"There is no kind of model {kind}; there are {', '.join(KINDS)}.")
    return KINDS[kind]
