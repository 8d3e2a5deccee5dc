"""The domains of a host with their states: all in one call where the driver has it, or one by one."""

from dataclasses import dataclass
from typing import Any

import libvirt

from gateway.collectors.libvirt.callbacks import is_unsupported
from gateway.collectors.libvirt.records import DomainStatus
from gateway.collectors.libvirt.worker import Calls

LIST = "list of domains"
"""Name of these calls: without an answer to them a host cannot be read."""


@dataclass(frozen=True, slots=True)
class Row:
    """A domain as it is listed: libvirt's object of it, and its state."""

    virt: Any
    status: DomainStatus

    @property
    def what(self) -> str:
        return f"domain {self.status.name} {self.status.uuid}"


def listed(connection: Any, calls: Calls) -> list[Row]:
    """All domains by name, with their states; one call where the driver has it, which does not ask the machines."""
    try:
        stats = calls(LIST, connection.getAllDomainStats, libvirt.VIR_DOMAIN_STATS_STATE, 0)
    except libvirt.libvirtError as error:
        if not is_unsupported(error):
            raise
        found = [_row(domain, calls) for domain in calls(LIST, connection.listAllDomains, 0)]
        rows = [row for row in found if row is not None]
    else:
        rows = [Row(one, _status(one, told.get("state.state", 0), told.get("state.reason", 0))) for one, told in stats]
    return sorted(rows, key=lambda row: (row.status.name, row.status.uuid))


def looked_up(uuid: str, connection: Any, calls: Calls) -> Row | None:
    """One domain with its state; None: the host does not know it (any more)."""
    try:
        domain = calls(LIST, connection.lookupByUUIDString, uuid)
    except libvirt.libvirtError as error:
        if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
            raise
        return None
    return _row(domain, calls)


def _row(domain: Any, calls: Calls) -> Row | None:
    try:
        state, reason = calls(LIST, domain.state, 0)
    except libvirt.libvirtError as error:
        if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
            raise
        return None
    return Row(domain, _status(domain, state, reason))


def _status(domain: Any, state: int, reason: int) -> DomainStatus:
    return DomainStatus(domain.UUIDString(), domain.name(), domain.ID(), state, reason)
