"""Real libvirtd and QEMU hosts on one machine: each a set of namespaces, and SIGKILL is the power cord."""

from tests.lab.errors import LabError
from tests.lab.libvirt.guests import Migration
from tests.lab.libvirt.lab import LibvirtLab, missing, sweep_leftovers
from tests.lab.libvirt.network import free_net
from tests.lab.libvirt.status import Domain, Host, Status

__all__ = ["Domain", "Host", "LabError", "LibvirtLab", "Migration", "Status", "free_net", "missing", "sweep_leftovers"]
