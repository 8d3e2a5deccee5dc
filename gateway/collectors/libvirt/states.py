"""States and reasons of domains, as libvirt numbers them (libvirt 9.0, virDomainState), with their names."""

from enum import IntEnum

from gateway.collectors.libvirt.records import DomainStatus


class State(IntEnum):
    """virDomainState."""

    NOSTATE = 0
    RUNNING = 1
    BLOCKED = 2
    PAUSED = 3
    SHUTDOWN = 4
    """It is being shut down: the guest has ended, its process not yet."""
    SHUTOFF = 5
    CRASHED = 6
    PMSUSPENDED = 7


class Running(IntEnum):
    """virDomainRunningReason: how it came to run."""

    UNKNOWN = 0
    BOOTED = 1
    MIGRATED = 2
    RESTORED = 3
    FROM_SNAPSHOT = 4
    UNPAUSED = 5
    MIGRATION_CANCELED = 6
    SAVE_CANCELED = 7
    WAKEUP = 8
    CRASHED = 9
    POSTCOPY = 10
    POSTCOPY_FAILED = 11


class Paused(IntEnum):
    """virDomainPausedReason."""

    UNKNOWN = 0
    USER = 1
    MIGRATION = 2
    """On both sides of a live migration: handed over at its origin, being filled at its destination."""
    SAVE = 3
    DUMP = 4
    IOERROR = 5
    WATCHDOG = 6
    FROM_SNAPSHOT = 7
    SHUTTING_DOWN = 8
    SNAPSHOT = 9
    CRASHED = 10
    STARTING_UP = 11
    POSTCOPY = 12
    POSTCOPY_FAILED = 13


class Shutoff(IntEnum):
    """virDomainShutoffReason. A domain that never ran, and one whose host restarted, have UNKNOWN."""

    UNKNOWN = 0
    SHUTDOWN = 1
    DESTROYED = 2
    CRASHED = 3
    MIGRATED = 4
    SAVED = 5
    FAILED = 6
    FROM_SNAPSHOT = 7
    DAEMON = 8


class Crashed(IntEnum):
    """virDomainCrashedReason."""

    UNKNOWN = 0
    PANICKED = 1


_REASONS: dict[State, type[IntEnum]] = {
    State.RUNNING: Running,
    State.PAUSED: Paused,
    State.SHUTOFF: Shutoff,
    State.CRASHED: Crashed,
}
_ACTIVE = frozenset({State.RUNNING, State.BLOCKED, State.PAUSED, State.SHUTDOWN, State.PMSUSPENDED})
_UNDECIDED = frozenset({State.NOSTATE, State.CRASHED})
"""Xen's "no state" and a crashed guest that is preserved are active as long as there is an instance of them."""
_WORDS = {
    State.NOSTATE: "no state",
    State.RUNNING: "running",
    State.BLOCKED: "blocked",
    State.PAUSED: "paused",
    State.SHUTDOWN: "in shutdown",
    State.SHUTOFF: "shut off",
    State.CRASHED: "crashed",
    State.PMSUSPENDED: "suspended by the guest",
}
_SPELT = {"IOERROR": "I/O error", "POSTCOPY": "post-copy", "POSTCOPY_FAILED": "post-copy failed"}


def is_active(status: DomainStatus) -> bool:
    """There is an instance of it on this host: it runs, is paused, arrives or leaves."""
    return status.state in _ACTIVE or (status.state in _UNDECIDED and status.id >= 0)


def is_in_transit(status: DomainStatus) -> bool:
    """Its state alone says that it is being started, or is between two hosts."""
    between = (Paused.MIGRATION, Paused.STARTING_UP, Paused.POSTCOPY)
    return status.state == State.PAUSED and status.reason in between


def reason_of(status: DomainStatus) -> IntEnum | None:
    """The reason by name; None for states that have none, and for reasons newer than this list."""
    names = _REASONS.get(State(status.state)) if status.state in State._value2member_map_ else None
    return names(status.reason) if names is not None and status.reason in names._value2member_map_ else None


def words(status: DomainStatus) -> str:
    """State and reason for a person, as `virsh domstate --reason` writes them: `shut off (crashed)`."""
    if status.state not in State._value2member_map_:
        return f"state {status.state}"
    state = _WORDS[State(status.state)]
    reason = reason_of(status)
    if reason is None or reason.value == 0:
        return f"{state} ({status.reason})" if reason is None and status.reason else state
    return f"{state} ({_SPELT.get(reason.name, reason.name.lower().replace('_', ' '))})"
