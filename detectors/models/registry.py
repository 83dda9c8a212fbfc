"""The kinds of model by name. A new one is a file of its own, a line here and a limit in core/site_models.py."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from core.errors import BadInput
from detectors.models.contract import Model
from detectors.models.mewma import Mewma
from detectors.models.neighbours import NearestNeighbours

MODELS: Final[Mapping[str, type[Model]]] = MappingProxyType({model.kind: model for model in (Mewma, NearestNeighbours)})


def model_class(kind: str) -> type[Model]:
    """The kind of model called `kind`.

    Raises:
        BadInput: there is none; the sentence names those there are.
    """
    if kind not in MODELS:
        raise BadInput(f"There is no kind of model {kind}; there are {', '.join(MODELS)}.")
    return MODELS[kind]
