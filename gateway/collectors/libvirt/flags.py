"""What libvirt says of a domain outside its XML: one by one for a few, all at once for many."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import libvirt

from gateway.collectors.libvirt.callbacks import is_unsupported
from gateway.collectors.libvirt.worker import Calls

MIGRATION_OUT: int = libvirt.VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT


@dataclass(frozen=True, slots=True)
class Flags:
    """Of one domain; names of snapshots and checkpoints."""

    persistent: bool
    autostart: bool
    managed_save: bool
    snapshots: tuple[str, ...] = ()
    checkpoints: tuple[str, ...] = ()


@dataclass(slots=True)
class AllFlags:
    """UUIDs of the domains of a host that have a flag."""

    persistent: frozenset[str]
    autostart: frozenset[str]
    managed_save: frozenset[str]
    has_snapshot: frozenset[str]
    has_checkpoint: frozenset[str] = field(default_factory=frozenset)


def flags_of(domain: Any, calls: Calls, what: str, known: AllFlags | None = None) -> Flags:
    """The flags of one domain; `known`: what was asked for all of them before."""
    uuid = domain.UUIDString()
    if known is None:
        return Flags(
            bool(calls(what, domain.isPersistent)),
            bool(_optional(calls, what, domain.autostart, 0)),
            bool(_optional(calls, what, domain.hasManagedSaveImage, 0)),
            _names(calls, what, domain.listAllSnapshots),
            _names(calls, what, domain.listAllCheckpoints),
        )
    return Flags(
        uuid in known.persistent,
        uuid in known.autostart,
        uuid in known.managed_save,
        _names(calls, what, domain.listAllSnapshots) if uuid in known.has_snapshot else (),
        _names(calls, what, domain.listAllCheckpoints) if uuid in known.has_checkpoint else (),
    )


def flags_of_all(connection: Any, calls: Calls) -> AllFlags:
    """The flags of all domains of a host: one call for each flag."""

    def having(flag: int) -> frozenset[str]:
        found = _optional(calls, "list of domains", connection.listAllDomains, [], flag)
        return frozenset(domain.UUIDString() for domain in found)

    return AllFlags(
        having(libvirt.VIR_CONNECT_LIST_DOMAINS_PERSISTENT),
        having(libvirt.VIR_CONNECT_LIST_DOMAINS_AUTOSTART),
        having(libvirt.VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE),
        having(libvirt.VIR_CONNECT_LIST_DOMAINS_HAS_SNAPSHOT),
        having(libvirt.VIR_CONNECT_LIST_DOMAINS_HAS_CHECKPOINT),
    )


def is_migrating_out(domain: Any, calls: Calls, what: str) -> bool:
    """An outgoing migration of this domain is under way."""
    try:
        job = calls(what, domain.jobStats)
    except libvirt.libvirtError as error:
        if error.get_error_code() in _NO_JOB or is_unsupported(error):
            return False
        raise
    return bool(job.get("type")) and job.get("operation") == MIGRATION_OUT


_NO_JOB = {libvirt.VIR_ERR_OPERATION_INVALID, libvirt.VIR_ERR_NO_DOMAIN}


def _names(calls: Calls, what: str, list_all: Callable[[], list[Any]]) -> tuple[str, ...]:
    return tuple(sorted(one.getName() for one in _optional(calls, what, list_all, [])))


def _optional(calls: Calls, what: str, call: Callable[..., Any], otherwise: Any, *args: Any) -> Any:
    """What a call returns, `otherwise` when the driver does not know it."""
    try:
        return calls(what, call, *args)
    except libvirt.libvirtError as error:
        if not is_unsupported(error):
            raise
        return otherwise
