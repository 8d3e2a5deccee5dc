"""
The lab on the command line: `python -m tests.lab.libvirt [OPTION ...] VERB ...`, as root, from the project's root.

    up [--hosts N] [--vms M] [--uplink LINK] ...   boot hosts and guests    down   remove every trace
    status   what virsh says of every host         reset   everything runs again    uri HOST   place VM
    define VM HOST   start VM [HOST]   undefine VM [HOST]   destroy VM [HOST]   suspend VM   resume VM
    reset-guest VM   managed-save VM   power-off-guest VM   kill VM   wedge VM   unwedge VM
    panic VM   nmi VM   watchdog VM   split-brain VM HOST   shell VM SCRIPT   agent VM COMMAND   console VM
    migrate VM HOST [OPTION OF VIRSH MIGRATE ...]   cancel-migration VM   copy-disk VM POOL (local, shared)
    fill-storage   heal-storage   crash-host HOST   boot-host HOST   isolate HOST   reconnect HOST
    kill-daemon HOST   stop-daemon HOST   hang-daemon HOST   continue-daemon HOST   start-daemon HOST
    virsh HOST COMMANDS   sh HOST COMMAND...   network COMMAND... (in the lab's network)

Before the verb: --name NAME (default virtlab) chooses the lab, --net the first two numbers of a new one's network.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from typing import Any

from tests.lab.command_line import main
from tests.lab.libvirt.keeper import tear_down
from tests.lab.libvirt.lab import LibvirtLab
from tests.lab.libvirt.plan import folder_of

SIMPLE = frozenset(
    {"define", "start", "undefine", "destroy", "suspend", "resume", "reset_guest", "managed_save", "power_off_guest"}
    | {"copy_disk", "kill", "wedge", "unwedge", "panic", "nmi", "watchdog", "split_brain", "shell", "cancel_migration"}
    | {"fill_storage", "heal_storage", "crash_host", "boot_host", "isolate", "reconnect", "reset"}
    | {"kill_daemon", "stop_daemon", "hang_daemon", "continue_daemon", "start_daemon"}
)
TELLING = frozenset({"status", "uri", "place", "agent", "console", "virsh"})


def run(name: str, net: str, verb: str, arguments: list[str]) -> int:
    """Do one verb; returns the exit status."""
    if verb == "up":
        print(LibvirtLab.up(name, net=net, owned=False, **_options_of_up(arguments)).status())
        print("the hosts' addresses are reached only by: python -m tests.lab.libvirt network COMMAND", file=sys.stderr)
        return 0
    if verb == "down":
        tear_down(folder_of(name))
        return 0
    lab = LibvirtLab.attach(name)
    if verb in SIMPLE:
        getattr(lab, verb)(*arguments)
    elif verb in TELLING:
        print(getattr(lab, verb)(*arguments))
    elif verb == "migrate":
        lab.migrate(arguments[0], arguments[1], options=arguments[2:])
    elif verb in ("sh", "network"):
        enter = lab.enter(arguments.pop(0)) if verb == "sh" else lab.enter_network()
        return subprocess.run([*enter, *arguments], check=False).returncode
    else:
        print(__doc__, file=sys.stderr)
        return 2
    return 0


def _options_of_up(arguments: list[str]) -> dict[str, Any]:
    parser = argparse.ArgumentParser(prog="up")
    parser.add_argument("--hosts", "-n", type=int, default=2)
    parser.add_argument("--vms", type=int, default=2)
    parser.add_argument("--uplink", default="", metavar="LINK")
    parser.add_argument("--shared-mb", type=int, default=96)
    parser.add_argument("--guest-mb", type=int, default=96)
    return vars(parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main("tests.lab.libvirt", __doc__, run, name="virtlab", net="10.77"))
