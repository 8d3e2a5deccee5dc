"""What a host's reads do not tell by themselves: how a domain came, what went wrong with it, what left no trace."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gateway.collectors.libvirt.records import Domain, DomainEvent
from gateway.collectors.libvirt.states import Paused, Running, Shutoff, State, is_active
from gateway.model.conditions import SECOND
from gateway.model.entities import EntityKind, NativeKey
from gateway.model.observations import Evidence, EvidenceKind, ObservedCondition, ObservedEntity, ObservedRelation

STORM = 3
"""So many watchdogs, or reboots, within STORM_WINDOW are a storm."""
STORM_WINDOW = 600 * SECOND
ONE_REBOOT = SECOND
"""libvirt tells one reboot up to three times."""
KEPT = 600 * SECOND
"""How long a failed migration is told again with each read; topology remembers it longer."""
MISSED = 86_400 * SECOND
"""How long a domain that failed and left no definition behind is shown as crashed."""
_LIVE = frozenset({Running.MIGRATED, Running.POSTCOPY, Running.POSTCOPY_FAILED})
_BETWEEN = frozenset({Paused.MIGRATION, Paused.STARTING_UP, Paused.POSTCOPY, Paused.POSTCOPY_FAILED})
_FAILURES = ("FAILED", "CRASHED")
_UNFINISHED = "UNFINISHED"
"""The end of a copy that never ran: of a migration to this host."""
_STARTING = (State.PAUSED, Paused.STARTING_UP)
_MOVED_OUT = re.compile(r"'operation': 5\b")
_COPIED_DISKS = re.compile(r"'disk_total': [1-9]")


@dataclass(frozen=True, slots=True)
class IoError:
    """The last I/O error of a domain. `path`: of the image; `device`: libvirt's alias of the disk."""

    path: str
    device: str
    reason: str


@dataclass(slots=True)
class Remembered:
    """What is known of one domain on one host beside its last read."""

    last: Domain | None = None
    begun: bool = False
    """Its start was told, and not read yet."""
    incoming: bool = False
    """It began by an incoming migration that has not ended."""
    outgoing: bool = False
    """It is on its way to another host."""
    awaited: bool = False
    """Another host has begun to take it over; what became of that was not told yet."""
    abandoned: bool = False
    """And that host's copy of it ended before it ran."""
    shown_at: int = 0
    """The read that first showed it as awaited."""
    live: bool = False
    """It came here live, and has not stopped since."""
    died: bool = False
    """It was active when last seen, and what ended it was not told: its host or daemon restarted."""
    ended: str = ""
    """How its instance ended, as libvirt's event said (FAILED, MIGRATED, SHUTDOWN, ...); empty: not told."""
    missed_since: int = 0
    """When a failed domain was found to have left no definition behind; 0: it is there, or went as it should."""
    copied_nothing: bool = False
    """Its last migration away moved memory only: both hosts have its disks."""
    copied_at: int = 0
    """When its last migration away was done, which took its disks along; 0: there was none, or not that was told."""
    io_error: IoError | None = None
    watchdogs: tuple[int, ...] = ()
    reboots: tuple[int, ...] = ()
    failures: tuple[Evidence, ...] = ()
    """Migrations away that failed."""

    def begin(self) -> None:
        """A new instance of it: what was said of the one before holds no more."""
        self.outgoing = self.live = self.died = False
        self.stay()
        self.ended, self.missed_since, self.io_error = "", 0, None

    def stay(self) -> None:
        """No host is about to take it over."""
        self.outgoing = self.awaited = self.abandoned = False
        self.shown_at = 0


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of a domain, of a host beside its domains, or of all of that together."""

    entities: tuple[ObservedEntity, ...] = ()
    relations: tuple[ObservedRelation, ...] = ()
    conditions: tuple[ObservedCondition, ...] = ()


@dataclass(frozen=True, slots=True)
class Translated:
    """A domain in the gateway's words. `made_of`: everything that it depends on."""

    domain: Domain
    made_of: tuple[object, ...]
    said: Said


