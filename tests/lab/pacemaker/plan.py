"""The plan of one lab: its name, its machines with their addresses, and where its files lie."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.lab.errors import LabError

MANAGEMENT = "mgmt"
SWITCH = "_switch"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is fixed from `up` to `down`; kept in the lab's folder, so that other processes find it."""

    name: str
    folder: Path
    net: str
    nodes: dict[str, str]
    remotes: dict[str, str]
    token_ms: int
    reboot_s: float
    authkey: str
    with_resources: bool
    extra_resources: str
    alert_path: str | None
    forced_command: str | None
    remoted: str
    clear_port: int
    tls_port: int
    owner: str | None

    @property
    def machines(self) -> dict[str, str]:
        """Address by name of every cluster machine, remote nodes included."""
        return self.nodes | self.remotes

    @property
    def shared(self) -> Path:
        """The folder that every node sees as /mnt/halab."""
        return self.folder / "shared"

    @property
    def ssh(self) -> Path:
        return self.folder / "ssh"

    def own(self, machine: str) -> Path:
        """The folder of one machine: its disk, and the lab's notes about it."""
        return self.folder / machine

    def mark(self, machine: str, note: str) -> Path:
        """A file whose existence says something of a machine: `cut`, `halted` or `booting`."""
        return self.own(machine) / note

    def save(self) -> None:
        record = asdict(self) | {"folder": str(self.folder)}
        state = state_file(self.folder)
        fresh = state.with_suffix(".new")
        fresh.write_text(json.dumps(record, indent=1))
        fresh.replace(state)


def folder_of(name: str) -> Path:
    """The folder that a lab of this name uses."""
    return Path(tempfile.gettempdir()) / f"{name}.run"


def state_file(folder: Path) -> Path:
    return folder / "state.json"


def load_plan(folder: Path) -> Plan:
    """
    Read the plan of a lab that is up.

    Raises:
        LabError: no lab is up there.
    """
    try:
        record = json.loads(state_file(folder).read_text())
    except FileNotFoundError:
        raise LabError(f"no lab is up in {folder}") from None
    return Plan(**record | {"folder": Path(record["folder"])})
