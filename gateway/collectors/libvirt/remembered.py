"""What a fleet's collector knows beyond its last reads, in a file of the state folder: it outlives the gateway."""

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gateway.collectors.libvirt.records import Guest

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Remembered:
    """`guests`: what agents told. `pairs`: pools that proved to be one (`Storage.pairs`)."""

    guests: tuple[Guest, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()


def load(file: Path) -> Remembered:
    """What was saved; nothing when there is no such file, or none that can be used (logged)."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        guests = tuple(map(_guest, document["guests"]))
        return Remembered(guests, tuple((str(left), str(right)) for left, right in document["pairs"]))
    except FileNotFoundError:
        return Remembered()
    except (OSError, ValueError, TypeError, KeyError) as error:
        logger.warning("%s cannot be used, what it held is found out anew: %s", file, error)
        return Remembered()


def save(file: Path, remembered: Remembered) -> bool:
    """Write it down, whole or not at all (blocking). False: it could not be (logged)."""
    temporary = file.with_suffix(".new")
    try:
        temporary.write_text(json.dumps(asdict(remembered), indent=1), encoding="utf-8")
        temporary.replace(file)
    except OSError as error:
        logger.warning("%s cannot be written: %s. Make the state folder writable.", file, error.strerror or error)
        return False
    return True


def _guest(saved: Mapping[str, Any]) -> Guest:
    interfaces = tuple((str(mac), tuple(map(str, addresses))) for mac, addresses in saved["interfaces"])
    filesystems = tuple((str(point), str(kind)) for point, kind in saved["filesystems"])
    return Guest(**{**saved, "interfaces": interfaces, "filesystems": filesystems})
