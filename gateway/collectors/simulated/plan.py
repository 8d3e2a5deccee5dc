"""The plan of a simulated estate: how large it is, how it is wired, and what is to happen in it."""

from dataclasses import dataclass
from enum import StrEnum


class Deed(StrEnum):
    """What a step of the script does."""

    MIGRATE = "migrate"
    """A person asks for a live migration of a VM."""
    BALANCE = "balance"
    """The virtualization manager moves a VM live, by itself."""
    COLD_MOVE = "cold_move"
    """A VM is stopped, and started on another host."""
    FAIL_MIGRATION = "fail_migration"
    """A live migration fails; the VM stays."""
    CRASH_VM = "crash_vm"
    """A VM crashes, and is started again where it was."""
    FAIL_HOST = "fail_host"
    """A host is lost; what ran on it starts elsewhere."""
    RESTORE_HOST = "restore_host"
    """A lost or drained host is back."""
    DRAIN_HOST = "drain_host"
    """All VMs of a host are moved away live."""
    MOVE_GROUP = "move_group"
    """A person asks for an HA group to be on another node."""
    RECOVER = "recover"
    """An HA resource fails on its node, and starts on another."""
    STANDBY = "standby"
    """An HA node goes to standby: its resources move; then it is back."""
    BLOCK = "block"
    """An HA resource cannot be stopped: blocked, until a person cleans up."""
    EXHAUST = "exhaust"
    """An HA resource has failed on all nodes, until a person cleans up."""
    FAIL_FENCE = "fail_fence"
    """An HA node is lost and its fencing fails for a while."""


VM_DEEDS = frozenset({Deed.MIGRATE, Deed.BALANCE, Deed.COLD_MOVE, Deed.FAIL_MIGRATION, Deed.CRASH_VM})
HOST_DEEDS = frozenset({Deed.FAIL_HOST, Deed.RESTORE_HOST, Deed.DRAIN_HOST})
CLUSTER_DEEDS = frozenset(Deed) - VM_DEEDS - HOST_DEEDS


@dataclass(frozen=True, slots=True)
class Step:
    """
    One step. `at_s`: seconds of simulated time after the start. `what`: name of the VM, host or HA cluster, `to` of
    the host or node that it goes to; empty: the seed chooses. `lasting`: a host that fails or is drained stays so.
    """

    at_s: float
    deed: Deed
    what: str = ""
    to: str = ""
    lasting: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that the events of an estate follow from: equal plans give equal events."""

    hosts: int
    vms_per_host: int
    ha_clusters: int
    seed: int = 1
    steps_per_minute: float = 0.0
    script: tuple[Step, ...] = ()
