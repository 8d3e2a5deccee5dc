"""Log lines: text and JSON, without passwords."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from gateway.support.logging import blank_passwords, set_up


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(False)


def test_text_lines_begin_with_a_utc_time() -> None:
    stream = io.StringIO()
    set_up("text", "INFO", stream)
    logging.getLogger("gateway.x").warning("collector %s: away", "dev")
    line = stream.getvalue()
    assert line.endswith("Z WARNING gateway.x: collector dev: away\n")
    assert line[10] == "T"


def test_json_lines_carry_the_traceback() -> None:
    stream = io.StringIO()
    set_up("json", "INFO", stream)
    try:
        raise ValueError("at postgresql+psycopg://gw:hunter2@db/x")
    except ValueError:
        logging.getLogger("gateway.x").exception("it broke")
    line = json.loads(stream.getvalue())
    assert (line["level"], line["message"]) == ("ERROR", "it broke")
    assert "Traceback" in line["exception"]
    assert "hunter2" not in stream.getvalue()


@pytest.mark.parametrize(
    ("text", "blanked"),
    [
        ("postgresql+psycopg://gw:s3:cret@db/x", "postgresql+psycopg://gw:***@db/x"),
        ("postgresql+psycopg://gw:secret@db/x", "postgresql+psycopg://gw:***@db/x"),
        ("http://127.0.0.1:8080/api", "http://127.0.0.1:8080/api"),
    ],
)
def test_passwords_in_urls_are_blanked(text: str, blanked: str) -> None:
    assert blank_passwords(text) == blanked
