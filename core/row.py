"""What all rows of a site file share."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What all rows share.

    Args:
        company: key of the company it belongs to; None: the insurer's own.
        line: where the file says it; not part of its value.
    """

    kind: ClassVar[str]
    named_by: ClassVar[tuple[str, ...]] = ("key",)
    guarded: ClassVar[frozenset[str]] = frozenset()  # a change of these needs a reason

    company: str | None
    line: int = field(default=0, compare=False)

    @property
    def name_parts(self) -> tuple[str, ...]:
        """What tells it from the others of its kind."""
        return tuple(str(getattr(self, part)) for part in self.named_by)

    @property
    def subject(self) -> str:
        """How journal and mistakes call it, such as `sensor tf-gas-1/lel-yard-1`."""
        return f"{self.kind} {'/'.join(self.name_parts)}"

    def columns(self) -> dict[str, Any]:
        """Its fields by name, but for the line."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "line"}
