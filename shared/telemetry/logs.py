"""Logs as one line of JSON each, on stderr; normal operation is quiet."""

import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TextIO

import orjson

from shared.events.redaction import redact
from shared.events.redaction_texts import redact_text

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


_EXACT = 2**63


class JsonFormatter(logging.Formatter):
    """Formats a record with its `extra` fields; every text passes redaction once more, as the last net."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without its newline."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact_text(_encodable(record.getMessage())),
        }
        extra = {name: _plain(value) for name, value in vars(record).items() if name not in _STANDARD}
        line = {**redact(extra)[0], **line}
        if record.exc_info:
            line["error"] = redact_text(_encodable(self.formatException(record.exc_info)))
        return orjson.dumps(line).decode()


def _plain(value: object) -> object:
    """Return the value as JSON has it, so that redaction sees every text of it, also those of exceptions and models."""
    if isinstance(value, bool | float) or value is None:
        return value
    if isinstance(value, int) and abs(value) < _EXACT:
        return value
    if isinstance(value, Mapping):
        return {_encodable(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return _encodable(str(value))


def _encodable(text: str) -> str:
    """Return the text with what UTF-8 cannot write, as lone surrogates of a file name, replaced."""
    return text.encode("utf-8", "replace").decode("utf-8")


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to what `sys.stderr` is at the time: a live table puts its own in place, so that lines stand above it."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        self.setStream(sys.stderr)
        super().emit(record)


def setup(level: str = "info") -> None:
    """Send all logs to stderr as JSON. Raises ValueError for an unknown level."""
    handler = _Stderr()
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("httpx2", "httpcore2", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
