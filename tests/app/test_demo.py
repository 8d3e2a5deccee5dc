"""The demo: one line for programs, a show for people, and every way of asking works."""

import asyncio
import json
import os
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.app.snmp_probe import ask, who_may_ask
from gateway.app.trap_receiver import Trap, TrapReceiver, decode
from gateway.publishers.snmp import SnmpSettings
from tests.app.estate import PROJECT, environment

RELOCATED_S = 60


@contextmanager
def demo(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`gateway demo` in a process of its own, ended by SIGTERM."""
    command = [sys.executable, "-m", "gateway", "demo", "--hosts", "4", *arguments]
    process = subprocess.Popen(
        command, cwd=PROJECT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def relocation(known: dict[str, Any]) -> dict[str, Any]:
    """The first relocation, by REST."""
    headers = {"Authorization": f"Bearer {known['rest']['token']}"}
    end = time.monotonic() + RELOCATED_S
    while time.monotonic() < end:
        answer = httpx.get(f"{known['rest']['url']}/api/v1/events?kind=relocation", headers=headers)
        assert answer.status_code == 200, answer.text
        if answer.json()["items"]:
            first: dict[str, Any] = answer.json()["items"][0]
            return first
        time.sleep(0.5)
    raise AssertionError(f"no relocation within {RELOCATED_S} s")


def test_the_one_line_for_programs_opens_every_way_of_asking() -> None:
    with demo("--json") as process:
        assert process.stdout is not None
        known = json.loads(process.stdout.readline())
        assert known["pid"] == process.pid
        assert Path(known["socket"]).exists()

        snmp = known["snmp"]
        v3 = {key: snmp["v3"][key] for key in ("auth", "auth_password", "priv", "priv_password")}
        settings = SnmpSettings.model_validate(
            {"communities": {"demo": {"community": snmp["community"]}}, "users": {snmp["v3"]["user"]: v3}}
        )
        agent = f"{snmp['address']}:{snmp['port']}"
        answers = [asyncio.run(ask(agent, who)) for who in who_may_ask(settings)]
        assert len(answers) == 2
        assert all(re.fullmatch(r"revision [1-9]\d*", answer) for answer in answers)

        moved = relocation(known)
        where = subprocess.run(
            [
                sys.executable,
                "-m",
                "gateway",
                "where",
                str(moved["entity"]["index"]),
                "--state-dir",
                known["state_dir"],
            ],
            env=environment(),
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert where.returncode == 0, where.stderr
        assert moved["entity"]["name"] in where.stdout
        state_dir = Path(known["state_dir"])
        assert select.select([process.stdout], [], [], 0)[0] == []
    assert not state_dir.exists()


def test_people_see_each_relocation_with_the_trap_that_came() -> None:
    with demo() as process:
        assert process.stdout is not None
        shown: list[str] = []
        end = time.monotonic() + RELOCATED_S
        while time.monotonic() < end and not any("trap topologyRelocation" in line for line in shown):
            shown.append(process.stdout.readline())
    told = next(line for line in shown if line.startswith("relocation: "))
    trap = next(line for line in shown if "trap topologyRelocation" in line)
    name = told.split()[1]
    assert f"EntityName={name} " in trap
    introduced = "".join(shown)
    for command in ("snmpbulkwalk -v2c", "snmpget -v3", "curl -H", "where ", "impact ", "events --follow"):
        assert command in introduced
    assert introduced.index("The demo runs") < introduced.index("trap coldStart")


def printed_commands(process: subprocess.Popen[str]) -> list[str]:
    """What the demo says to try."""
    assert process.stdout is not None
    shown: list[str] = []
    while not shown or "events --follow" not in shown[-1]:
        shown.append(process.stdout.readline())
        assert shown[-1], "the demo ended"
    begin = next(number for number, line in enumerate(shown) if line.startswith("Try, "))
    return [line.strip() for line in shown[begin + 1 :] if line.strip()]


EXPECTED = (
    ("snmpbulkwalk", 0, "1.3.6.1"),
    ("snmpget", 0, "STRING"),
    ("curl", 0, '"items"'),
    (" where vm:", 0, "runs on"),
    (" impact vm:", 1, "Without vm "),
)


def test_every_command_that_the_demo_prints_works() -> None:
    with demo() as process:
        commands = printed_commands(process)
        assert len(commands) == len(EXPECTED) + 1
        for command, (word, status, said) in zip(commands, EXPECTED, strict=False):
            assert word in command
            if not word.startswith(" ") and shutil.which(word) is None:
                continue
            command = command.replace("snmpbulkwalk ", "snmpbulkwalk -On ")
            done = subprocess.run(command, shell=True, env=environment(), capture_output=True, text=True, timeout=30)
            assert (done.returncode, said in done.stdout) == (status, True), (command, done.stdout, done.stderr)

        follower = subprocess.Popen(shlex.split(commands[-1]), env=environment(), stdout=subprocess.PIPE, text=True)
        try:
            assert follower.stdout is not None
            assert select.select([follower.stdout], [], [], RELOCATED_S)[0]
            assert follower.stdout.readline().startswith("20")
        finally:
            follower.kill()
            follower.communicate()


async def test_the_receiver_takes_what_net_snmp_sends() -> None:
    if shutil.which("snmptrap") is None:
        pytest.skip("snmptrap is not installed (Debian: snmp)")
    got: list[Trap] = []
    receiver = TrapReceiver("demo-traps", got.append)
    try:
        host, port = receiver.address
        root = "1.3.6.1.4.1.32473.7163"
        varbinds = [f"{root}.1.7.2.0", "s", "web", f"{root}.1.7.12.0", "i", "1"]
        command = ["snmptrap", "-v2c", "-c", "demo-traps", f"{host}:{port}", "", f"{root}.0.1", *varbinds]
        sender = await asyncio.create_subprocess_exec(*command, env={**os.environ, "MIBS": ""})
        await sender.wait()
        for _ in range(50):
            if got:
                break
            await asyncio.sleep(0.1)
    finally:
        receiver.close()
    assert [(trap.name, trap.objects["topoEventEntityName"], trap.objects["topoEventArrival"]) for trap in got] == [
        ("topologyRelocation", "web", "live")
    ]


def test_what_the_mib_does_not_define_keeps_its_oid() -> None:
    class Number(int):
        def prettyPrint(self) -> str:
            return str(int(self))

    trap = decode([((1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0), (1, 3, 9)), ((1, 3, 9, 1), Number(7))])
    assert trap.objects == {"1.3.9.1": "7"}
