"""The disk of a host: its libvirt configuration, its identity, and the answers of its firmware."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.lab.libvirt.plan import Plan

FOLDERS = ("etc/qemu", "lib/images", "log", "cache", "run")
FIRMWARE_TOOLS = "bin"
"""Searched before all other folders by the host's libvirtd."""
QEMU_ACCOUNT = ("libvirt-qemu:x:64055:64055:qemu:/var/lib/libvirt:/usr/sbin/nologin", "libvirt-qemu:x:64055:")


def write_disk(plan: Plan, host: str) -> None:
    """Make or renew the files of a host; what libvirt keeps there (definitions, saved guests) stays."""
    own = plan.own(host)
    for folder in FOLDERS:
        (own / folder).mkdir(parents=True, exist_ok=True)
    (own / "etc/libvirtd.conf").write_text(_libvirtd_conf(plan, host))
    (own / "etc/qemu.conf").write_text(_qemu_conf(plan, host))
    (own / "machine-id").write_text(plan.host_uuid(host).replace("-", "") + "\n")
    names = "".join(f"{plan.host_address(each)} {each}.lab.test {each}\n" for each in plan.hosts)
    (own / "hosts").write_text("127.0.0.1 localhost\n" + names)
    _write_accounts(own)
    (own / FIRMWARE_TOOLS).mkdir(exist_ok=True)
    dmidecode = own / FIRMWARE_TOOLS / "dmidecode"
    dmidecode.write_text(_dmidecode(plan, host))
    dmidecode.chmod(0o755)


def share_capabilities(plan: Plan, host: str) -> None:
    """Give a host what the first one found out about QEMU: to ask it again costs seconds."""
    known, own = (plan.own(each) / "cache/qemu/capabilities" for each in (plan.hosts[0], host))
    if known.is_dir() and not own.exists():
        shutil.copytree(known, own)


def _libvirtd_conf(plan: Plan, host: str) -> str:
    return f'''host_uuid = "{plan.host_uuid(host)}"
listen_tls = 0
listen_tcp = 1
listen_addr = "0.0.0.0"
auth_tcp = "none"
auth_unix_rw = "none"
auth_unix_ro = "none"
unix_sock_rw_perms = "0700"
unix_sock_ro_perms = "0777"
log_outputs = "3:file:/var/log/libvirt/libvirtd.log"
keepalive_interval = 3
keepalive_count = 3
'''


def _qemu_conf(plan: Plan, host: str) -> str:
    return f'''user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
namespaces = []
cgroup_controllers = []
migration_host = "{plan.host_address(host)}"
migration_address = "0.0.0.0"
keepalive_interval = 2
keepalive_count = 3
'''


def _write_accounts(own: Path) -> None:
    """libvirtd insists on its own user and groups, even where qemu.conf says root."""
    passwd, group = Path("/etc/passwd").read_text(), Path("/etc/group").read_text()
    user, user_group = QEMU_ACCOUNT
    (own / "passwd").write_text(passwd + ("" if "libvirt-qemu:" in passwd else user + "\n"))
    group += "" if "libvirt-qemu:" in group else user_group + "\n"
    (own / "group").write_text(group + ("" if "kvm:" in group else "kvm:x:64056:\n"))


def _dmidecode(plan: Plan, host: str) -> str:
    return f"""#!/bin/sh
cat <<END
BIOS Information
\tVendor: Lab
\tVersion: 1.0
\tRelease Date: 01/01/2026

System Information
\tManufacturer: Lab Systems
\tProduct Name: Rack Server 2000
\tVersion: A1
\tSerial Number: {plan.host_serial(host)}
\tUUID: {plan.host_uuid(host)}
\tWake-up Type: Power Switch
\tSKU Number: RS2000
\tFamily: RS

Base Board Information
\tManufacturer: Lab Systems
\tProduct Name: MB1
\tVersion: 1
\tSerial Number: {plan.host_serial(host)}-MB

END
"""