class HostMemory:
    """
    Of one host; survives reconnections, and restarts of the gateway (`keeping.py`).

    Pure: times are those of events and reads, microseconds UTC. `note` takes every event as it comes; the mapping calls
    `seen` and `gone` with what a read shows. Both may be called twice with the same.
    """

    def __init__(self, host: str, known: Mapping[str, Remembered] | None = None) -> None:
        """`known`: what an earlier process knew, by UUID (`domains` of its memory)."""
        self.host = host
        self.translated: dict[str, Translated] = {}
        """What was made of each domain last, for the next time it is the same."""
        self.united: tuple[list[Said], Said] = ([], Said())
        """What was said of the whole host last, and of which parts it was made."""
        self.version = 0
        """Rises whenever what is remembered may have changed."""
        self._domains: dict[str, Remembered] = dict(known or {})

    def of(self, uuid: str) -> Remembered:
        """What is remembered of a domain; nothing, of one that was never heard of."""
        return self._domains.get(uuid) or Remembered()

    @property
    def uuids(self) -> frozenset[str]:
        """Domains of which something is remembered."""
        return frozenset(self._domains)

    @property
    def domains(self) -> Mapping[str, Remembered]:
        """All that is remembered, by UUID."""
        return self._domains

    @property
    def leaving(self) -> frozenset[str]:
        """Domains that were on their way to another host when they were read last."""
        return frozenset(uuid for uuid, one in self._domains.items() if one.outgoing)

    @property
    def arriving(self) -> frozenset[str]:
        """Domains of which there is an unfinished copy here."""
        return frozenset(uuid for uuid, one in self._domains.items() if one.incoming)

    # -- events ------------------------------------------------------------------------------------------------

    def note(self, event: DomainEvent) -> None:
        """Remember what an event tells that the next read will not."""
        one = self._domains.setdefault(event.uuid, Remembered())
        self.version += 1
        match event.kind:
            case "LIFECYCLE" if len(event.detail) >= 2:
                _follow(one, *event.detail[:2])
            case "IO_ERROR_REASON" if len(event.detail) >= 4:
                one.io_error = IoError(event.detail[0], event.detail[1], event.detail[3])
            case "WATCHDOG":
                one.watchdogs = _another(one.watchdogs, event.at)
            case "REBOOT" if not one.reboots or event.at - one.reboots[-1] > ONE_REBOOT:
                one.reboots = _another(one.reboots, event.at)
            case "JOB_COMPLETED":
                figures = " ".join(event.detail)
                moved_out, copied = bool(_MOVED_OUT.search(figures)), bool(_COPIED_DISKS.search(figures))
                one.copied_nothing = moved_out and not copied
                one.copied_at = event.at if moved_out and copied else 0

    def awaited(self, uuid: str, still: bool) -> None:
        """Another host has begun to take over a domain that runs here; or it has it (`still` is false)."""
        one = self._domains.get(uuid)
        if one is not None and one.last is not None and is_active(one.last.status):
            one.awaited, one.abandoned, one.shown_at = still, False, 0
            self.version += 1

    def let_down(self, uuid: str) -> None:
        """The copy on the host that had begun to take over a domain is gone: if it runs here then, that has failed."""
        one = self._domains.get(uuid)
        if one is not None and one.awaited:
            one.abandoned = True
            self.version += 1

    @property
    def abandoned(self) -> list[str]:
        """Domains that run here though they were to be taken over: another read of them says that it failed."""
        running = [(uuid, one.last) for uuid, one in self._domains.items() if one.abandoned and one.last is not None]
        return [uuid for uuid, last in running if last.status.state == State.RUNNING and not last.migrating_out]

    # -- reads -------------------------------------------------------------------------------------------------

    def seen(self, domains: Iterable[Domain], at: int) -> None:
        """These were read at `at`."""
        for domain in domains:
            one = self._domains.setdefault(domain.status.uuid, Remembered())
            if one.last is not domain or one.awaited:
                if is_active(domain.status):
                    self._active(one, domain, at)
                else:
                    _inactive(one, domain)
                one.last, one.missed_since = domain, 0
                self.version += 1

    def gone(self, uuid: str, at: int) -> None:
        """
        The host does not know the domain any more.

        It is forgotten, unless it was active and failed, or nobody knows what ended it: then somebody misses it.
        """
        one = self._domains.get(uuid)
        if one is None or one.missed_since:
            return
        ran = one.last is not None and is_active(one.last.status) and not is_arriving(one, one.last)
        if one.last is not None and (one.ended in _FAILURES or (ran and not one.ended)):
            one.died, one.missed_since = not one.ended, at
            self.version += 1
        else:
            self.forget(uuid)

    def forget(self, uuid: str) -> None:
        """It is somebody else's, or nobody misses it."""
        self.version += self._domains.pop(uuid, None) is not None
        self.translated.pop(uuid, None)

    def _active(self, one: Remembered, domain: Domain, at: int) -> None:
        status, last = domain.status, one.last
        was_starting = last is not None and (last.status.state, last.status.reason) == _STARTING
        fresh = last is None or not is_active(last.status)
        if not one.begun and (last is None or fresh or last.status.id != status.id):
            one.begin()
        running = status.state == State.RUNNING
        between = status.state == State.PAUSED and status.reason in _BETWEEN
        if not between:
            one.live = one.live or one.incoming or (running and status.reason in _LIVE)
            one.incoming = False
        elif (fresh or was_starting) and status.reason == Paused.MIGRATION:
            one.incoming = True
        handed_over = between and status.reason != Paused.STARTING_UP and not is_arriving(one, domain)
        if domain.migrating_out or handed_over:
            one.outgoing = True
        elif running and (one.outgoing or (one.abandoned and 0 < one.shown_at < at)):
            one.stay()
            one.failures = (*failures(one, at), failure_of(self.host, status.uuid, status.name, at))
        elif one.shown_at and at - one.shown_at > KEPT:
            one.stay()  # nobody told what became of it
        if one.awaited and not one.shown_at:
            one.shown_at = at
        one.begun = False
        one.died = False


