"""The files of a replay: the map's text, and the lines of a CSV, plain or gzip."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final, cast

from core.errors import BadInput

GZIP_MAGIC: Final = b"\x1f\x8b"  # RFC 1952, 2.3.1


def read_text(path: Path) -> str:
    """A map or a site file.

    Raises:
        BadInput: it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"Byte {error.start} of {path} is not UTF-8; it is YAML in UTF-8.") from error


def csv_lines(path: Path, encoding: str) -> Iterator[str]:
    """The lines of a CSV; what is inside says whether it is compressed, not its name.

    Raises:
        BadInput: it cannot be read, is cut off, or is in another encoding.
    """
    line = 0
    try:
        with ExitStack() as opened:
            raw = opened.enter_context(path.open("rb"))
            packed = raw.read(len(GZIP_MAGIC)) == GZIP_MAGIC
            raw.seek(0)
            inner = opened.enter_context(gzip.GzipFile(fileobj=raw)) if packed else raw
            for text in opened.enter_context(io.TextIOWrapper(cast(io.BytesIO, inner), encoding=encoding, newline="")):
                line += 1
                yield text
    except UnicodeError as error:
        raise BadInput(
            f"{path} is not in {encoding.removesuffix('-sig')} after line {line}; name its encoding in the map, such as "
            "encoding: gb18030."
        ) from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadInput(f"{path} is no whole gzip file: it breaks off after line {line} ({error}).") from error
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}.") from error
