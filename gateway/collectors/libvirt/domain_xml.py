"""The XML of a domain (`virsh dumpxml`) as a DomainDefinition."""

import re
from collections.abc import Iterator
from sys import intern

from gateway.collectors.libvirt.records import Disk, DomainDefinition, Nic
from gateway.collectors.libvirt.xml import Element, attribute, read_xml, size, text, whole_number
from gateway.model.errors import SourceMalformed

AGENT = "org.qemu.guest_agent.0"
_OSINFO = "{http://libosinfo.org/xmlns/libvirt/domain/1.0}"
_NAMED = re.compile(r"<name>([^<]{1,100})</name>")
_SOURCE = {"file": "file", "block": "dev", "dir": "dir", "network": "name", "vhostuser": "path", "vhostvdpa": "dev"}
"""Type of a source -> the attribute that holds what it is."""


def domain_definition(xml: str) -> DomainDefinition:
    """
    What the XML of a domain says. Words that thousands of domains have in common are kept once.

    Raises:
        SourceMalformed: it is not the XML of a domain; names the domain as far as it can.
    """
    root = read_xml(xml, "domain", _what(xml))
    uuid = text(root, "uuid")
    smbios = _smbios_uuid(root)
    memory = size(root, "memory", "KiB")
    disks = tuple(_disk(disk) for disk in root.iterfind("devices/disk") if disk.find("target") is not None)
    if root.get("type") is None:
        raise SourceMalformed(f"{_what(xml)}: <domain> has no type.")
    return DomainDefinition(
        type=intern(root.get("type", "")),
        title=text(root, "title"),
        arch=intern(attribute(root, "os/type", "arch")),
        machine=intern(attribute(root, "os/type", "machine")),
        vcpus=whole_number(attribute(root, "vcpu", "current") or text(root, "vcpu")),
        max_vcpus=whole_number(text(root, "vcpu")),
        memory=size(root, "currentMemory", "KiB") or memory,
        max_memory=size(root, "maxMemory", "KiB") or memory,
        cpu_mode=intern(attribute(root, "cpu", "mode")),
        os=intern(attribute(root, f"metadata/{_OSINFO}libosinfo/{_OSINFO}os", "id")),
        smbios_uuid=smbios if smbios != uuid.lower() else "",
        on_crash=intern(text(root, "on_crash")),
        watchdog=_watchdog(root),
        agent=_agent(root),
        disks=disks,
        nics=tuple(_nic(nic) for nic in root.iterfind("devices/interface") if nic.find("mac") is not None),
        passthrough=tuple(dict.fromkeys(_held(root))),
    )


def _what(xml: str) -> str:
    named = _NAMED.search(xml[:2000])
    return f"the XML of domain {named[1]}" if named else "the XML of a domain"


def _smbios_uuid(root: Element) -> str:
    """`<sysinfo><system><entry name='uuid'>`: what the guest sees, when its definition sets it."""
    for entry in root.iterfind("sysinfo/system/entry"):
        if entry.get("name") == "uuid":
            return (entry.text or "").strip().lower()
    return ""


def _watchdog(root: Element) -> str:
    """What the watchdog does when it fires; empty: there is none."""
    watchdog = root.find("devices/watchdog")
    return watchdog.get("action", "reset") if watchdog is not None else ""


def _agent(root: Element) -> str:
    for target in root.iterfind("devices/channel/target"):
        if target.get("name") == AGENT:
            return target.get("state", "disconnected")
    return ""


# -- disks and interfaces --------------------------------------------------------------------------------------


def _disk(disk: Element) -> Disk:
    kind = intern(disk.get("type", "file"))
    source = disk.find("source")
    return Disk(
        target=intern(_target(disk)),
        device=intern(disk.get("device", "disk")),
        kind=kind,
        source=_source(kind, source),
        protocol=source.get("protocol", "") if source is not None and kind == "network" else "",
        servers=servers_of(source),
        pool=intern(source.get("pool", "")) if source is not None else "",
        volume=source.get("volume", "") if source is not None else "",
        format=intern(attribute(disk, "driver", "type")),
        serial=text(disk, "serial"),
        wwn=text(disk, "wwn"),
        shareable=disk.find("shareable") is not None,
        transient=disk.find("transient") is not None,
        readonly=disk.find("readonly") is not None,
        error_policy=intern(attribute(disk, "driver", "error_policy")),
        backing=tuple(_backing(disk)),
        bus=intern(attribute(disk, "target", "bus")),
    )


