"""What is defined in the hosts' libvirt: guests, pools and the network."""

from __future__ import annotations

from tests.lab.libvirt.image import guest_image
from tests.lab.libvirt.plan import Plan

AGENT_CHANNEL = "org.qemu.guest_agent.0"
NETWORK = "lan"
SHARED_POOL = "shared"
LOCAL_POOL = "local"
LOCAL_FOLDER = "/var/lib/libvirt/images"
DISK_MB = 256


def pools(plan: Plan) -> dict[str, str]:
    """XML of each pool by name."""
    return {
        name: f"<pool type='dir'><name>{name}</name><target><path>{pool_folder(plan, name)}</path></target></pool>"
        for name in (SHARED_POOL, LOCAL_POOL)
    }


def pool_folder(plan: Plan, pool: str) -> str:
    """Where a pool is on every host that has it."""
    return str(plan.shared) if pool == SHARED_POOL else LOCAL_FOLDER


def network(plan: Plan) -> str:
    return (
        f"<network><name>{NETWORK}</name><uuid>{plan.network_uuid()}</uuid>"
        "<forward mode='bridge'/><bridge name='br0'/></network>"
    )


def domain(plan: Plan, vm: str, *, split: bool = False, devices: str = "") -> str:
    """
    XML of a guest.

    Args:
        split: with the disk of the second copy.
        devices: XML of further devices.
    """
    image = guest_image()
    return f"""<domain type='qemu'>
<name>{vm}</name><uuid>{plan.vm_uuid(vm)}</uuid>
<title>lab guest {vm}</title>
<metadata><lab:tag xmlns:lab='urn:lab:1'>service={vm}-svc</lab:tag></metadata>
<memory unit='MiB'>{plan.guest_mb}</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type>
<kernel>{image.kernel}</kernel><initrd>{image.initrd}</initrd>
<cmdline>console=ttyS0 quiet panic=0 tsc=unstable lab.name={vm} lab.address={plan.vm_address(vm)}</cmdline></os>
<features><acpi/><tcg><tb-cache unit='MiB'>32</tb-cache></tcg></features>
<cpu mode='custom'><model>qemu64</model></cpu>
<on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot><on_crash>destroy</on_crash>
<devices><emulator>/usr/bin/qemu-system-x86_64</emulator>
<disk type='file' device='disk'>
<driver name='qemu' type='raw' cache='none' io='threads' error_policy='stop'/>
<source file='{plan.image(vm, split=split)}'/><target dev='vda' bus='virtio'/><serial>disk-{vm}</serial></disk>
<interface type='network'><mac address='{plan.vm_mac(vm)}'/><source network='{NETWORK}'/>
<model type='virtio'/></interface>
<serial type='file'><source path='{plan.console(vm)}' append='on'/><target port='0'/></serial>
<channel type='unix'><target type='virtio' name='{AGENT_CHANNEL}'/></channel>
<watchdog model='ib700' action='reset'/><memballoon model='virtio'/><panic model='isa'/>
{devices}</devices></domain>"""
