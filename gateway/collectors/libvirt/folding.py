"""Events folded into states: what a host would show after each of them, if somebody read it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from gateway.collectors.libvirt.records import Domain, DomainDefinition, DomainStatus
from gateway.collectors.libvirt.states import Paused, Running, Shutoff, State, is_active

Shown = tuple[State, int]
_STARTED: Mapping[str, Shown] = {
    "MIGRATED": (State.PAUSED, Paused.MIGRATION),
    "RESTORED": (State.RUNNING, Running.RESTORED),
    "FROM_SNAPSHOT": (State.RUNNING, Running.FROM_SNAPSHOT),
    "WAKEUP": (State.RUNNING, Running.WAKEUP),
}
_SUSPENDED: Mapping[str, Shown] = {
    "PAUSED": (State.PAUSED, Paused.USER),
    "MIGRATED": (State.PAUSED, Paused.MIGRATION),
    "IOERROR": (State.PAUSED, Paused.IOERROR),
    "WATCHDOG": (State.PAUSED, Paused.WATCHDOG),
    "RESTORED": (State.PAUSED, Paused.FROM_SNAPSHOT),
    "FROM_SNAPSHOT": (State.PAUSED, Paused.FROM_SNAPSHOT),
    "POSTCOPY": (State.PAUSED, Paused.POSTCOPY),
    "POSTCOPY_FAILED": (State.PAUSED, Paused.POSTCOPY_FAILED),
}
_RESUMED: Mapping[str, Shown] = {
    "UNPAUSED": (State.RUNNING, Running.UNPAUSED),
    "FROM_SNAPSHOT": (State.RUNNING, Running.FROM_SNAPSHOT),
    "POSTCOPY": (State.RUNNING, Running.POSTCOPY),
    "POSTCOPY_FAILED": (State.RUNNING, Running.POSTCOPY_FAILED),
}
_STOPPED: Mapping[str, Shown] = {
    "SHUTDOWN": (State.SHUTOFF, Shutoff.SHUTDOWN),
    "DESTROYED": (State.SHUTOFF, Shutoff.DESTROYED),
    "CRASHED": (State.SHUTOFF, Shutoff.CRASHED),
    "MIGRATED": (State.SHUTOFF, Shutoff.MIGRATED),
    "SAVED": (State.SHUTOFF, Shutoff.SAVED),
    "FAILED": (State.SHUTOFF, Shutoff.CRASHED),  # the event says failed, the state then says crashed
    "FROM_SNAPSHOT": (State.SHUTOFF, Shutoff.FROM_SNAPSHOT),
}
OFF: Shown = (State.SHUTOFF, Shutoff.UNKNOWN)
RAN: Shown = (State.RUNNING, Running.UNKNOWN)
_NOTHING_SAID = DomainDefinition()


@dataclass(slots=True)
class Host:
    """The domains of one host, by UUID, as the events so far leave them."""

    name: str
    domains: dict[str, Domain] = field(default_factory=dict)
    _passing: set[str] = field(default_factory=set)
    """Domains that are here only as the unfinished copy of a migration."""
    _instances: int = 0

    def put(self, uuid: str, name: str, shown: Shown, migrating_out: bool = False) -> bool:
        """A domain is in this state; returns whether that is new."""
        before = self.domains.get(uuid)
        state, reason = shown
        status = DomainStatus(uuid, name, self._id(before, state), state, reason)
        after = Domain(status, _NOTHING_SAID, migrating_out=migrating_out)
        self.domains[uuid] = after if after != before or before is None else before
        return after != before

    def drop(self, uuid: str) -> bool:
        """The host does not know the domain any more; returns whether it did."""
        self._passing.discard(uuid)
        return self.domains.pop(uuid, None) is not None

    def follow(self, uuid: str, name: str, what: str, how: str) -> bool:
        """A LIFECYCLE event; returns whether the host shows something else now."""
        before = self.domains.get(uuid)
        arriving = before is not None and _shown(before) == _STARTED["MIGRATED"] and not before.migrating_out
        match what:
            case "DEFINED":
                self._passing.discard(uuid)
                return before is None and self.put(uuid, name, OFF)
            case "UNDEFINED":
                return before is not None and not is_active(before.status) and self.drop(uuid)
            case "STARTED":
                if before is None and how == "MIGRATED":
                    self._passing.add(uuid)
                return self.put(uuid, name, _STARTED.get(how, (State.RUNNING, Running.BOOTED)))
            case "SUSPENDED":
                return self.put(
                    uuid, name, _SUSPENDED.get(how, (State.PAUSED, Paused.UNKNOWN)), self._leaves(uuid, how)
                )
            case "RESUMED":
                self._passing.discard(uuid)
                migrated = Running.MIGRATED if arriving else Running.MIGRATION_CANCELED
                return self.put(uuid, name, _RESUMED.get(how, (State.RUNNING, migrated)))
            case "STOPPED" if uuid in self._passing:
                return self.drop(uuid)
            case "STOPPED":
                return self.put(uuid, name, _STOPPED.get(how, OFF))
            case "SHUTDOWN":
                return self.put(uuid, name, (State.SHUTDOWN, 0))
            case "PMSUSPENDED":
                return self.put(uuid, name, (State.PMSUSPENDED, 0))
            case "CRASHED":
                return self.put(uuid, name, (State.CRASHED, 1))
        return False

    def leave(self, uuid: str, leaves: bool) -> bool:
        """A running domain is being migrated away, or is not any more; returns whether that is new."""
        domain = self.domains.get(uuid)
        if domain is None or domain.status.state != State.RUNNING or domain.migrating_out == leaves:
            return False
        self.domains[uuid] = replace(domain, migrating_out=leaves)
        return True

    def has_passing(self, uuid: str) -> bool:
        """It is here only as the unfinished copy of a migration."""
        return uuid in self._passing

    def _leaves(self, uuid: str, how: str) -> bool:
        """Handed over, if it ran here; on the other side the copy is shown alike."""
        before = self.domains.get(uuid)
        return how == "MIGRATED" and before is not None and before.status.state == State.RUNNING

    def _id(self, before: Domain | None, state: int) -> int:
        if state == State.SHUTOFF:
            return -1
        if before is not None and before.status.id >= 0:
            return before.status.id
        self._instances += 1
        return self._instances


def _shown(domain: Domain) -> Shown:
    return (State(domain.status.state), domain.status.reason)


def implied(kind: str, what: str, how: str, starts: bool) -> Shown | None:
    """
    In which state a domain was before the first event that is known of it on a host; None: not there.

    `starts`: a STARTED follows at once (libvirt tells RESUMED before it).
    """
    if kind == "LIFECYCLE":
        match what:
            case "SUSPENDED" | "STOPPED" | "SHUTDOWN" | "CRASHED" | "PMSUSPENDED":
                return RAN
            case "RESUMED":
                return None if starts else (State.PAUSED, Paused.USER)
            case "UNDEFINED":
                return OFF
            case "DEFINED":
                return OFF if how == "UPDATED" else None
        return None
    if kind == "AGENT_LIFECYCLE":
        return RAN if how == "2" else None  # the channel changed; 1: the domain was started
    return RAN if kind in _OF_RUNNING else None


_OF_RUNNING = frozenset(
    {"MIGRATION_ITERATION", "WATCHDOG", "REBOOT", "IO_ERROR", "IO_ERROR_REASON", "JOB_COMPLETED", "BALLOON_CHANGE"}
    | {"BLOCK_JOB_2"}
)