def _target(disk: Element) -> str:
    """The name under which the guest's bus has it (vda)."""
    name = attribute(disk, "target", "dev")
    if not name:
        raise SourceMalformed("the XML of a domain: the <target> of a <disk> has no dev.")
    return name


def _source(kind: str, source: Element | None) -> str:
    if source is None:
        return ""
    if kind == "nvme":
        return f"{pci_address(source.find('address'))}/{source.get('namespace', '')}"
    return source.get(_SOURCE.get(kind, ""), "")


def servers_of(source: Element | None) -> tuple[str, ...]:
    """`name:port` of each host of a source, or the path of its socket."""
    if source is None:
        return ()
    found = (_server(host) for host in source.iterfind("host"))
    return tuple(server for server in found if server)


def _server(host: Element) -> str:
    name, port = host.get("name", ""), host.get("port", "")
    return (f"{name}:{port}" if port else name) or host.get("socket", "")


def _backing(disk: Element) -> Iterator[str]:
    """Sources of the backing chain, nearest first."""
    store = disk.find("backingStore")
    while store is not None:
        source = _source(store.get("type", ""), store.find("source"))
        if source:
            yield source
        store = store.find("backingStore")


def _nic(nic: Element) -> Nic:
    return Nic(
        mac=attribute(nic, "mac", "address").lower(),
        kind=intern(nic.get("type", "")),
        network=intern(attribute(nic, "source", "network")),
        bridge=intern(attribute(nic, "source", "bridge")),
        target=attribute(nic, "target", "dev"),
        model=intern(attribute(nic, "model", "type")),
    )


# -- what holds it on its host ---------------------------------------------------------------------------------


def _held(root: Element) -> Iterator[str]:
    """Devices and folders of the host that the domain holds: `pci 0000:65:00.0`, `usb 046d:c52b`, `virtiofs share`."""
    for device in root.iterfind("devices/hostdev"):
        yield _hostdev(device)
    for nic in root.iterfind("devices/interface"):
        if nic.get("type") in ("hostdev", "vdpa"):
            address = pci_address(nic.find("source/address")) or attribute(nic, "source", "dev")
            yield f"{'pci' if nic.get('type') == 'hostdev' else 'vdpa'} {address}"
    for folder in root.iterfind("devices/filesystem"):
        driver = attribute(folder, "driver", "type") or "9p"
        yield f"{'virtiofs' if driver == 'virtiofs' else 'filesystem'} {attribute(folder, 'target', 'dir')}"
    for tpm in root.iterfind("devices/tpm"):
        yield f"tpm {attribute(tpm, 'backend', 'type')}"
    for memory in root.iterfind("devices/shmem"):
        yield f"shmem {memory.get('name', '')}"
    if root.find("launchSecurity") is not None:
        yield f"launch_security {attribute(root, 'launchSecurity', 'type')}"


def _hostdev(device: Element) -> str:
    kind = device.get("type", "")
    source = device.find("source")
    if source is None:
        return kind
    address = source.find("address")
    if kind == "usb":
        vendor, product = attribute(source, "vendor", "id"), attribute(source, "product", "id")
        where = ".".join(address.get(name, "") for name in ("bus", "device")) if address is not None else ""
        return f"usb {f'{vendor[2:]}:{product[2:]}' if vendor else where}"
    if kind == "mdev":
        return f"mdev {address.get('uuid', '') if address is not None else ''}"
    if kind == "pci":
        return f"pci {pci_address(address)}"
    return f"{kind} {attribute(source, 'adapter', 'name') or source.get('wwpn', '')}".strip()


def pci_address(address: Element | None) -> str:
    """`0000:3b:10.2`, as lspci writes it; empty when it is not given."""
    if address is None:
        return ""
    domain, bus, slot, function = (address.get(name, "0x0")[2:] for name in ("domain", "bus", "slot", "function"))
    return f"{domain.zfill(4)}:{bus.zfill(2)}:{slot.zfill(2)}.{function}"
