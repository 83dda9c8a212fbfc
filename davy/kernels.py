"""Compiling ahead of time."""

from __future__ import annotations

from alerting import condition
from core.kernel_cache import compiled
from detectors import registry
from ingest import kernels


def compile_kernels() -> None:
    """Compiles every numba kernel into its cache; `make setup` calls it, so that no first batch waits for a compiler."""
    compiled(_compile)


def _compile() -> None:
    registry.compile_all()
    condition.compile_kernels()
    kernels.compile_kernels()
