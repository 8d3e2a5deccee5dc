"""A full disk, and a clock that is set back: clear errors, nothing lost."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.crash.cluster import ScriptedCluster
from tests.crash.gateway import Gateway, compare, let_it_see, running, wait_for, wait_until_seen
from tests.lab.requirements import missing_root
from tests.lab.snmptrapd import Snmptrapd

FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 6 MiB."""
    reason = missing_root("mounting a small file system")
    if reason:
        pytest.skip(reason)
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.timeout(180)
def test_a_full_disk_is_said_and_nothing_is_lost(
    tmp_path: Path, small_disk: Path, cluster: ScriptedCluster, snmptrapd: Snmptrapd
) -> None:
    database = f"sqlite:///{small_disk / 'topology.db'}"
    gateway = Gateway(tmp_path, database, cluster.prefix[0], snmptrapd.port)
    ballast = small_disk / "ballast"
    with running(gateway, cluster) as process:
        wait_until_seen(gateway, cluster, process)
        fill(ballast)
        refused = len(cluster.reads())
        for _ in range(3):
            cluster.step()
            reads = len(cluster.reads())
            wait_for(lambda reads=reads: len(cluster.reads()) > reads, gateway, process)
        wait_for(lambda: "full" in gateway.log.read_text(), gateway, process)
        assert asked(gateway)["alive"] is True
        ballast.unlink()
        wait_until_seen(gateway, cluster, process)
    call_uncertain(cluster, since=refused)
    log = gateway.log.read_text()
    assert "Traceback" not in log
    assert "back" in log
    compare(gateway, cluster, snmptrapd)


def call_uncertain(cluster: ScriptedCluster, since: int) -> None:
    """What was read while the disk was full may have been refused; only the last state is certain then."""
    last = len(cluster.history) - 1
    lines = [
        f"{-number if number >= since and state != last else pid} {state}\n"
        for number, (pid, state) in enumerate(cluster.reads())
    ]
    (cluster.folder / "reads").write_text("".join(lines))


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        while True:
            try:
                file.write(b"x" * 4096)
            except OSError:
                return


def asked(gateway: Gateway) -> dict[str, object]:
    """The health of the running gateway, over its UNIX socket."""
    (socket,) = gateway.state_dir.glob("*.sock")
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(socket)), base_url="http://gateway") as client:
        answer = client.get("/healthz")
        assert answer.status_code == 200
        return dict(answer.json())


@pytest.mark.timeout(180)
def test_a_clock_that_is_set_back_is_said_and_nothing_is_lost(
    tmp_path: Path, sqlite_url: str, cluster: ScriptedCluster, snmptrapd: Snmptrapd
) -> None:
    if not FAKETIME.exists():
        pytest.skip("libfaketime is missing: apt-get install --no-install-recommends faketime")
    gateway = Gateway(tmp_path, sqlite_url, cluster.prefix[0], snmptrapd.port)
    offset = tmp_path / "offset"
    offset.write_text("+0")
    fake = {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    with running(gateway, cluster, fake) as process:
        cluster.step()
        wait_until_seen(gateway, cluster, process)
        set_clock(offset, "-2h")
        for _ in range(3):
            cluster.step()
            wait_until_seen(gateway, cluster, process)
    assert "behind what was told" in gateway.log.read_text()
    with running(gateway, cluster, fake) as process:  # the database is ahead of the clock now
        cluster.step()
        wait_until_seen(gateway, cluster, process)
    let_it_see(gateway, cluster)
    times = [event.at for event in gateway.events()]
    assert times == sorted(times)
    compare(gateway, cluster, snmptrapd)


def set_clock(offset: Path, by: str) -> None:
    new = offset.with_suffix(".new")
    new.write_text(by)
    os.replace(new, offset)
