"""The Pacemaker lab itself: forms, obeys its verbs, comes back to its start, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab.pacemaker import LabError, PacemakerLab
from tests.lab.pacemaker.plan import folder_of
from tests.lab.series import play, series
from tests.lab.snmptrapd import Snmptrapd
from tests.lab.told import Onlooker, Told

pytestmark = pytest.mark.lab

PROJECT = Path(__file__).resolve().parents[2]
STATUS = "crm_mon -1 --inactive --output-as=xml"


def place(lab: PacemakerLab, resource: str) -> str:
    (node,) = lab.locate(resource)
    return node


def elsewhere(lab: PacemakerLab, resource: str) -> str:
    return next(node for node in lab.nodes if node != place(lab, resource))


def ssh(lab: PacemakerLab, *command: str) -> subprocess.CompletedProcess[str]:
    return lab.run("mgmt", *lab.ssh_argv(), *command, check=False)


def traces(name: str) -> list[str]:
    """Processes and mounts on this machine that belong to a lab, and its folder."""
    folder = folder_of(name)
    found = [str(folder)] if folder.exists() else []
    found += [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(folder) in line]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            text = (process / "cmdline").read_bytes() + (process / "mountinfo").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in text and int(process.name) != os.getpid():
            found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


def test_everything_runs_in_the_beginning(pacemaker_lab: PacemakerLab):
    assert pacemaker_lab.view().online == {"n1", "n2", "n3"}
    for resource in pacemaker_lab.inventory.singles:
        assert len(pacemaker_lab.locate(resource)) == 1
    assert sum(pacemaker_lab.locate("db-clone").values()) == 1
    assert "<pacemaker-result" in pacemaker_lab.status_xml("n3")
    assert 'id="svc-a"' in pacemaker_lab.cib()


def test_a_move_is_told_with_both_places(pacemaker_lab: PacemakerLab):
    onlooker = Onlooker(pacemaker_lab)
    old, new = place(pacemaker_lab, "svc-a"), elsewhere(pacemaker_lab, "svc-a")
    pacemaker_lab.move("svc-a", new)
    pacemaker_lab.wait_settled()
    assert onlooker.look()[Told("svc-a", old, new)] == 1
    assert onlooker.look() == Counter()


def test_a_vm_moves_live_and_a_failed_migration_is_a_restart(pacemaker_lab: PacemakerLab):
    onlooker = Onlooker(pacemaker_lab)
    first, second = place(pacemaker_lab, "vm-1"), elsewhere(pacemaker_lab, "vm-1")
    pacemaker_lab.move("vm-1", second)
    pacemaker_lab.wait_settled()
    assert onlooker.look()[Told("vm-1", first, second, live=True)] == 1
    with pacemaker_lab.poisoned("vm-1", "migrate_to"):
        pacemaker_lab.move("vm-1", first)
        pacemaker_lab.wait_settled()
    assert onlooker.look()[Told("vm-1", second, first, live=False)] == 1


def test_a_group_that_moves_is_told_once(pacemaker_lab: PacemakerLab):
    onlooker = Onlooker(pacemaker_lab)
    old, new = place(pacemaker_lab, "app-db"), elsewhere(pacemaker_lab, "app-db")
    pacemaker_lab.move("app", new)
    pacemaker_lab.wait_settled()
    assert onlooker.look()[Told("app", old, new)] == 1


def test_a_killed_node_is_fenced_and_its_resources_start_elsewhere(pacemaker_lab: PacemakerLab):
    onlooker = Onlooker(pacemaker_lab)
    victim = place(pacemaker_lab, "app-db")
    pacemaker_lab.kill(victim)
    pacemaker_lab.wait_settled()
    assert {told.old for told in onlooker.look() if told.entity == "app"} == {victim}
    assert victim in pacemaker_lab.view().online  # the fence device rebooted it


def test_exhaust_tells_each_stop_on_the_way(pacemaker_lab: PacemakerLab):
    onlooker = Onlooker(pacemaker_lab)
    pacemaker_lab.exhaust("svc-b", after_each=onlooker.look)
    assert pacemaker_lab.locate("svc-b") == {}
    assert sum(number for told, number in onlooker.told.items() if told.entity == "svc-b") == 2


def test_a_blocked_resource_stays_so_until_the_reset(pacemaker_lab: PacemakerLab):
    pacemaker_lab.block("svc-b")
    pacemaker_lab.wait_settled()
    assert "svc-b" in pacemaker_lab.view().blocked
    pacemaker_lab.reset()
    assert pacemaker_lab.view().blocked == set()


def test_a_node_that_cannot_be_fenced_stays_unclean_until_the_reset(pacemaker_lab: PacemakerLab):
    pacemaker_lab.fence_mode("fail")
    pacemaker_lab.kill("n2")
    pacemaker_lab.wait_settled()
    assert pacemaker_lab.view().unclean == {"n2"}
    pacemaker_lab.reset()
    assert pacemaker_lab.view().unclean == set()


def test_without_quorum_everything_stops_and_nothing_is_told(pacemaker_lab: PacemakerLab):
    onlooker = Onlooker(pacemaker_lab)
    pacemaker_lab.kill("n1", "n2")
    pacemaker_lab.wait_settled()
    assert not pacemaker_lab.view().quorate
    assert onlooker.look() == Counter()


def test_ssh_reaches_the_nodes_and_the_forced_command_decides(pacemaker_lab: PacemakerLab, tmp_path: Path):
    assert "<pacemaker-result" in ssh(pacemaker_lab, "n1", STATUS).stdout
    only_status = tmp_path / "only-status"
    only_status.write_text(
        f'#!/bin/sh\n[ "$SSH_ORIGINAL_COMMAND" = "{STATUS}" ] && exec {STATUS}\necho refused >&2\nexit 77\n'
    )
    only_status.chmod(0o755)
    assert ssh(pacemaker_lab, "n2", "hostname").stdout == "n2\n"  # leaves an open connection behind
    connection = ssh(pacemaker_lab, "-O", "check", "n2").stderr
    assert "running" in connection
    pacemaker_lab.use_forced_command(only_status)
    assert "<pacemaker-result" in ssh(pacemaker_lab, "n2", STATUS).stdout
    refused = ssh(pacemaker_lab, "n2", "hostname")
    assert (refused.returncode, refused.stdout, refused.stderr) == (77, "", "refused\n")
    assert ssh(pacemaker_lab, "-O", "check", "n2").stderr == connection


def test_ssh_to_a_node_without_power_fails_soon(pacemaker_lab: PacemakerLab):
    pacemaker_lab.fence_mode("fail")
    assert ssh(pacemaker_lab, "n3", "hostname").stdout == "n3\n"  # leaves an open connection behind
    pacemaker_lab.kill("n3")
    begin = time.monotonic()
    assert ssh(pacemaker_lab, "n3", "hostname").returncode == 255
    assert time.monotonic() - begin < 10


def test_an_agent_under_test_gets_the_alerts_and_has_private_files(pacemaker_lab: PacemakerLab):
    agent = pacemaker_lab.node_file("n1", "/etc/gateway-agent/agent")
    for node in pacemaker_lab.nodes:
        agent = pacemaker_lab.node_file(node, "/etc/gateway-agent/agent")
        agent.write_text('#!/bin/sh\necho "$CRM_alert_rsc" >> /var/lib/gateway-agent/seen\n')
        agent.chmod(0o755)
        pacemaker_lab.node_file(node, "/var/lib/gateway-agent").chmod(0o777)
    pacemaker_lab.use_alert_agent("/etc/gateway-agent/agent")
    new = elsewhere(pacemaker_lab, "svc-a")
    pacemaker_lab.move("svc-a", new)
    pacemaker_lab.wait_settled()
    assert "svc-a" in pacemaker_lab.node_file(new, "/var/lib/gateway-agent/seen").read_text()
    assert any(json.loads(line).get("CRM_alert_rsc") == "svc-a" for line in pacemaker_lab.alerts())


def test_a_node_sees_its_own_network_cards_only(pacemaker_lab: PacemakerLab):
    for node in pacemaker_lab.nodes:
        seen = pacemaker_lab.run(node, "ls", "/sys/class/net").stdout.split()
        assert seen == ["eth0", "lo"]
        assert not pacemaker_lab.run(node, "ls", "/sys/class/net/eth0/device", check=False).stdout


def test_the_management_machine_hears_traps_from_the_nodes(
    pacemaker_lab: PacemakerLab, start_snmptrapd: Callable[..., Snmptrapd]
):
    receiver = start_snmptrapd(enter=pacemaker_lab.enter("mgmt"), address="0.0.0.0")
    target = f"mgmt:{receiver.port}"
    pacemaker_lab.run("n1", "snmptrap", "-m", "", "-v2c", "-c", "public", target, "", "1.3.6.1.4.1.99999.1")
    heard = receiver.wait_for(lambda each: each.oid == "1.3.6.1.4.1.99999.1")
    assert pacemaker_lab.address("n1") in heard.source


def test_a_process_of_a_node_can_be_killed_from_outside(pacemaker_lab: PacemakerLab):
    for machine in ("n1", "mgmt"):
        process = subprocess.Popen([*pacemaker_lab.enter(machine), "sleep", "60"])
        pid = pacemaker_lab.process_of(machine, process)
        deadline = time.monotonic() + 5
        while Path(f"/proc/{pid}/comm").read_text() != "sleep\n" and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(pid, 9)
        process.wait(5)


def test_a_short_random_series_comes_to_rest_after_each_verb(pacemaker_lab: PacemakerLab):
    onlooker = Onlooker(pacemaker_lab)
    for step in play(pacemaker_lab, series(seed=1, steps=3)):
        onlooker.look()
        assert pacemaker_lab.view().online == {"n1", "n2", "n3"}, step


def test_two_labs_do_not_see_each_other(pacemaker_lab: PacemakerLab, second_pacemaker_lab: PacemakerLab):
    assert second_pacemaker_lab.view().online == {"n1", "n2"}
    assert pacemaker_lab.view().online == {"n1", "n2", "n3"}
    before = place(pacemaker_lab, "svc-a")
    second_pacemaker_lab.move("svc-a", elsewhere(second_pacemaker_lab, "svc-a"))
    second_pacemaker_lab.wait_settled()
    assert place(pacemaker_lab, "svc-a") == before


def test_down_leaves_nothing_behind():
    name = f"gateway-lab-brief-{os.getpid()}"
    extra = '<primitive id="extra" class="ocf" provider="pacemaker" type="Dummy"/>'
    with PacemakerLab.up(name, nodes=1, extra_resources=extra) as lab:
        assert lab.locate("extra") == {"n1": False}
        subprocess.Popen([*lab.enter("mgmt"), "sleep", "300"])
        assert traces(name) != []
        with pytest.raises(LabError, match="is up already"):
            PacemakerLab.up(name)
    assert traces(name) == []


def test_a_failed_up_leaves_nothing_behind():
    name = f"gateway-lab-failed-{os.getpid()}"
    with pytest.raises(LabError):
        PacemakerLab.up(name, nodes=1, net="10.99.300")
    assert traces(name) == []


def test_a_lab_goes_down_when_its_run_is_killed():
    name = f"gateway-lab-orphan-{os.getpid()}"
    code = (
        "import time; from tests.lab.pacemaker import PacemakerLab;"
        f"PacemakerLab.up({name!r}, nodes=1, resources=False); print('up', flush=True); time.sleep(300)"
    )
    run = subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    assert run.stdout.readline() == "up\n"
    run.kill()
    run.wait()
    deadline = time.monotonic() + 15
    while traces(name) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert traces(name) == []
