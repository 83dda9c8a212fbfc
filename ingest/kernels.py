"""Compiles the loops of ingest into numba's cache, so that no first batch waits for a compiler."""

from __future__ import annotations

from detectors import rhythm
from ingest import clock, marks, rhythms
from ingest.directory import Directory


def compile_kernels() -> None:
    """Runs each kernel once on nothing."""
    rhythm.compile_kernels()
    clock.compile_kernels()
    rhythms.compile_kernels()
    marks.compile_kernels(Directory(0, (), ()))