def failure_of(host: str, uuid: str, name: str, at: int) -> Evidence:
    """The migration of a domain away from its host that was found to have failed at `at`."""
    text = f"the live migration of {name} away from {host} failed or was cancelled"
    key = NativeKey(EntityKind.VM, uuid)
    return Evidence(EvidenceKind.MIGRATION_FAILED, host, key, identity=str(at), at=at, text=text)


def copy_of(host: str, uuid: str, at: int) -> Evidence:
    """The migration of a domain away from its host that was done at `at` and took the disks along."""
    text = f"its migration away from {host} copied its disks"
    key = NativeKey(EntityKind.VM, uuid)
    return Evidence(EvidenceKind.STORAGE_COPIED, host, key, identity=str(at), at=at, text=text)


def is_arriving(one: Remembered, domain: Domain) -> bool:
    """It is the unfinished copy of a migration to this host: it does not run here yet."""
    status = domain.status
    unfinished = status.state == State.PAUSED and status.reason in (Paused.UNKNOWN, Paused.MIGRATION)
    return one.incoming and unfinished


def recent(times: Iterable[int], at: int) -> tuple[int, ...]:
    """Those of the last STORM_WINDOW."""
    return tuple(time for time in times if time > at - STORM_WINDOW)


def _another(times: tuple[int, ...], at: int) -> tuple[int, ...]:
    """One more; of more than a storm needs the last are enough."""
    return (*recent(times, at), at)[-STORM:]


def failures(one: Remembered, at: int) -> tuple[Evidence, ...]:
    """Migrations away that failed, as long as they are told."""
    return tuple(fact for fact in one.failures if fact.at is not None and fact.at > at - KEPT)


def _follow(one: Remembered, what: str, how: str) -> None:
    """A LIFECYCLE event: what happened, and its detail."""
    match what:
        case "STARTED":
            one.begin()
            one.begun, one.incoming = True, how == "MIGRATED"
        case "RESUMED" if one.incoming:
            one.incoming, one.live = False, True
        case "RESUMED":
            one.io_error = None
        case "SUSPENDED" if one.incoming and how == "PAUSED":
            one.incoming, one.live = False, True  # it came here paused, as it was
        case "STOPPED":
            one.ended, one.live = (_UNFINISHED if one.incoming else how), False
            one.incoming = False
            if how not in _FAILURES:  # told late: nobody misses it
                one.died, one.missed_since = False, 0
        case "CRASHED":
            one.ended = "CRASHED"
        case "UNDEFINED" if one.ended:  # its definition went after it: a person did that
            one.ended, one.missed_since = how, 0


def _inactive(one: Remembered, domain: Domain) -> None:
    status, last = domain.status, one.last
    unknown = status.state == State.SHUTOFF and status.reason == Shutoff.UNKNOWN
    ran = last is not None and is_active(last.status) and not is_arriving(one, last)
    one.died = unknown and (one.died or (ran and not one.ended))
    one.incoming = one.live = False
    one.stay()
