"""The plan of one lab: its name, hosts, guests, addresses and identities, and where its files lie."""

from __future__ import annotations

import json
import re
import tempfile
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.lab.errors import LabError

FABRIC = "_fabric"
FIRST_HOST_NUMBER = 10
NAMES = uuid.UUID("6f1c2a52-7d0e-4d57-9a43-5a1f6a1b0c77")
LONGEST_SOCKET_PATH = 107  # sun_path, with its NUL 108


@dataclass(frozen=True, slots=True)
class Plan:
    """
    What is fixed from `up` to `down`; kept in the lab's folder, so that other processes find it.

    `net`: first two numbers of the network. `uplink`: name of the link to the machine's own network, empty: none.
    """

    name: str
    folder: Path
    net: str
    hosts: tuple[str, ...]
    vms: tuple[str, ...]
    shared_mb: int
    guest_mb: int
    uplink: str
    owner: str | None

    @property
    def shared(self) -> Path:
        """The shared storage, as every host sees it (outside it is an empty folder)."""
        return self.folder / "shared"

    @property
    def gateway_address(self) -> str:
        """The machine's own address on the uplink; inside the fabric it is `fabric_address`."""
        return f"{self.net}.0.1"

    @property
    def fabric_address(self) -> str:
        return f"{self.net}.0.2"

    def own(self, machine: str) -> Path:
        """The folder of a host or of the fabric."""
        return self.folder / machine

    def host_address(self, host: str) -> str:
        return f"{self.net}.0.{FIRST_HOST_NUMBER + number_of(host)}"

    def vm_address(self, vm: str) -> str:
        return f"{self.net}.1.{number_of(vm)}"

    def host_uuid(self, host: str) -> str:
        """The host's UUID: that of libvirt and that of its SMBIOS."""
        return str(uuid.uuid5(NAMES, f"{self.name}:host:{host}"))

    def vm_uuid(self, vm: str) -> str:
        return str(uuid.uuid5(NAMES, f"{self.name}:vm:{vm}"))

    def network_uuid(self) -> str:
        return str(uuid.uuid5(NAMES, f"{self.name}:net:lan"))

    def host_serial(self, host: str) -> str:
        return f"LAB-SN-{number_of(host):05d}"

    def host_mac(self, host: str) -> str:
        return f"52:54:00:77:00:{FIRST_HOST_NUMBER + number_of(host):02x}"

    def vm_mac(self, vm: str) -> str:
        return f"52:54:00:77:01:{number_of(vm):02x}"

    def home(self, vm: str) -> str:
        """The host that a guest is started on at first."""
        return self.hosts[(number_of(vm) - 1) % len(self.hosts)]

    def image(self, vm: str, *, split: bool = False) -> Path:
        """The disk of a guest; `split`: of its second copy when the brain is split."""
        return self.shared / (f"{vm}.split.img" if split else f"{vm}.img")

    def console(self, vm: str) -> Path:
        return self.folder / "console" / f"{vm}.log"

    def socket(self, host: str) -> Path:
        """libvirtd's UNIX socket, which works across namespaces."""
        return self.own(host) / "run/libvirt/libvirt-sock"

    def save(self) -> None:
        state = state_file(self.folder)
        fresh = state.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(self) | {"folder": str(self.folder)}, indent=1))
        fresh.replace(state)


def number_of(name: str) -> int:
    """The number in `h3` or `vm3`."""
    found = re.search(r"(\d+)$", name)
    if found is None or not 0 < int(found[1]) < 200:
        raise LabError(f"{name!r} is no name of a host or guest: use h1, h2, ... and vm1, vm2, ...")
    return int(found[1])


def folder_of(name: str) -> Path:
    """The folder that a lab of this name uses."""
    return Path(tempfile.gettempdir()) / f"{name}.virt"


def state_file(folder: Path) -> Path:
    return folder / "lab.json"


def load_plan(folder: Path) -> Plan:
    """
    Read the plan of a lab that is up.

    Raises:
        LabError: no lab is up there.
    """
    try:
        record = json.loads(state_file(folder).read_text())
    except (FileNotFoundError, NotADirectoryError):
        raise LabError(f"no libvirt lab is up in {folder}") from None
    lists = {name: tuple(record[name]) for name in ("hosts", "vms")}
    return Plan(**record | lists | {"folder": Path(record["folder"])})


def refuse_long_paths(plan: Plan) -> None:
    """
    UNIX socket paths are short.

    Raises:
        LabError: the lab's name or the temporary folder's is too long.
    """
    longest = len(str(plan.socket(plan.hosts[-1]).with_name("libvirt-admin-sock")))
    if longest > LONGEST_SOCKET_PATH:
        raise LabError(f"{plan.folder}: {longest - LONGEST_SOCKET_PATH} characters too long for UNIX sockets")
