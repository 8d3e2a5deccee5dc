"""The collector against real processes: the installed tools on a saved CIB, and shell scripts that play nodes."""

import asyncio
import itertools
import json
import os
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway.collectors.pacemaker import PLUGIN
from gateway.collectors.pacemaker.command import run_command
from gateway.collectors.pacemaker.settings import PacemakerSettings
from gateway.collectors.pacemaker.source import Pace, PacemakerCollector
from gateway.model.errors import SourceError, SourceMalformed, SourcePartly, SourceUnavailable
from gateway.model.observations import EvidenceKind, Glimpse, Observation, Whole
from gateway.model.ports import CollectorContext
from tests.collectors.pacemaker.given import CAPTURES

needs_pacemaker = pytest.mark.skipif(not shutil.which("crm_mon", path="/usr/sbin:/usr/bin"), reason="no crm_mon here")


def collector(tmp_path: Path, **settings: object) -> PacemakerCollector:
    checked = PLUGIN.settings.model_validate({"kind": "pacemaker", **settings})
    context = CollectorContext(now=lambda: time.time_ns() // 1000, state_dir=tmp_path, config_dir=tmp_path)
    made = PLUGIN.create("lab", checked, context)
    assert isinstance(made, PacemakerCollector)
    return made


class Cluster:
    """Nodes played by one shell script: what node N says lies in `N.xml`; `N.sh` is run before it speaks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cib("quiet-cib")
        self.script = folder / "node"
        self.script.write_text(
            f"""#!/bin/sh
cd {folder}
echo "$1 $2" >> asked
[ ! -f "$1.sh" ] || . "./$1.sh"
case "$2" in crm_mon) exec cat "$1.xml" ;; cibadmin) exec cat cib.xml ;; esac
"""
        )
        self.script.chmod(0o755)

    @property
    def prefix(self) -> list[str]:
        return [str(self.script), "{node}"]

    def says(self, node: str, capture: str) -> None:
        shutil.copy(CAPTURES / f"{capture}.xml", self.folder / "new")
        os.replace(self.folder / "new", self.folder / f"{node}.xml")

    def does(self, node: str, script: str) -> None:
        (self.folder / f"{node}.sh").write_text(script)

    def cib(self, capture: str) -> None:
        shutil.copy(CAPTURES / f"{capture}.xml", self.folder / "cib.xml")

    def asked(self) -> list[str]:
        path = self.folder / "asked"
        return [line.split()[0] for line in path.read_text().splitlines() if "crm_mon" in line] if path.exists() else []


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    (tmp_path / "nodes").mkdir()
    return Cluster(tmp_path / "nodes")


# -- a saved CIB -------------------------------------------------------------------------------------------------


@needs_pacemaker
async def test_a_saved_cib_is_read_with_the_installed_tools(tmp_path):
    source = collector(tmp_path, prefix=["env", f"CIB_file={CAPTURES / 'guests-cib.xml'}"])
    seen = await source.observe()
    assert isinstance(seen.covers, Whole)
    assert "httpd" in {one.key.native for one in seen.entities}
    line = await source.probe()
    assert line.startswith("cluster guests: 3 nodes (3 online), 6 resources, DC alpha, quorate, Pacemaker 2.")


@needs_pacemaker
async def test_a_saved_cib_that_is_not_there_tells_what_the_tool_said(tmp_path):
    with pytest.raises(SourceUnavailable, match=r"(crm_mon|cibadmin) ended with status \d+: .+"):
        await collector(tmp_path, prefix=["env", f"CIB_file={tmp_path}/missing.xml"]).observe()


async def test_a_failure_names_the_command_that_a_person_can_try(tmp_path, cluster):
    cluster.does("a", "echo no route to a >&2; exit 255")
    cluster.does("c", "sleep 60 & wait")
    source = collector(tmp_path, prefix=cluster.prefix, nodes=["a", "c"], timeout_s=1)
    with pytest.raises(SourceUnavailable) as failed:
        await source.probe()
    by_hand = "Try it by hand, as the gateway's user: "
    assert re.search(
        rf"ended with status 255: no route to a\. {by_hand}{cluster.script} a (crm_mon|cib)", str(failed.value)
    )
    assert re.search(
        rf"gave no answer in 1 s\. {by_hand}{cluster.script} c (crm_mon -1|cibadmin -Q)", str(failed.value)
    )


async def test_the_check_names_a_node_that_has_identity_facts_and_is_not_in_the_cluster(tmp_path, cluster):
    cluster.says("a", "quiet")
    given = [{"node": "n1"}, {"node": "n33", "machine_id": "0" * 32}]
    with pytest.raises(SourcePartly, match=r"^cluster ") as found:
        await collector(tmp_path, prefix=cluster.prefix, nodes=["a"], identity=given).probe()
    ((what, said),) = found.value.parts
    assert what == "identity of n33"
    assert "the cluster has no such node, only n1, " in said


# -- several nodes -----------------------------------------------------------------------------------------------


async def test_the_first_node_is_asked_and_stays_the_one(tmp_path, cluster):
    for node in ("a", "b"):
        cluster.says(node, "quiet")
    source = collector(tmp_path, prefix=cluster.prefix, nodes=["a", "b"])
    await source.observe()
    await source.observe()
    assert cluster.asked() == ["a", "a"]


async def test_a_node_that_dies_in_the_middle_of_a_read_is_followed_by_the_next(tmp_path, cluster):
    cluster.says("a", "quiet")
    cluster.says("b", "quiet")
    cluster.does("a", "head -c 3000 a.xml; kill -9 $$")
    source = collector(tmp_path, prefix=cluster.prefix, nodes=["a", "b"])
    assert isinstance((await source.observe()).covers, Whole)
    assert cluster.asked() == ["a", "b"]
    await source.observe()
    assert cluster.asked() == ["a", "b", "b"]


async def test_a_node_that_hangs_is_not_waited_for(tmp_path, cluster):
    cluster.says("b", "quiet")
    cluster.does("a", "sleep 60 & wait")
    source = collector(tmp_path, prefix=cluster.prefix, nodes=["a", "b"], timeout_s=30, hedge_s=0.2)
    began = time.monotonic()
    assert isinstance((await source.observe()).covers, Whole)
    assert time.monotonic() - began < 5


async def test_a_node_without_quorum_is_believed_only_when_no_other_has_it(tmp_path, cluster):
    cluster.says("a", "without-quorum")
    cluster.says("b", "fencing-failed")
    cluster.cib("fencing-cib")
    source = collector(tmp_path, prefix=cluster.prefix, nodes=["a", "b"])
    assert isinstance((await source.observe()).covers, Whole)
    cluster.says("b", "without-quorum")
    assert isinstance((await source.observe()).covers, Glimpse)


async def test_when_no_node_answers_each_says_why(tmp_path, cluster):
    cluster.does("a", "echo 'Connection refused' >&2; exit 255")
    cluster.does(
        "b",
        'echo "<pacemaker-result><status code=\\"102\\" message=\\"Not connected\\"/></pacemaker-result>"; exit 102',
    )
    with pytest.raises(SourceUnavailable) as caught:
        await collector(tmp_path, prefix=cluster.prefix, nodes=["a", "b"]).observe()
    assert "a: " in str(caught.value)
    assert "status 255: Connection refused" in str(caught.value)
    assert "Not connected (status 102). Is Pacemaker running there?" in str(caught.value)


async def test_a_tool_that_exits_0_with_an_error_is_a_failed_collection(tmp_path, cluster):
    cluster.says("a", "newer-than-the-tool")
    with pytest.raises(SourceError, match="Could not connect to the CIB"):
        await collector(tmp_path, prefix=cluster.prefix, nodes=["a"]).observe()


# -- commands ----------------------------------------------------------------------------------------------------


def wait_until(holds: Callable[[], object], seconds: float = 5.0) -> None:
    """Blocks: call it in a thread."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)


