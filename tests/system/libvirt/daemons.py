"""Many libvirtd on this machine, each a host of its own: libvirt's test driver behind a UNIX socket, no guests."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from uuid import UUID, uuid5

from gateway.collectors.libvirt.probe import HELLO
from tests.lab.requirements import SEARCH_PATH, missing_root, missing_tools

TOOLS = {"libvirtd": "libvirt-daemon", "unshare": "util-linux", "setpriv": "util-linux"}
ANSWER_S = 60.0
PRIVATE = """
for folder in /run /var/lib/libvirt /var/cache/libvirt /var/log/libvirt /usr/lib/*/libvirt/connection-driver; do
    if [ -d "$folder" ]; then mount -t tmpfs none "$folder"; fi
done
exec libvirtd -f "$1/libvirtd.conf" -p "$1/libvirtd.pid"
"""
"""The daemon sees nothing of a libvirt of this machine, and has no driver but those that are built in."""
CONFIGURATION = """
unix_sock_dir = "{folder}"
auth_unix_ro = "none"
auth_unix_rw = "none"
max_clients = 200
min_workers = 1
max_workers = 4
prio_workers = 1
log_outputs = "3:file:{folder}/libvirtd.log"
"""
DOMAIN = """
<domain type="test"><name>{name}</name><uuid>{uuid}</uuid><memory>65536</memory><os><type>hvm</type></os><devices>
<disk type="file"><source file="/images/{name}.img"/><target dev="vda"/></disk>
<interface type="network"><mac address="{mac}"/><source network="lan"/></interface></devices></domain>
"""
NODE = """
<node>{domains}<network><name>lan</name><bridge name="br0"/></network>
<pool type="dir"><name>images</name><target><path>/images</path></target></pool></node>
"""
_IDS = UUID("5b1c1d9e-94c7-4ab5-9ed2-3f4bd1a4a2a6")


def missing() -> str | None:
    """Say what keeps them from running here, or None."""
    return missing_tools(TOOLS) or missing_root("a libvirtd of its own (mount namespace)")


class Daemon:
    """A libvirtd that ends with us. What it has is read from a file when somebody connects."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        (folder / "libvirtd.conf").write_text(CONFIGURATION.format(folder=folder))
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._asked: socket.socket | None = None

    @property
    def pid(self) -> int:
        """Of the daemon that runs now."""
        assert self._process is not None
        return self._process.pid

    @property
    def uri(self) -> str:
        return self.uri_of("host")

    def uri_of(self, host: str, *, writes: bool = False) -> str:
        """One of its hosts; each connection has a host of its own that begins as its file says."""
        return f"test+unix://{self._folder}/{host}.xml?socket={self._folder}/libvirt-sock{'' if writes else '-ro'}"

    def shared_uri(self, *, writes: bool = False) -> str:
        """The driver's own host, the same for all connections, with a domain that is called test."""
        return f"test+unix:///default?socket={self._folder}/libvirt-sock{'' if writes else '-ro'}"

    def has(self, vms: Sequence[str], host: str = "host") -> None:
        """These domains run on a host of it; whoever is connected already does not see that."""
        text = "".join(
            DOMAIN.format(name=vm, uuid=uuid5(_IDS, vm), mac="52:" + uuid5(_IDS, vm).bytes[:5].hex(":")) for vm in vms
        )
        (self._folder / f"{host}.xml").write_text(NODE.format(domains=text))

    def start(self) -> None:
        """Start it, from the thread that lives longest; `answers` says when it is there."""
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "sh", "-c", PRIVATE, "sh", str(self._folder)],
            stdin=subprocess.DEVNULL,
            env={"PATH": SEARCH_PATH},
        )

    def end(self, how: signal.Signals) -> None:
        """Send it a signal, and wait until it is gone."""
        self._forget()
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(ANSWER_S)
            self._process = None

    def answers(self) -> bool:
        """It has answered what every client asks first, since it was started. Does not wait."""
        try:
            if self._asked is None:
                self._asked = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                self._asked.connect(str(self._folder / "libvirt-sock-ro"))
                self._asked.sendall(HELLO)
                self._asked.setblocking(False)
            answered = bool(self._asked.recv(1))
        except BlockingIOError:
            return False
        except OSError:
            answered = False
        self._forget()
        return answered

    def log(self) -> str:
        """What it wrote."""
        file = self._folder / "libvirtd.log"
        return file.read_text() if file.exists() else ""

    def _forget(self) -> None:
        if self._asked is not None:
            self._asked.close()
            self._asked = None


def await_answers(daemons: Mapping[str, Daemon]) -> None:
    """Wait until all of them answer."""
    until, silent = time.monotonic() + ANSWER_S, dict(daemons)
    while silent := {name: daemon for name, daemon in silent.items() if not daemon.answers()}:
        assert time.monotonic() < until, "\n".join(f"{name} does not answer: {d.log()}" for name, d in silent.items())
        time.sleep(0.05)


@contextlib.contextmanager
def running(placement: Mapping[str, Sequence[str]]) -> Iterator[dict[str, Daemon]]:
    """A daemon for each host of `placement`, which names its domains; all answer, and are gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="virtds-"))
    daemons = {host: Daemon(folder / host) for host in placement}
    try:
        for host, daemon in daemons.items():
            daemon.has(placement[host])
            daemon.start()
        await_answers(daemons)
        yield daemons
    finally:
        for daemon in daemons.values():
            daemon.end(signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)
