"""VM words: the enumerations of VM-MIB (RFC 7666), and what our states are among them."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from gateway.model.entities import EntityState


class AdminState(IntEnum):
    """VirtualMachineAdminState."""

    RUNNING = 1
    SUSPENDED = 2
    PAUSED = 3
    SHUTDOWN = 4


class OperState(IntEnum):
    """VirtualMachineOperState."""

    UNKNOWN = 1
    OTHER = 2
    PREPARING = 3
    RUNNING = 4
    SUSPENDING = 5
    SUSPENDED = 6
    RESUMING = 7
    PAUSED = 8
    MIGRATING = 9
    SHUTTINGDOWN = 10
    SHUTDOWN = 11
    CRASHED = 12


class AutoStart(IntEnum):
    """VirtualMachineAutoStart."""

    UNKNOWN = 1
    ENABLED = 2
    DISABLED = 3


class Persistent(IntEnum):
    """VirtualMachinePersistent."""

    UNKNOWN = 1
    PERSISTENT = 2
    TRANSIENT = 3


class StorageAccess(IntEnum):
    """VirtualMachineStorageAccess."""

    UNKNOWN = 1
    READWRITE = 2
    READONLY = 3


class SourceType(IntEnum):
    """VirtualMachineStorageSourceType."""

    UNKNOWN = 1
    OTHER = 2
    BLOCK = 3
    RAW = 4
    SPARSE = 5
    NETWORK = 6


STATES: Final[Mapping[EntityState, tuple[AdminState | None, OperState]]] = {
    EntityState.UNKNOWN: (None, OperState.UNKNOWN),
    EntityState.RUNNING: (AdminState.RUNNING, OperState.RUNNING),
    EntityState.STARTING: (AdminState.RUNNING, OperState.PREPARING),
    EntityState.STOPPING: (AdminState.SHUTDOWN, OperState.SHUTTINGDOWN),
    EntityState.MIGRATING: (AdminState.RUNNING, OperState.MIGRATING),
    EntityState.PAUSED: (AdminState.PAUSED, OperState.PAUSED),
    EntityState.SUSPENDED: (AdminState.SUSPENDED, OperState.SUSPENDED),
    EntityState.STOPPED: (AdminState.SHUTDOWN, OperState.SHUTDOWN),
    EntityState.DEGRADED: (AdminState.RUNNING, OperState.RUNNING),
    EntityState.STANDBY: (None, OperState.OTHER),
    EntityState.MAINTENANCE: (None, OperState.OTHER),
    EntityState.FAILED: (AdminState.RUNNING, OperState.OTHER),
    EntityState.BLOCKED: (AdminState.RUNNING, OperState.OTHER),
    EntityState.CRASHED: (AdminState.RUNNING, OperState.CRASHED),
    EntityState.OFFLINE: (None, OperState.UNKNOWN),
    EntityState.UNCLEAN: (None, OperState.UNKNOWN),
}
"""vmAdminState is what somebody wants; where our state does not say it there is no instance."""
