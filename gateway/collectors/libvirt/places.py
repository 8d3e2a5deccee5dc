"""Identity of storage: what a pool or a disk is called, when it proves by itself that other hosts see the same."""

import re
from dataclasses import dataclass

from gateway.collectors.libvirt.records import Disk, Pool, Volume

LOCAL_KINDS = frozenset({"dir", "fs", "disk", "zfs", "logical", "scsi", "mpath", "sheepdog", "vstorage"})
"""Kinds of pools whose definition does not say whether another host sees the same."""
_DEFAULT_PORTS = {"rbd": "6789", "iscsi": "3260", "iscsi-direct": "3260", "gluster": "24007", "nbd": "10809"}
_LVM_KEY = re.compile(r"[0-9A-Za-z]{6}(?:-[0-9A-Za-z]{4}){5}-[0-9A-Za-z]{6}")
_WWN = re.compile(r"(?:/dev/disk/by-id/(?:wwn-0x|scsi-3)|/dev/mapper/3)([0-9a-f]{16,32})(?:-part(\d+))?")
_ISCSI = re.compile(r"/dev/disk/by-path/.*-iscsi-(iq[nq]\..+)-lun-(\d+)(?:-part(\d+))?")
_SERIAL_OF_LUN = re.compile(r"3?([0-9a-f]{16,32})")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a disk is. `volume`: native key of its volume; `pool`: of its pool, empty when not known."""

    volume: str
    pool: str = ""
    local: bool = True
    """Only this host sees it, as far as anybody knows."""


def export_of(pool: Pool) -> str:
    """The native key of a pool whose source is the same for every host that uses it; empty: it does not tell."""
    servers = ",".join(sorted({server_name(server, pool.kind) for server in pool.servers}))
    match pool.kind:
        case "netfs" if servers and pool.source_dir:
            return f"netfs:{servers}:{pool.source_dir.rstrip('/') or '/'}"
        case "iscsi" | "iscsi-direct" if pool.devices:
            return f"iscsi:{pool.devices[0].lower()}"
        case "rbd" if pool.source_name:
            return f"rbd:{servers}/{pool.source_name}"
        case "gluster" if servers and pool.source_name:
            return f"gluster:{servers}/{pool.source_name}{pool.source_dir.rstrip('/')}"
        case "logical" if pool.devices:
            disks = [wwn_of(device) for device in pool.devices]
            return f"logical:{pool.source_name or pool.name}@{','.join(sorted(disks))}" if all(disks) else ""
    return ""


def server_name(server: str, kind: str) -> str:
    """A server without the port that everybody means, in lower case."""
    name, colon, port = server.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()):
        return server.lower()
    return name.lower() if port == _DEFAULT_PORTS.get(kind) else server.lower()


def wwn_of(path: str) -> str:
    """The WWN in the name of a block device, with its partition; empty: there is none."""
    found = _WWN.fullmatch(path)
    return f"{found[1]}{f'-part{found[2]}' if found[2] else ''}" if found is not None else ""


def own_name_of(disk: Disk, volume: Volume | None) -> str:
    """The native key of a disk that every host would call the same; empty: its path says nothing to others."""
    if disk.kind == "network" and disk.source:
        servers = ",".join(sorted({server_name(server, disk.protocol) for server in disk.servers}))
        if disk.protocol == "iscsi":
            return f"iscsi:{disk.source.lower()}"
        return f"{disk.protocol}:{servers}/{disk.source.lstrip('/')}"
    path = volume.path if volume is not None and volume.path else disk.source
    if wwn := wwn_of(path):
        return f"wwn:{wwn}"
    if (lun := _ISCSI.fullmatch(path)) is not None:
        return f"iscsi:{lun[1].lower()}/{lun[2]}{f'-part{lun[3]}' if lun[3] else ''}"
    if volume is not None and _LVM_KEY.fullmatch(volume.key):
        return f"lvm:{volume.key}"
    if volume is not None and volume.kind == "block" and (serial := _SERIAL_OF_LUN.fullmatch(volume.key)) is not None:
        return f"wwn:{serial[1]}"
    return ""


def is_below(path: str, folder: str) -> bool:
    """The path is in the folder, however deep."""
    return bool(folder) and path.startswith(folder.rstrip("/") + "/")
