"""What is wrong with a domain, in words for a person who was woken by it."""

from collections.abc import Iterator

from gateway.collectors.libvirt.fleet import Hold
from gateway.collectors.libvirt.memory import STORM, STORM_WINDOW, Remembered, recent
from gateway.collectors.libvirt.records import Disk, Domain
from gateway.collectors.libvirt.states import Paused, Running, Shutoff, State, words
from gateway.model.conditions import SECOND, ConditionKind
from gateway.model.entities import EntityKind, NativeKey
from gateway.model.observations import ObservedCondition

JUDGED = frozenset({ConditionKind.CRASHED, ConditionKind.PAUSED_IO_ERROR, ConditionKind.DEGRADED})
"""What a host's view judges of its domains."""
_NO_SPACE = "enospc"


def conditions(host: str, domain: Domain, one: Remembered, hold: Hold, at: int) -> Iterator[ObservedCondition]:
    """What is wrong with a domain whose home is this host. `at`: microseconds UTC."""
    crash = _crash(host, domain, one, hold)
    if crash is not None:
        yield crash
    if (domain.status.state, domain.status.reason) == (State.PAUSED, Paused.IOERROR):
        yield _io_error(host, domain, one)
    yield from _degraded(host, domain, one, at)


def has_storm(one: Remembered, at: int) -> bool:
    """Its watchdog fired, or it rebooted, again and again."""
    return len(recent(one.watchdogs, at)) >= STORM or len(recent(one.reboots, at)) >= STORM


def missed(host: str, domain: Domain, one: Remembered) -> ObservedCondition:
    """A domain that failed and left no definition behind on its host."""
    name = domain.status.name
    if one.died:
        text = f"{name} was active on {host}, which does not know it any more: nobody told what ended it"
    else:
        text = f"{name} failed on {host}, and was not defined there for good: the host does not know it any more"
    return _crashed(domain, text, f"start {name} again from its definition (where it is defined: virsh list --all)")


# -- crashed ---------------------------------------------------------------------------------------------------


def _crash(host: str, domain: Domain, one: Remembered, hold: Hold) -> ObservedCondition | None:
    """What ended it or holds it up for good; None: nothing, or what a person asked for."""
    name, status = domain.status.name, domain.status
    log = f"read /var/log/libvirt/qemu/{name}.log on {host}, then: virsh start {name}"
    match (status.state, status.reason):
        case (State.SHUTOFF, Shutoff.CRASHED):
            return _crashed(domain, f"{name} crashed on {host}", log)
        case (State.SHUTOFF, Shutoff.FAILED):
            return _crashed(domain, f"{name} could not be started, or restored, on {host}", log)
        case (State.SHUTOFF, Shutoff.UNKNOWN) if one.died:
            text = f"{name} was active on {host} and is off since the host or its libvirt daemon restarted"
            return _crashed(domain, text, f"find out why {host} restarted, then: virsh start {name}")
        case (State.SHUTOFF, Shutoff.UNKNOWN):
            return _perhaps(domain, f"{name} is off on {host}; why is not known")
        case (State.SHUTOFF, Shutoff.MIGRATED) if hold is Hold.LEFT_BEHIND:
            return _perhaps(domain, f"{name} left {host} by migration; where it went is not known")
        case (State.CRASHED, _) | (State.PAUSED, Paused.CRASHED):
            text = (
                f"{name} crashed on {host} and is kept as it was (on_crash={domain.definition.on_crash or 'preserve'})"
            )
            save = f"save what you need (virsh dump {name} FILE), then: virsh destroy {name}; virsh start {name}"
            return _crashed(domain, text, save)
        case (State.PAUSED, Paused.WATCHDOG):
            text = f"{name} hung on {host}: its watchdog fired and paused it"
            return _crashed(domain, text, f"look at its console, then: virsh reset {name}; virsh resume {name}")
    return None


def _crashed(domain: Domain, text: str, remedy: str) -> ObservedCondition:
    return ObservedCondition(ConditionKind.CRASHED, vm_key(domain.status.uuid), text=text, remedy=remedy)


def _perhaps(domain: Domain, text: str) -> ObservedCondition:
    """It may still be so: what was raised is not cleared, and nothing begins."""
    key = vm_key(domain.status.uuid)
    remedy = f"start it if it is to run: virsh start {domain.status.name}"
    return ObservedCondition(ConditionKind.CRASHED, key, text=text, remedy=remedy, holding=False)


def vm_key(uuid: str) -> NativeKey:
    """A VM is known by its domain's UUID, on all hosts."""
    return NativeKey(EntityKind.VM, uuid)


# -- paused on an I/O error ------------------------------------------------------------------------------------


def _io_error(host: str, domain: Domain, one: Remembered) -> ObservedCondition:
    name, error = domain.status.name, one.io_error
    if error is None:
        text = f"{name} is paused on {host}: an I/O error of one of its disks"
        cause = f"find the disk (virsh domblkerror {name}), repair its storage"
    else:
        disk = _disk_of(domain, error.path)
        of = f"disk {disk.target} ({error.path})" if disk is not None else error.path
        why = "its storage is full (enospc)" if error.reason == _NO_SPACE else error.reason or "no reason is given"
        text = f"{name} is paused on {host}: I/O error of {of}: {why}"
        cause = f"free space where {error.path} is" if error.reason == _NO_SPACE else f"repair what {error.path} is on"
    return ObservedCondition(
        ConditionKind.PAUSED_IO_ERROR,
        vm_key(domain.status.uuid),
        text=text,
        remedy=f"{cause}, then: virsh resume {name} on {host}",
    )


def _disk_of(domain: Domain, path: str) -> Disk | None:
    for disk in domain.definition.disks:
        if path and path in (disk.source, *disk.backing):
            return disk
    return None


# -- degraded --------------------------------------------------------------------------------------------------


def _degraded(host: str, domain: Domain, one: Remembered, at: int) -> Iterator[ObservedCondition]:
    name, key = domain.status.name, vm_key(domain.status.uuid)
    minutes = STORM_WINDOW // SECOND // 60
    for what, times in (("its watchdog fired", one.watchdogs), ("it was reset or rebooted", one.reboots)):
        number = len(recent(times, at))
        if number >= STORM:
            yield ObservedCondition(
                ConditionKind.DEGRADED,
                key,
                "storm",
                f"{name} on {host} does not stay up: {what} at least {STORM} times in {minutes} minutes",
                f"look at the console of {name}: something in it hangs or restarts it",
            )
            return
    if (domain.status.state, domain.status.reason) in _TORN:
        yield ObservedCondition(
            ConditionKind.DEGRADED,
            key,
            "postcopy",
            f"the post-copy migration of {name} broke off: {host} shows it as {words(domain.status)}",
            f"repair the network between the two hosts, then: virsh migrate --postcopy-resume {name} DESTINATION",
        )


_TORN = ((State.RUNNING, Running.POSTCOPY_FAILED), (State.PAUSED, Paused.POSTCOPY_FAILED))
