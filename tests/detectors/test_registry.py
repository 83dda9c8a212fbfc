"""The registry: detectors by name, and sentences where a name is wrong."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest

import detectors
from core.errors import BadInput
from detectors.contract import Detector
from detectors.registry import DETECTORS, check, compile_all, detector_class, detectors_for, parameter_names
from tests.detectors.streams import definition, in_force


def test_each_detector_has_its_name_and_a_file_of_its_own() -> None:
    """The registry's key is the detector's name, and its module is called after it."""
    for name, kind in DETECTORS.items():
        assert kind.name == name
        assert kind.__module__ == f"detectors.{name}"


def test_every_detector_is_registered() -> None:
    """A detector that is written but not in the registry would never be tested, nor used."""
    written = set()
    for module in pkgutil.iter_modules(detectors.__path__, "detectors."):
        for thing in vars(importlib.import_module(module.name)).values():
            if isinstance(thing, type) and issubclass(thing, Detector) and not inspect.isabstract(thing):
                written.add(thing)
    assert written == set(DETECTORS.values())


def test_every_detector_has_its_section_in_the_documentation() -> None:
    """docs/detectors.md tells of each detector, its parameters and their defaults."""
    page = (Path(__file__).parents[2] / "docs" / "detectors.md").read_text(encoding="utf-8")
    for name, kind in DETECTORS.items():
        assert f"\n## {name}\n" in page
        for parameter in kind.parameters.__struct_fields__:
            assert f"`{parameter}` = {getattr(kind.parameters(), parameter):.10g}" in page


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    """A misspelt detector stops the import with the nearest name and all names."""
    with pytest.raises(
        BadInput,
        match=r"no detector limits; did you mean limit\? There are limit, rate, stuck, stale, unusable, outside, spike, shift, still, clipped, noise, ewma, cusum, odd, profile, deviation",
    ):
        detector_class("limits")
    with pytest.raises(BadInput, match=r"no detector xyzzy; there are limit"):
        check(definition("xyzzy"))
    with pytest.raises(BadInput, match="no detector xyzzy"):
        detectors_for(in_force(definition("limit"), definition("xyzzy")))


def test_check_says_what_is_wrong_with_parameters() -> None:
    """A definition is checked before it goes into force."""
    check(definition("rate", parameters={"window_s": 30.0}))
    with pytest.raises(BadInput, match=r"Definition rate-1: .* no parameter tolerance; it knows window_s"):
        check(definition("rate", parameters={"tolerance": 1.0}))


def test_only_detectors_in_use_are_built() -> None:
    """A plant with limits alone pays for limits alone."""
    built = detectors_for(in_force(definition("stale"), definition("limit"), definition("limit", 2)))
    assert [(type(each).name, len(each)) for each in built] == [("limit", 2), ("stale", 1)]
    assert detectors_for(in_force()) == []


def test_words_for_a_site_file() -> None:
    """What a site file may name: every detector, and each one's parameters."""
    assert parameter_names() == {
        "limit": (),
        "rate": ("window_s",),
        "stuck": ("tolerance",),
        "stale": ("periods", "period_s", "ceiling_s"),
        "unusable": (),
        "outside": ("low", "high"),
        "spike": ("warm_up", "floor", "renew_s", "memory"),
        "shift": ("warm_up", "floor", "renew_s", "memory"),
        "still": ("warm_up", "floor", "renew_s", "memory"),
        "clipped": ("warm_up", "floor", "renew_s", "memory"),
        "noise": ("warm_up", "floor", "renew_s", "memory"),
        "ewma": ("memory_s", "warm_up", "floor", "relearn_s", "back"),
        "cusum": ("slack", "clip", "warm_up", "floor", "renew_s"),
        "odd": ("memory", "warm_up"),
        "profile": ("weeks", "memory", "floor", "relearn"),
        "deviation": ("reference", "window_s"),
        "difference": ("signed", "hold_s"),
        "drift": ("own", "mean_s", "slack", "clip", "warm_up", "floor", "renew_s", "hold_s"),
        "time_to_limit": ("limit", "window_s", "falling"),
        "time_over": ("window_s", "hold_s", "known_share", "level", "below"),
        "exposure": ("window_s", "hold_s", "known_share"),
    }


def test_compile_all_names_what_it_compiled() -> None:
    """`davy kernels` can tell what it has done."""
    assert compile_all() == list(DETECTORS)
