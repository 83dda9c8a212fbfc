"""What processes use of the machine, as the kernel counts it (proc(5)); nothing is said where there is no /proc."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from davy.servers.processes import descendants

_USER_TICKS, _LAST_TICKS = (
    11,
    15,
)  # in /proc/PID/stat after the name: utime, stime, and those of children that have ended


@dataclass(slots=True)
class Memory:
    """Resident memory of a process over time.

    Args:
        pid: of the process, or of no process any more: then nothing is noted.
    """

    pid: int
    _samples: list[tuple[float, float]] = field(default_factory=list)

    def note(self) -> None:
        """Takes a sample, at most one a second."""
        now = time.monotonic()
        if self._samples and now - self._samples[-1][0] < 1.0:
            return
        if (size := resident_mb(self.pid)) is not None:
            self._samples.append((now, size))

    @property
    def most_mb(self) -> float | None:
        """The largest sample, MB; None without one."""
        return max((size for _, size in self._samples), default=None)

    @property
    def growth_mb_per_min(self) -> float | None:
        """Slope of the least-squares line through the samples; None with fewer than three."""
        n = len(self._samples)
        if n < 3:
            return None
        mean_t = sum(t for t, _ in self._samples) / n
        mean_s = sum(s for _, s in self._samples) / n
        spread = sum((t - mean_t) ** 2 for t, _ in self._samples)
        return 60.0 * sum((t - mean_t) * (s - mean_s) for t, s in self._samples) / spread


def resident_mb(pid: int) -> float | None:
    """Memory of a process that is in RAM, in MB of 10^6 bytes; None where it is gone or the system does not say."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/statm", encoding="ascii") as pages:
        return int(pages.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    return None


def processor_s(pid: int) -> float:
    """Processor seconds of a process and of everything below it, user and system, ended children included."""
    ticks = 0
    for each in [pid, *descendants(pid)]:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{each}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
            ticks += sum(map(int, fields[_USER_TICKS:_LAST_TICKS]))
    return ticks / os.sysconf("SC_CLK_TCK")
