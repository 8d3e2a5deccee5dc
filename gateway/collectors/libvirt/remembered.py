"""What a fleet's collector knows beyond its last reads, in a file of the state folder: it outlives the gateway."""

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from gateway.collectors.libvirt.keeping import Kept, record, restored
from gateway.collectors.libvirt.memory import Remembered as Domain
from gateway.collectors.libvirt.records import Guest

logger = logging.getLogger(__name__)

VERSION = 2
"""Of the file's form. 1, which had no number, knew no hosts."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """
    `guests`: what agents told. `pairs`: pools that proved to be one (`Storage.pairs`).

    `hosts`: what each HostMemory knows (`keeping.kept`). `followed`: all hosts whose scopes may hold something.
    `daemons`: which daemon each host is (`Twins.identities`).
    """

    guests: tuple[Guest, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()
    hosts: Mapping[str, Kept] = field(default_factory=dict)
    followed: tuple[str, ...] = ()
    daemons: Mapping[str, str] = field(default_factory=dict)

    def domains(self, host: str) -> dict[str, Domain]:
        """What was known of a host's domains, by UUID."""
        return restored(host, self.hosts.get(host, {}))


def load(file: Path) -> Remembered:
    """What was saved; nothing when there is no such file, or none that can be used (logged)."""
    try:
        return _remembered(json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Remembered()
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        logger.warning("%s cannot be used, what it held is found out anew: %s", file, error)
        return Remembered()


def save(file: Path, remembered: Remembered) -> bool:
    """Write it down, whole or not at all, for nobody else to read (blocking). False: it could not be (logged)."""
    temporary = file.with_suffix(".new")
    known = {field.name: getattr(remembered, field.name) for field in fields(remembered)}
    text = json.dumps({"version": VERSION, **known}, default=asdict)
    try:
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8") as written:
            written.write(text)
        temporary.replace(file)
    except OSError as error:
        logger.warning("%s cannot be written: %s. Make the state folder writable.", file, error.strerror or error)
        return False
    return True


def _remembered(document: Any) -> Remembered:
    if (version := document.get("version", 1)) not in (1, VERSION):
        raise ValueError(f"its form is {version}, and this gateway knows 1 to {VERSION}")
    guests = tuple(record(Guest, saved) for saved in document["guests"])
    pairs = tuple((str(left), str(right)) for left, right in document["pairs"])
    hosts = dict(document.get("hosts", {}))
    daemons = {host: str(daemon) for host, daemon in document.get("daemons", {}).items()}
    remembered = Remembered(guests, pairs, hosts, tuple(map(str, document.get("followed", hosts))), daemons)
    for host in remembered.hosts:
        remembered.domains(host)  # it can be read
    return remembered
