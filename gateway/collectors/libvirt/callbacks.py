"""Callbacks of a connection: what a host tells by itself, as DomainEvents in libvirt's words."""

import logging
from collections.abc import Callable
from typing import Any

import libvirt

from gateway.collectors.libvirt.records import DomainEvent

logger = logging.getLogger(__name__)

KINDS = (
    "LIFECYCLE",
    "REBOOT",
    "WATCHDOG",
    "IO_ERROR_REASON",
    "CONTROL_ERROR",
    "JOB_COMPLETED",
    "AGENT_LIFECYCLE",
    "DEVICE_ADDED",
    "DEVICE_REMOVED",
    "METADATA_CHANGE",
    "BLOCK_JOB_2",
    "MIGRATION_ITERATION",
)
_EVENTS = ("DEFINED", "UNDEFINED", "STARTED", "SUSPENDED", "RESUMED", "STOPPED", "SHUTDOWN", "PMSUSPENDED", "CRASHED")


class Tap:
    """
    Takes the callbacks of one connection and hands them on, until it is closed.

    Its methods run in libvirt's thread and must not call libvirt. `told` gets events of domains, `changed` the name of
    what else may have changed (pools, networks), `closed` why the connection ended.
    """

    def __init__(
        self,
        host: str,
        now: Callable[[], int],
        told: Callable[[DomainEvent], object],
        changed: Callable[[str], object],
        closed: Callable[[str], object],
    ) -> None:
        self.host = host
        self.open = True
        self._now = now
        self._told, self._changed, self._closed = told, changed, closed

    def on_domain(self, _connection: Any, domain: Any, *arguments: Any) -> None:
        """Any event of a domain; the last argument is the kind that it was registered with."""
        *details, kind = arguments
        if self.open:
            words = _lifecycle(*details) if kind == "LIFECYCLE" else tuple(map(str, details))
            event = DomainEvent(self._now(), self.host, domain.UUIDString(), domain.name(), kind, words)
            self._hand_over(self._told, event)

    def on_object(self, _connection: Any, _object: Any, *arguments: Any) -> None:
        """An event of a pool or network; the last argument says of which."""
        if self.open:
            self._hand_over(self._changed, arguments[-1])

    def on_close(self, _connection: Any, reason: int, _opaque: Any) -> None:
        """The connection has ended."""
        if self.open:
            self._hand_over(self._closed, CLOSED.get(reason, f"the connection ended (reason {reason})"))

    def _hand_over(self, how: Callable[[Any], object], what: Any) -> None:
        try:
            how(what)
        except RuntimeError:  # the loop of asyncio has ended
            self.open = False


def register(connection: Any, tap: Tap, undo: list[Callable[[], object]]) -> None:
    """
    Register for everything that the host can tell; what its driver does not know is left out.

    Args:
        undo: gets the calls that take the registrations back, at once, for it may end half way; without them libvirt
            keeps the connection for ever.
    """
    for kind in KINDS:
        number = getattr(libvirt, f"VIR_DOMAIN_EVENT_ID_{kind}", None)
        if number is not None:
            _register(undo, connection, "domainEvent", number, tap.on_domain, kind)
    for number in (libvirt.VIR_STORAGE_POOL_EVENT_ID_LIFECYCLE, libvirt.VIR_STORAGE_POOL_EVENT_ID_REFRESH):
        _register(undo, connection, "storagePoolEvent", number, tap.on_object, "pools")
    _register(undo, connection, "networkEvent", libvirt.VIR_NETWORK_EVENT_ID_LIFECYCLE, tap.on_object, "networks")


def _register(
    undo: list[Callable[[], object]], connection: Any, family: str, number: int, callback: Any, opaque: str
) -> None:
    try:
        identity = getattr(connection, f"{family}RegisterAny")(None, number, callback, opaque)
    except libvirt.libvirtError as error:
        if not is_unsupported(error):
            raise
        logger.debug("host %s: its driver tells nothing of %s", callback.__self__.host, opaque)
    else:
        undo.append(lambda: getattr(connection, f"{family}DeregisterAny")(identity))


def is_unsupported(error: libvirt.libvirtError) -> bool:
    """The driver, or an older daemon, does not know this call."""
    return error.get_error_code() in _UNSUPPORTED


def _lifecycle(event: int, detail: int) -> tuple[str, str]:
    return EVENTS.get(event, str(event)), DETAILS.get((event, detail), str(detail))


def _event_names() -> dict[int, str]:
    return {getattr(libvirt, f"VIR_DOMAIN_EVENT_{name}"): name for name in _EVENTS}


def _detail_names() -> dict[tuple[int, int], str]:
    """By event and detail, as this libvirt knows them."""
    names: dict[tuple[int, int], str] = {}
    for number, event in _event_names().items():
        prefix = f"VIR_DOMAIN_EVENT_{event}_"
        for name in dir(libvirt):
            if name.startswith(prefix):
                names[number, getattr(libvirt, name)] = name.removeprefix(prefix)
    return names


EVENTS = _event_names()
DETAILS = _detail_names()
CLOSED = {
    libvirt.VIR_CONNECT_CLOSE_REASON_ERROR: "the connection broke",
    libvirt.VIR_CONNECT_CLOSE_REASON_EOF: "the daemon closed the connection",
    libvirt.VIR_CONNECT_CLOSE_REASON_KEEPALIVE: "the host does not answer any more (keepalive)",
    libvirt.VIR_CONNECT_CLOSE_REASON_CLIENT: "the connection was closed here",
}
_UNSUPPORTED = {
    libvirt.VIR_ERR_NO_SUPPORT,
    libvirt.VIR_ERR_CONFIG_UNSUPPORTED,
    libvirt.VIR_ERR_OPERATION_UNSUPPORTED,
    libvirt.VIR_ERR_ARGUMENT_UNSUPPORTED,
}
