"""
Recorded events of a fleet as observations, for `gateway replay`.

PATH is a .jsonl file, or a folder with events.jsonl and, optionally, hosts.json (`{"t2": "h2"}`: two connections to one
host). A line is `[seconds, host, event, argument...]`; events are libvirt's by name, their first argument the name of
the domain (LIFECYCLE: domain, event, detail). Beside these:

    [s, "-", "READY", epoch]           the recording began; `epoch` (seconds since 1970, optional) is then time 0
    [s, "-", "MARK", text]             what somebody did; passed over
    [s, host, "CLOSE", reason]         not heard of from now on, until its next line
    [s, host, "DOMAIN", uuid, name, state, reason, migrating_out]
                                       a read: numbers as libvirt has them; migrating_out (0, 1) may be missing
    [s, host, "GONE", uuid]            a read: the host does not know the domain (any more)
    [s, host, "HOST", [uuid, ...]]     a complete read: these, as DOMAIN lines said, and no others

Where no read says it, the state is folded from the events. A domain that no DOMAIN line names is known by its name.
What the first event of a domain implies (it is suspended: so it ran) holds from time 0.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gateway.collectors.libvirt.fleet import Fleet
from gateway.collectors.libvirt.folding import Host, implied
from gateway.collectors.libvirt.hearing import hear
from gateway.collectors.libvirt.mapping import observe_host
from gateway.collectors.libvirt.memory import HostMemory
from gateway.collectors.libvirt.recording import Line, Lines, read_lines
from gateway.collectors.libvirt.records import DomainEvent, HostFacts, HostReading
from gateway.collectors.libvirt.states import State
from gateway.model.errors import SourceMalformed
from gateway.model.ports import Recording

SOURCE = "libvirt"
"""Name of the source in the observations of a recording."""
LONG_AGO = 946_684_800
"""Time 0 of a recording that does not tell it: 2000-01-01, in seconds since 1970."""
_SECOND = 1_000_000
_AT_ONCE_S = 1.0
"""The events of one start, and of one happening on two connections, are no farther apart."""
_OUR_OWN = frozenset({"READY", "MARK", "CLOSE", "DOMAIN", "GONE", "HOST"})


def replay(path: Path) -> Iterator[Recording]:
    """
    What the hosts of a recording show, one after the other at time 0, then each time that something changed.

    Raises:
        SourceUnavailable: the recording cannot be read.
        SourceMalformed: it is none; says file and line.
    """
    recording = read_lines(path)
    player = _Player(recording)
    yield from player.begin()
    for line in recording.lines:
        if line.connection != "-":
            yield from player.play(line)


@dataclass(slots=True)
class _Player:
    """Plays one recording."""

    recording: Lines
    fleet: Fleet = field(default_factory=Fleet)
    hosts: dict[str, Host] = field(default_factory=dict)
    memories: dict[str, HostMemory] = field(default_factory=dict)
    uuids: dict[tuple[str, str], str] = field(default_factory=dict)
    """(host, name) -> UUID, as DOMAIN lines tell; host empty: on any."""
    told: dict[tuple[object, ...], tuple[float, str]] = field(default_factory=dict)
    """What was told last when, on which connection."""
    zero: int = LONG_AGO * _SECOND

    def begin(self) -> Iterator[Recording]:
        """Everything that is known of time 0."""
        for line in self.recording.lines:
            if line.event == "READY" and line.arguments:
                self.zero = round(_epoch(line) * _SECOND)
            elif line.event == "DOMAIN":
                for known_on in (self._host(line).name, ""):
                    self.uuids.setdefault((known_on, line.text(1)), line.text(0))
            elif line.connection != "-":
                self._host(line)
        self._imply()
        for host in self.hosts.values():
            yield self._look(host, 0.0)

    def play(self, line: Line) -> Iterator[Recording]:
        """One line; whatever changed by it is looked at."""
        host = self._host(line)
        if line.event == "CLOSE" or self._is_echo(line, host):
            return
        if self._read(line, host) or self._happened(line, host):
            yield self._look(host, line.at_s)
            for other in self._concerned(line, host):
                yield self._look(other, line.at_s)

    # -- lines ---------------------------------------------------------------------------------------------------

    def _read(self, line: Line, host: Host) -> bool:
        """A line of a read; returns whether the host shows something else now."""
        if line.event == "DOMAIN":
            number = line.number(2)
            if number not in State._value2member_map_:
                raise SourceMalformed(f"{line.where}: libvirt has no state {number}.")
            out = len(line.arguments) > 4 and line.number(4) == 1
            return host.put(line.text(0), line.text(1), (State(number), line.number(3)), out)
        if line.event == "GONE":
            return host.drop(line.text(0))
        if line.event == "HOST":
            listed = line.arguments[0] if line.arguments else None
            if not isinstance(listed, list):
                raise SourceMalformed(f"{line.where}: the argument of HOST is a list of UUIDs.")
            for uuid in [uuid for uuid in host.domains if uuid not in listed]:
                host.drop(uuid)
            return True
        return False

    def _happened(self, line: Line, host: Host) -> bool:
        """A line of an event; returns whether the host shows something else now."""
        if line.event in _OUR_OWN or not line.arguments:
            return False
        name, uuid = line.text(0), self._uuid(host, line.text(0))
        words = tuple(line.text(number) for number in range(1, len(line.arguments)))
        at = self._at(line.at_s)
        hear(DomainEvent(at, host.name, uuid, name, line.event, words), self.memories, self.fleet)
        if line.event == "LIFECYCLE":
            if len(words) < 2:
                raise SourceMalformed(f"{line.where}: LIFECYCLE has a domain, an event and a detail.")
            return host.follow(uuid, name, words[0], words[1])
        if line.event == "MIGRATION_ITERATION":
            return host.leave(uuid, True)
        return line.event in ("WATCHDOG", "REBOOT")

    def _concerned(self, line: Line, here: Host) -> list[Host]:
        """
        The other hosts of a domain that has stopped on this one: what was between the two is decided.

        A domain that was being migrated away tells nothing when its copy on the other host ends before it ran.
        """
        if line.event != "LIFECYCLE" or line.text(1) != "STOPPED" or line.text(2) == "MIGRATED":
            return []
        uuid = self._uuid(here, line.text(0))
        others = [host for name, host in sorted(self.hosts.items()) if host is not here]
        return [host for host in others if host.leave(uuid, False) or uuid in self.memories[host.name].uuids]

    def _is_echo(self, line: Line, host: Host) -> bool:
        """The same was told just now on another connection to the host."""
        what = (host.name, line.event, *map(str, line.arguments))
        at_s, connection = self.told.get(what, (-_AT_ONCE_S, line.connection))
        if connection != line.connection and line.at_s - at_s < _AT_ONCE_S:
            return True
        self.told[what] = (line.at_s, line.connection)
        return False

    # -- time 0 --------------------------------------------------------------------------------------------------

    def _imply(self) -> None:
        """Where each domain was before the first line that names it."""
        lines = [line for line in self.recording.lines if line.connection != "-"]
        named: set[tuple[str, str]] = set()
        for number, line in enumerate(lines):
            if line.event in ("CLOSE", "HOST", "GONE") or not line.arguments:
                continue
            host = self._host(line)
            name = line.text(1) if line.event == "DOMAIN" else line.text(0)
            if (host.name, name) in named:
                continue
            named.add((host.name, name))
            shown = implied(line.event, line.text(1), line.text(2), self._starts(line, lines[number + 1 :]))
            if shown is not None and line.event != "DOMAIN":
                host.put(self._uuid(host, name), name, shown)

    def _starts(self, line: Line, later: list[Line]) -> bool:
        for other in later:
            if other.at_s - line.at_s > _AT_ONCE_S:
                return False
            if (other.connection, other.event) == (line.connection, "LIFECYCLE") and other.text(0) == line.text(0):
                return other.text(1) == "STARTED"
        return False

    # -- what is made of it --------------------------------------------------------------------------------------

    def _host(self, line: Line) -> Host:
        name = self.recording.hosts.get(line.connection, line.connection)
        if name not in self.hosts:
            self.hosts[name], self.memories[name] = Host(name), HostMemory(name)
        return self.hosts[name]

    def _uuid(self, host: Host, name: str) -> str:
        return self.uuids.get((host.name, name)) or self.uuids.get(("", name)) or name

    def _at(self, at_s: float) -> int:
        return self.zero + round(at_s * _SECOND)

    def _look(self, host: Host, at_s: float) -> Recording:
        reading = HostReading(host.name, HostFacts(host.name, "QEMU"), tuple(host.domains.values()))
        at = self._at(at_s)
        return Recording(at_s, observe_host(SOURCE, at, reading, self.memories[host.name], self.fleet))


def _epoch(line: Line) -> float:
    value = line.arguments[0]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1 << 36:
        raise SourceMalformed(f"{line.where}: {str(value)[:40]!r} is no time in seconds since 1970.")
    return float(value)
