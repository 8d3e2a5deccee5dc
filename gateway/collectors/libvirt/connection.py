"""One connection to a libvirt daemon: opened so that it cannot hang unseen, listened to before it is read, closed."""

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import libvirt

from gateway.collectors.libvirt.address import Address, FileEnd
from gateway.collectors.libvirt.callbacks import Tap, is_unsupported, register
from gateway.collectors.libvirt.loop import EVENT_LOOP
from gateway.collectors.libvirt.probe import Door, probe
from gateway.collectors.libvirt.settings import LibvirtSettings
from gateway.collectors.libvirt.worker import Calls
from gateway.model.errors import SourceUnavailable

logger = logging.getLogger(__name__)

_CREDENTIALS = [libvirt.VIR_CRED_AUTHNAME, libvirt.VIR_CRED_PASSPHRASE]


class Connection:
    """An open connection. `virt`: libvirt's own object. Its methods block: a worker calls them."""

    def __init__(self, virt: Any) -> None:
        self.virt = virt
        self._undo: list[Callable[[], object]] = []
        self._tap: Tap | None = None
        self._in_use = threading.Lock()
        """libvirt frees what is closed, whoever is still in a call on it."""
        self._is_closed = False

    def answers(self) -> bool:
        """
        Ask the host what costs it nothing; it may be asked beside another call. False: the connection has ended.

        It blocks until something comes back.
        """
        with self._in_use:
            if self._is_closed:
                return False
            try:
                self.virt.getLibVersion()
            except libvirt.libvirtError:
                return bool(self.virt.isAlive())
            return True

    def watch(self, calls: Calls, tap: Tap) -> None:
        """
        Have the host tell what happens, and that the connection has ended.

        Raises:
            SourceUnavailable: it refuses.
        """
        try:
            self._tap = tap
            calls("registration of callbacks", self._register_close, tap)
            calls("registration of callbacks", register, self.virt, tap, self._undo)
        except libvirt.libvirtError as error:
            raise SourceUnavailable(f"its events cannot be had: {said(error)}") from error

    def _register_close(self, tap: Tap) -> None:
        try:
            self.virt.registerCloseCallback(tap.on_close, None)
        except libvirt.libvirtError as error:
            if not is_unsupported(error):
                raise
        else:
            self._undo.append(self.virt.unregisterCloseCallback)

    def close(self) -> None:
        """Take everything back and close. It may take as long as a call; errors of a broken connection are none."""
        if self._tap is not None:
            self._tap.open = False
        with self._in_use:
            self._is_closed = True
            for undo in (*reversed(self._undo), self.virt.close):
                with suppress(libvirt.libvirtError):  # it is gone already
                    undo()
            self._undo.clear()


@dataclass(frozen=True, slots=True)
class Opener:
    """Opens connections to one host. `writes`: more than reading is wanted."""

    address: Address
    settings: LibvirtSettings
    writes: bool = False

    def knock(self, calls: Calls) -> Door | None:
        """
        Try whether somebody is there, with a deadline that libvirt's own way of opening has not. Blocking.

        Returns:
            where that was; None: nowhere that can be reached beside libvirt.

        Raises:
            SourceUnavailable: nobody, or nobody who answers.
        """
        end = self.address.end
        if isinstance(end, FileEnd):
            calls("look at its file", _look_at, end.path)
        elif end is not None:
            patience = self.settings.connect_timeout_s + self.settings.call_timeout_s  # resolving a name takes time too
            return calls.within(patience, "connect", probe, end, self.settings.connect_timeout_s)
        return None

    def open(self, calls: Calls) -> Connection:
        """
        Open, and have dead connections noticed. Blocking; `knock` before.

        Raises:
            SourceUnavailable: refused, no rights.
        """
        EVENT_LOOP.start()
        try:
            virt = calls.within(self.settings.open_timeout_s, "open", self._open)
        except libvirt.libvirtError as error:
            raise SourceUnavailable(said(error)) from error
        connection = Connection(virt)
        try:
            calls("keepalive", virt.setKeepAlive, self.settings.keepalive_s, self.settings.keepalive_count)
        except libvirt.libvirtError as error:
            if not is_unsupported(error):  # drivers in this process have none, and need none
                connection.close()
                raise SourceUnavailable(said(error)) from error
        except BaseException:
            connection.close()
            raise
        return connection

    def _open(self) -> Any:
        if self.settings.username:
            flags = 0 if self.writes else libvirt.VIR_CONNECT_RO
            return libvirt.openAuth(self.address.uri, [_CREDENTIALS, self._answer, None], flags)
        return libvirt.open(self.address.uri) if self.writes else libvirt.openReadOnly(self.address.uri)

    def _answer(self, credentials: list[list[Any]], _opaque: object) -> int:
        """Answer SASL's questions; each is [type, prompt, challenge, default, answer]."""
        password = self.settings.password
        for credential in credentials:
            if credential[0] == libvirt.VIR_CRED_AUTHNAME:
                credential[4] = self.settings.username
            elif credential[0] == libvirt.VIR_CRED_PASSPHRASE and password is not None:
                credential[4] = password.get_secret_value()
            else:
                return -1
        return 0


def _look_at(path: str) -> None:
    """libvirt's XML library complains of a file that cannot be read on stderr, whatever libvirt is told."""
    try:
        with open(path, "rb"):
            pass
    except OSError as error:
        raise SourceUnavailable(
            f"{path}, which describes a host of the driver test, cannot be read: {error.strerror}"
        ) from error


def said(error: libvirt.libvirtError) -> str:
    """What libvirt says, in one line."""
    return " ".join(str(error).split()).rstrip(".")
