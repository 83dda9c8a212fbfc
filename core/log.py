"""Log lines of one shape for every process: an event in the past tense, and what belongs to it as keys.

    log = logger(__name__)
    log.info("alarm_raised", alarm=id)

Lines of libraries that use `logging` go the same way. Secrets are blanked here too, should one slip into a key or an URL.
"""

from __future__ import annotations

import logging
import re
import threading
from typing import Final, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

BLANK: Final = "***"
_SECRET_KEY: Final = re.compile(
    r"passw(or)?d|passphrase|secret|token|authorization|cookie|credential|(principal|private|api|signing)_?key|database_url|conninfo",
    re.IGNORECASE,
)
_URL_PASSWORD: Final = re.compile(r"(?P<start>[a-z][a-z0-9+.-]*://[^\s/:@]*):[^\s/@]+@", re.IGNORECASE)
_CONNINFO_PASSWORD: Final = re.compile(r"(?P<start>\bpassword\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s&]+)", re.IGNORECASE)


class _ErrorCount:
    """How many lines at error or above this process has written. Threads share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0

    def __call__(self, _: WrappedLogger, method: str, event: EventDict) -> EventDict:
        if event.get("level", method) in ("error", "critical", "exception", "fatal"):
            with self._lock:
                self._count += 1
        return event

    @property
    def count(self) -> int:
        with self._lock:
            return self._count


_errors = _ErrorCount()


def errors_logged() -> int:
    """Lines at error or above since the process started; `davy demo` reports the sum over its processes."""
    return _errors.count


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of a module; `configure` may come later."""
    bound: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return bound


def configure(format: Literal["json", "console"], stream: TextIO, level: int = logging.INFO) -> None:
    """Send every line of this process to `stream`; once a process, before the first line. Again replaces it.

    Args:
        format: one JSON object a line for machines, or columns for a person.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
    ]
    render: Processor
    if format == "json":
        render = structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    else:
        render = structlog.dev.ConsoleRenderer(
            colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    output = logging.StreamHandler(stream)
    output.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _errors,
                structlog.processors.format_exc_info,
                redact,
                render,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [output]
    root.setLevel(level)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Blank the values of secret keys, at any depth, and passwords inside URLs and connection strings."""
    return {key: _clean(str(key), value) for key, value in event.items()}


def _clean(key: str, value: object) -> object:
    if key != "event" and _SECRET_KEY.search(key) and value is not None and not isinstance(value, bool):
        return BLANK
    if isinstance(value, str):
        return _CONNINFO_PASSWORD.sub(rf"\g<start>{BLANK}", _URL_PASSWORD.sub(rf"\g<start>:{BLANK}@", value))
    if isinstance(value, dict):
        return {name: _clean(str(name), inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean("", inner) for inner in value]
    if isinstance(value, BaseException):
        return _clean("", f"{type(value).__name__}: {value}")
    return value