def written(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


async def test_a_command_that_outlives_its_deadline_is_killed_with_its_children(tmp_path):
    began = time.monotonic()
    with pytest.raises(SourceUnavailable, match=r"no answer in 0\.3 s"):
        await run_command(("sh", "-c", f"sleep 77 & echo $! > {tmp_path}/pid; wait"), 0.3)
    assert time.monotonic() - began < 3
    child = int(written(tmp_path / "pid"))
    await asyncio.to_thread(wait_until, lambda: gone(child))


async def test_commands_may_be_cancelled_at_any_moment(caplog: pytest.LogCaptureFixture):
    began = time.monotonic()
    for number in range(40):
        task = asyncio.create_task(run_command(("sh", "-c", "sleep 77 & sleep 77"), 60))
        await asyncio.sleep(number / 2000)  # also while it is being started
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()
    assert time.monotonic() - began < 30
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []


async def test_a_cancelled_command_is_killed(tmp_path):
    task = asyncio.create_task(run_command(("sh", "-c", f"echo $$ > {tmp_path}/pid; exec sleep 77"), 60))
    await asyncio.to_thread(wait_until, lambda: written(tmp_path / "pid"))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert gone(int(written(tmp_path / "pid")))


async def test_endless_output_is_cut_off():
    with pytest.raises(SourceMalformed, match="more than 100000 octets"):
        await run_command(("sh", "-c", "yes"), 10, max_bytes=100_000)


async def test_a_missing_tool_says_what_to_do():
    with pytest.raises(SourceUnavailable, match="no-such-tool cannot be run: No such file"):
        await run_command(("no-such-tool",), 1)


async def test_tools_run_in_utc_and_english():
    output = await run_command(("sh", "-c", "echo $TZ $LC_ALL"), 5)
    assert output.stdout == b"UTC C\n"


# -- hints and pace ----------------------------------------------------------------------------------------------


async def reports_until(source: PacemakerCollector, enough, act=lambda number: None) -> list[Observation]:
    seen: list[Observation] = []
    done = asyncio.Event()

    async def report(observation: object) -> None:
        assert isinstance(observation, Observation)
        seen.append(observation)
        act(len(seen))
        if enough(seen):
            done.set()

    running = asyncio.create_task(source.run(report))
    try:
        await asyncio.wait_for(done.wait(), 20)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return seen


async def test_a_hint_is_a_reason_to_look_and_evidence(tmp_path, cluster):
    cluster.says("a", "quiet")
    source = collector(tmp_path, prefix=cluster.prefix, nodes=["a"], interval_s=3600)
    alert = {"CRM_alert_kind": "resource", "CRM_alert_rsc": "svc-a", "CRM_alert_node": "n2", "CRM_alert_task": "start"}
    alert |= {"CRM_alert_rc": "1", "CRM_alert_target_rc": "0", "CRM_alert_status": "0"}
    document = json.dumps({"alerts": [alert], "facts": {"node": "n1", "host_name": "one"}}).encode()
    began = time.monotonic()
    seen = await reports_until(source, lambda s: len(s) >= 2, lambda n: source.hint(document) if n == 1 else None)
    assert 0.3 <= time.monotonic() - began < 5
    assert [(one.kind, one.host) for one in seen[-1].evidence] == [(EvidenceKind.FAILED_ON, "n2")]
    assert "n1/os" in {one.key.native for one in seen[-1].entities}
    assert "one" in (tmp_path / "pacemaker-lab-facts.json").read_text()


def test_wrong_facts_of_a_node_are_said_once_and_not_at_each_alert(tmp_path, caplog: pytest.LogCaptureFixture):
    source = collector(tmp_path)
    facts = {"node": "n1", "host_name": "one", "quorum": {"device_votes": 5_000_000_000}}
    alert = {"CRM_alert_kind": "node", "CRM_alert_node": "n2", "CRM_alert_desc": "lost"}
    for _ in range(3):
        source.hint(json.dumps({"alerts": [alert], "facts": facts}).encode())
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        "collector lab: not all that the agent of n1 tells is right: "
        "'facts.quorum.device_votes must be a number of votes.'"
    ]


