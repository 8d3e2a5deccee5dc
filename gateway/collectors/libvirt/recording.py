"""Lines of a recording of libvirt events: what they hold, and what is wrong with one that holds something else."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.model.errors import SourceMalformed, SourceUnavailable

MAX_BYTES = 64 * 1024 * 1024
EVENTS, HOSTS = "events.jsonl", "hosts.json"
_LATEST_S = 10 * 366 * 86_400.0


@dataclass(frozen=True, slots=True)
class Line:
    """`[seconds, connection, event, argument...]`. `where`: file and line, for errors."""

    at_s: float
    connection: str
    event: str
    arguments: tuple[object, ...]
    where: str

    def text(self, number: int) -> str:
        """
        An argument as text, empty when there are fewer.

        Raises:
            SourceMalformed: it is no text and no number.
        """
        value = self.arguments[number] if number < len(self.arguments) else ""
        if not isinstance(value, (str, int, float)) or isinstance(value, bool):
            raise SourceMalformed(f"{self.where}: argument {number + 1} of {self.event} is no text.")
        return str(value)

    def number(self, number: int) -> int:
        """
        An argument that must be a whole number.

        Raises:
            SourceMalformed: it is missing, or none.
        """
        value = self.arguments[number] if number < len(self.arguments) else None
        if not isinstance(value, int) or isinstance(value, bool) or not -1 <= value < 1 << 31:
            raise SourceMalformed(f"{self.where}: argument {number + 1} of {self.event} is no whole number.")
        return value


@dataclass(frozen=True, slots=True)
class Lines:
    """A recording as it was written. `hosts`: connection -> host, where they differ."""

    lines: tuple[Line, ...]
    hosts: Mapping[str, str]


def read_lines(path: Path) -> Lines:
    """
    The lines of a recording in the order of their times: of a .jsonl file, or of events.jsonl in a folder, else of the
    one .jsonl file that is there.

    Raises:
        SourceUnavailable: it cannot be read.
        SourceMalformed: a line, or hosts.json, is not what it should be.
    """
    folder = path.is_dir()
    file = _only_file(path) if folder else path
    hosts = _hosts(path / HOSTS) if folder else {}
    lines = sorted(_lines(file), key=lambda line: line.at_s)
    if not lines:
        raise SourceMalformed(f"{file} is empty: it holds no recording.")
    return Lines(tuple(lines), hosts)


def _only_file(folder: Path) -> Path:
    """The recording in a folder: a gateway that records begins a new file at each start."""
    if (folder / EVENTS).exists():
        return folder / EVENTS
    found = sorted(folder.glob("*.jsonl"))
    if not found:
        raise SourceUnavailable(f"{folder} holds no recording: there is no {EVENTS} in it, and no other .jsonl file.")
    if len(found) > 1:
        newest = f"{len(found)} recordings, from {found[0].name} to {found[-1].name}"
        raise SourceUnavailable(f"{folder} holds {newest}. Name the one that is meant: {found[-1]}")
    return found[0]


def _lines(file: Path) -> Iterator[Line]:
    for number, text in enumerate(_read(file).splitlines(), start=1):
        where = f"{file}:{number}"
        if text.strip():
            yield _line(text, where)


def _line(text: str, where: str) -> Line:
    wanted = "[seconds, host, event, argument...]"
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SourceMalformed(f"{where} is no JSON: {error}. A line is {wanted}.") from error
    if not isinstance(document, list) or len(document) < 3:
        raise SourceMalformed(f"{where}: a line is {wanted}, not {text[:80]!r}.")
    at_s, connection, event, *arguments = document
    if isinstance(at_s, bool) or not isinstance(at_s, (int, float)) or not 0 <= at_s < _LATEST_S:
        raise SourceMalformed(f"{where}: {str(at_s)[:40]!r} is no time in seconds since the start.")
    if not isinstance(connection, str) or not isinstance(event, str):
        raise SourceMalformed(f"{where}: host and event are texts; a line is {wanted}.")
    return Line(float(at_s), connection, event, tuple(arguments), where)


def _hosts(file: Path) -> dict[str, str]:
    if not file.exists():
        return {}
    wanted = 'an object such as {"t2": "h2"}: connection t2 is one more to host h2'
    try:
        document = json.loads(_read(file))
    except (ValueError, RecursionError) as error:
        raise SourceMalformed(f"{file} is no JSON: {error}. It is {wanted}.") from error
    if not isinstance(document, dict) or not all(isinstance(host, str) for host in document.values()):
        raise SourceMalformed(f"{file} is {wanted}.")
    return document


def _read(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise SourceUnavailable(f"{file} cannot be read: {error.strerror}.") from error
    if len(content) > MAX_BYTES:
        raise SourceMalformed(f"{file} is longer than {MAX_BYTES} octets.")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SourceMalformed(f"{file} is no UTF-8: {error.reason} at octet {error.start}.") from error
