"""Where numba keeps our kernels: its own places, in its order, with our stamp. Imported with numba, when the first kernel is called.

See NUMBA_CACHE_LOCATOR_CLASSES in numba's manual.
"""

from __future__ import annotations

from types import FunctionType
from typing import Any, Final

from numba.core import caching

from core.kernel_cache import made_of


class _WithAllOfIt:
    """A stamp that changes with whatever a kernel is compiled from."""

    made_of = ""

    @classmethod
    def from_function(cls, py_func: FunctionType, py_file: str) -> Any:
        """The place, or None where it is none for this kernel."""
        found = super().from_function(py_func, py_file)  # type: ignore[misc]
        if found is not None:
            found.made_of = made_of(py_func)
        return found

    def get_source_stamp(self) -> tuple[Any, str]:
        """What the index must have been written with."""
        return super().get_source_stamp(), self.made_of  # type: ignore[misc]

    def get_disambiguator(self) -> str:
        """Part of the names of its files: numba writes the index before the code, and whoever reads, or is killed, in between would
        find that of the version before under the same name."""
        return f"{super().get_disambiguator()}-{self.made_of[:16]}"  # type: ignore[misc]


class ToldFolder(_WithAllOfIt, caching.UserProvidedCacheLocator):
    """The folder that `NUMBA_CACHE_DIR` names."""


class BesideTheModule(_WithAllOfIt, caching.InTreeCacheLocator):
    """`__pycache__` beside the module."""


class FolderOfTheUser(_WithAllOfIt, caching.UserWideCacheLocator):
    """A folder of whoever runs it, where the module's cannot be written to."""


PLACES: Final = tuple(f"{__name__}.{each.__name__}" for each in (ToldFolder, BesideTheModule, FolderOfTheUser))
