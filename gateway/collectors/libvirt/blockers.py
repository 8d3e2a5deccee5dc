"""What keeps a domain from being migrated live, in a closed set of words."""

from collections.abc import Iterator, Mapping

from gateway.collectors.libvirt.places import Place
from gateway.collectors.libvirt.records import Domain

_PASSTHROUGH = frozenset({"pci", "mdev", "scsi", "scsi_host", "vdpa", "misc", "storage", "net"})
"""Kinds of devices of the host that a domain may hold; others are words of their own."""
WORDS = frozenset(
    {
        "passthrough",
        "usb",
        "tpm",
        "virtiofs",
        "filesystem",
        "shmem",
        "launch_security",
        "local_disk",
        "shareable",
        "transient",
        "cpu_mode",
        "snapshots",
    }
)
"""The part of a blocker before its colon."""


def blockers(domain: Domain, places: Mapping[str, Place]) -> Iterator[str]:
    """
    Each blocker once: `passthrough:pci 0000:65:00.0`, `local_disk:vda`, `cpu_mode:host-passthrough`, ...

    `places`: where its disks are, by target. A CPU mode blocks only towards a different CPU; snapshots block in libvirt
    itself.
    """
    definition = domain.definition
    for device in definition.passthrough:
        kind, _, which = device.partition(" ")
        if kind in _PASSTHROUGH:
            yield f"passthrough:{device.replace(',', ' ')}"
        else:
            yield f"{kind}:{which.replace(',', ' ')}" if which else kind
    for disk in definition.disks:
        place = places.get(disk.target)
        if place is not None and place.local:
            yield f"local_disk:{disk.target}"
        if disk.shareable:
            yield f"shareable:{disk.target}"
        if disk.transient:
            yield f"transient:{disk.target}"
    if definition.cpu_mode in ("host-passthrough", "maximum"):
        yield f"cpu_mode:{definition.cpu_mode}"
    if domain.snapshots or domain.checkpoints:
        yield "snapshots"
