"""What the worst picture that is admitted costs: read in a process of its own, whose highest memory the kernel tells."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import pytest
from PIL import Image

from core import photo
from core.errors import Refused

MOST_MB: Final = 300
EDGE: Final = math.isqrt(photo.MOST_PIXELS_WHOLE)
JPEG_EDGE: Final = math.isqrt(photo.MOST_PIXELS)
READ = """
import resource, sys
from pathlib import Path
from core.photo import prepare

sent = Path(sys.argv[1]).read_bytes()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
prepare(sent)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
PROGRESSIVE: Final = {"progressive": True, "subsampling": 0}


def drawn(form: str, mode: str, width: int, height: int, **options: Any) -> bytes:
    """A picture of one colour: few bytes, all its pixels."""
    out = BytesIO()
    Image.new(mode, (width, height)).save(out, form, **options)
    return out.getvalue()


@pytest.mark.parametrize(
    ("form", "mode", "size", "options"),
    [
        ("PNG", "RGBA", (EDGE, EDGE), {}),
        ("PNG", "LA", (EDGE, EDGE), {}),
        ("WEBP", "RGBA", (EDGE, EDGE), {}),
        ("WEBP", "RGBA", (EDGE, EDGE), {"lossless": True}),
        ("JPEG", "CMYK", (EDGE, EDGE), PROGRESSIVE),
        ("JPEG", "CMYK", (JPEG_EDGE, JPEG_EDGE), {"subsampling": 0}),
        ("JPEG", "RGB", (60_000, 833), {"subsampling": 0}),
    ],
    ids=["png", "png of two bands", "webp", "webp without loss", "progressive", "jpeg", "thin jpeg"],
)
def test_the_largest_that_is_admitted_stays_below_the_bound(
    tmp_path: Path, form: str, mode: str, size: tuple[int, int], options: dict[str, Any]
) -> None:
    """A few hundred kilobytes must not take the process that serves acknowledgements down."""
    (tmp_path / "sent").write_bytes(drawn(form, mode, *size, **options))
    done = subprocess.run(
        [sys.executable, "-c", READ, tmp_path / "sent"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < MOST_MB


def in_separate_scans(jpeg: bytes) -> bytes:
    """The same head, with a first scan that carries one colour only."""
    at = jpeg.index(b"\xff\xda")
    return jpeg[:at] + b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + jpeg[at + 14 :]


@pytest.mark.parametrize(
    "draw",  # only where it is sent: collecting tests draws nothing
    [
        lambda: drawn("PNG", "RGBA", EDGE + 1, EDGE + 1),
        lambda: drawn("WEBP", "RGBA", EDGE + 1, EDGE + 1),
        lambda: drawn("JPEG", "RGB", EDGE + 1, EDGE + 1, **PROGRESSIVE),
        lambda: in_separate_scans(drawn("JPEG", "RGB", EDGE + 1, EDGE + 1)),
    ],
    ids=["png", "webp", "progressive", "a colour after the other"],
)
def test_what_must_be_held_whole_may_have_fewer_pixels(draw: Callable[[], bytes]) -> None:
    """Refused by what its head says, with a way out."""
    sent = draw()
    with pytest.raises(Refused, match=r"more than 12\.5 million pixels.*ordinary JPEG"):
        photo.prepare(sent)
