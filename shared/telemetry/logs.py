"""Logs as one line of JSON each, on stderr; normal operation is quiet."""

import logging
import sys
from datetime import UTC, datetime

import orjson

from shared.events.redaction import redact_text

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


class JsonFormatter(logging.Formatter):
    """Formats a record with its `extra` fields; every text passes redaction once more, as the last net."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without its newline."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact_text(record.getMessage()),
        }
        for name, value in vars(record).items():
            if name not in _STANDARD:
                line[name] = redact_text(value) if isinstance(value, str) else value
        if record.exc_info:
            line["error"] = redact_text(self.formatException(record.exc_info))
        return orjson.dumps(line, default=str).decode()


def setup(level: str = "info") -> None:
    """Send all logs to stderr as JSON. Raises ValueError for an unknown level."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("httpx2", "httpcore2", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