async def test_a_hint_during_a_read_leads_to_another_read(tmp_path, cluster):
    cluster.says("a", "quiet")
    cluster.does("a", "touch reading; sleep 0.4")
    source = collector(tmp_path, prefix=cluster.prefix, nodes=["a"], interval_s=3600)

    async def hint_while_reading() -> None:
        await asyncio.to_thread(wait_until, (cluster.folder / "reading").exists)
        source.hint(b"{}")

    hinting = asyncio.create_task(hint_while_reading())
    assert len(await reports_until(source, lambda s: len(s) >= 2)) == 2
    await hinting


async def test_what_is_under_way_is_followed_until_it_is_over(tmp_path, cluster):
    cluster.says("a", "migrating")
    source = collector(tmp_path, prefix=cluster.prefix, nodes=["a"], interval_s=3600)
    began = time.monotonic()
    await reports_until(source, lambda s: len(s) >= 4, lambda n: cluster.says("a", "migrated") if n == 3 else None)
    assert time.monotonic() - began < 10


def test_the_pace_follows_closely_and_then_rests():
    pace = Pace(20.0)
    now = itertools.count(100.0)
    moving = [pace.next_pause_s(True, next(now)) for _ in range(4)]
    calm = [pace.next_pause_s(False, next(now)) for _ in range(4)]
    assert moving == [0.25, 0.5, 1.0, 1.0]
    assert calm == [1.0, 1.0, 20.0, 20.0]


def test_what_moves_for_ever_is_followed_less_closely():
    pace = Pace(20.0)
    pace.next_pause_s(True, 100.0)
    assert pace.next_pause_s(True, 161.0) == 5.0


# -- settings ----------------------------------------------------------------------------------------------------


def checked(**settings: object) -> PacemakerSettings:
    return PacemakerSettings.model_validate({"kind": "pacemaker", **settings})


def test_the_node_takes_its_place_in_the_prefix():
    tool = ("crm_mon", "-1")
    assert checked().command("", tool) == tool
    assert checked(prefix=["env", "CIB_file=/x"]).command("", tool) == ("env", "CIB_file=/x", "crm_mon", "-1")
    by_ssh = checked(prefix=["ssh", "-q", "gw@{node}"], nodes=["n1"])
    assert by_ssh.command("n1", tool) == ("ssh", "-q", "gw@n1", "env", "TZ=UTC", "LC_ALL=C", "crm_mon", "-1")
    appended = checked(prefix=["ssh", "-q"], nodes=["n1"])
    assert appended.command("n1", tool)[:3] == ("ssh", "-q", "n1")


@pytest.mark.parametrize(
    "settings",
    [
        {"nodes": ["-oProxyCommand=reboot"], "prefix": ["ssh"]},
        {"nodes": ["n1"]},
        {"prefix": ["ssh", "{node}"]},
        {"timeout_s": 0},
        {"unknown": 1},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings):
    with pytest.raises(ValidationError):
        checked(**settings)
