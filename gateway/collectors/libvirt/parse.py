"""libvirt's XML as records: capabilities and sysinfo of a host, pools, volumes, networks; domains in `domain_xml`."""

from gateway.collectors.libvirt.domain_xml import domain_definition, servers_of
from gateway.collectors.libvirt.records import HostFacts, Network, Pool, Volume
from gateway.collectors.libvirt.xml import Element, attribute, read_xml, required, size, text

__all__ = ["domain_definition", "host_facts", "network", "pool", "volume"]


def host_facts(
    host_name: str,
    driver: str,
    capabilities_xml: str,
    sysinfo_xml: str | None,
    cpus: int,
    memory: int,
    version: int,
    library: int,
) -> HostFacts:
    """
    What a host says of itself. `sysinfo_xml` is None where the driver has none (no dmidecode there, LXC).

    Raises:
        SourceMalformed: a document is not what it should be; names the host.
    """
    host = read_xml(capabilities_xml, "capabilities", f"the capabilities of {host_name}").find("host")
    facts = _system(sysinfo_xml, host_name) if sysinfo_xml else {}
    return HostFacts(
        host_name=host_name,
        driver=driver,
        uuid=text(host, "uuid").lower() if host is not None else "",
        system_uuid=facts.get("uuid", "").lower(),
        serial=facts.get("serial", ""),
        manufacturer=facts.get("manufacturer", ""),
        product=facts.get("product", ""),
        arch=text(host, "cpu/arch") if host is not None else "",
        cpu_model=text(host, "cpu/model") if host is not None else "",
        cpus=cpus,
        memory=memory,
        numa_nodes=len(host.findall("topology/cells/cell")) if host is not None else 0,
        version=version,
        library=library,
    )


def pool(xml: str, active: bool, autostart: bool) -> Pool:
    """
    A storage pool (`virsh pool-dumpxml`).

    Raises:
        SourceMalformed: it is not the XML of a pool.
    """
    what = "the XML of a storage pool"
    root = read_xml(xml, "pool", what)
    source = root.find("source")
    devices = [device.get("path", "") for device in root.iterfind("source/device")]
    return Pool(
        name=required(root, "name", what),
        uuid=text(root, "uuid").lower(),
        kind=root.get("type", ""),
        active=active,
        autostart=autostart,
        target=text(root, "target/path"),
        servers=servers_of(source),
        source_dir=attribute(root, "source/dir", "path"),
        source_name=text(root, "source/name"),
        devices=tuple(device for device in devices if device),
        capacity=size(root, "capacity"),
    )


def volume(xml: str, pool: str) -> Volume:
    """
    A volume (`virsh vol-dumpxml`) of the pool of that name.

    Raises:
        SourceMalformed: it is not the XML of a volume.
    """
    what = f"the XML of a volume in pool {pool}"
    root = read_xml(xml, "volume", what)
    name = required(root, "name", what)
    key = text(root, "key")
    return Volume(
        path=text(root, "target/path") or key,
        pool=pool,
        name=name,
        key=key,
        kind=root.get("type", ""),
        format=attribute(root, "target/format", "type"),
        capacity=size(root, "capacity"),
    )


def network(xml: str, active: bool, autostart: bool) -> Network:
    """
    A virtual network (`virsh net-dumpxml`).

    Raises:
        SourceMalformed: it is not the XML of a network.
    """
    what = "the XML of a network"
    root = read_xml(xml, "network", what)
    forward = root.find("forward")
    return Network(
        name=required(root, "name", what),
        uuid=text(root, "uuid").lower(),
        active=active,
        autostart=autostart,
        bridge=attribute(root, "bridge", "name"),
        mode=forward.get("mode", "nat") if forward is not None else "",
    )


def _system(xml: str, host_name: str) -> dict[str, str]:
    """SMBIOS system information (type 1) by the names of its entries."""
    root: Element = read_xml(xml, "sysinfo", f"the sysinfo of {host_name}")
    entries = root.iterfind("system/entry")
    return {entry.get("name", ""): (entry.text or "").strip() for entry in entries}
