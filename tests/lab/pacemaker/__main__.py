"""
The lab on the command line: `python -m tests.lab.pacemaker [OPTION ...] VERB ...`, as root, from the project's root.

    up [--nodes N] [--remotes K] ...   form the cluster            down    remove every trace
    status                             text status and power       reset   back to the starting content
    xml [NODE]   cib [NODE]   log NODE   sh MACHINE COMMAND...   locate RSC   settled
    move RSC NODE   unmove RSC   standby NODE   unstandby NODE   cleanup [RSC]
    fail RSC [NODE]   exhaust RSC   block RSC   poison RSC ACTION [NODE]   cure RSC ACTION [NODE]
    kill NODE...   start NODE   kill-corosync NODE   cut NODE   uncut NODE   fence-mode ok|fail|hang

Before the verb: --name NAME (default halab) chooses the lab, --net the network of a new one.
MACHINE is a node or `mgmt`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from tests.lab.command_line import main
from tests.lab.pacemaker.controllers import tear_down
from tests.lab.pacemaker.lab import PacemakerLab
from tests.lab.pacemaker.namespaces import ENVIRONMENT
from tests.lab.pacemaker.plan import folder_of

SIMPLE = frozenset(
    {"move", "unmove", "standby", "unstandby", "fail", "exhaust", "block", "poison", "cure", "kill", "start"}
    | {"kill_corosync", "cut", "uncut", "fence_mode", "cleanup", "reset"}
)


def run(name: str, net: str, verb: str, arguments: list[str]) -> int:
    """Do one verb; returns the exit status."""
    if verb == "up":
        lab = PacemakerLab.up(name, net=net, owned=False, **_options_of_up(arguments))
        print(lab.run(lab.spokesman(), "crm_mon", "-1", "--inactive").stdout)
        return 0
    if verb == "down":
        tear_down(folder_of(name))
        return 0
    lab = PacemakerLab.attach(name)
    if verb in SIMPLE:
        getattr(lab, verb)(*arguments)
        return 0
    return _show(lab, verb, arguments)


def _show(lab: PacemakerLab, verb: str, arguments: list[str]) -> int:
    match verb:
        case "status":
            for machine in lab.plan.machines:
                print(machine, "on" if lab.powered(machine) else "off")
            print(lab.run(lab.spokesman(), "crm_mon", "-1", "--inactive", "--show-detail", check=False).stdout)
        case "xml":
            print(lab.status_xml(*arguments), end="")
        case "cib":
            print(lab.cib(*arguments), end="")
        case "locate":
            print(*lab.locate(*arguments))
        case "settled":
            print(f"at rest after {lab.wait_settled():.1f} s")
        case "log":
            print(lab.node_file(arguments[0], "/var/log/pacemaker/pacemaker.log").read_text(), end="")
        case "sh":
            return subprocess.run([*lab.enter(arguments[0]), *arguments[1:]], env=ENVIRONMENT, check=False).returncode
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


def _options_of_up(arguments: list[str]) -> dict[str, object]:
    parser = argparse.ArgumentParser(prog="up")
    parser.add_argument("--nodes", "-n", type=int, default=3)
    parser.add_argument("--remotes", type=int, default=0)
    parser.add_argument("--remoted", default="/usr/sbin/pacemaker-remoted")
    parser.add_argument("--no-resources", dest="resources", action="store_false")
    parser.add_argument("--token", dest="token_ms", type=int, default=1000)
    parser.add_argument("--reboot", dest="reboot_s", type=float, default=2.0)
    parser.add_argument("--clear-port", type=int, default=0)
    parser.add_argument("--tls-port", type=int, default=0)
    return vars(parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main("tests.lab.pacemaker", __doc__, run, name="halab", net="10.99.7"))
