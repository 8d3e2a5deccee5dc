"""Logging set-up: text or JSON lines on standard error; passwords in URLs are blanked, chatty libraries hushed."""

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Literal, TextIO

CHATTY = ("httpx", "httpcore", "uvicorn", "alembic", "asyncio", "pysnmp", "sse_starlette")
"""Libraries that log each request at INFO."""
_PASSWORD = re.compile(r"(?P<head>\b[A-Za-z][A-Za-z0-9+.-]*://[^\s:/@]*):[^\s@/]+@")

LogFormat = Literal["text", "json"]


def set_up(form: LogFormat = "text", level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send all logging to `stream` (standard error); replaces what was set up before."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else TextLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)


def blank_passwords(text: str) -> str:
    """`scheme://user:password@host` -> `scheme://user:***@host`."""
    return _PASSWORD.sub(r"\g<head>:***@", text)


class TextLines(logging.Formatter):
    """`2026-01-31T12:00:00.123Z WARNING gateway.engine: message`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - logging's
        moment = datetime.fromtimestamp(record.created, UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def format(self, record: logging.LogRecord) -> str:
        return blank_passwords(super().format(record))


class JsonLines(TextLines):
    """One JSON object a line: time, level, logger, message, and exception when there is one."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "message": blank_passwords(record.getMessage()),
        }
        if record.exc_info:
            line["exception"] = blank_passwords(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)
