"""A fleet as one source: each host a scope, one that is silent no trouble of the others, and one line for the check."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.collectors.libvirt import PLUGIN
from gateway.collectors.libvirt import follower as follower_module
from gateway.collectors.libvirt import workers as workers_module
from gateway.collectors.libvirt.remembered import load
from gateway.collectors.libvirt.settings import LibvirtSettings
from gateway.collectors.libvirt.source import LibvirtSource
from gateway.model.entities import EntityKind, NativeKey
from gateway.model.errors import SourcePartly, SourceUnavailable
from gateway.model.observations import Objects, Observation, Report, ScopeFailure, Whole
from gateway.model.ports import CollectorContext
from tests.collectors.libvirt.held import held
from tests.collectors.libvirt.waiting import until

NOBODY = "qemu+tcp://127.0.0.1:1/system"


def source(tmp_path: Path, **hosts: str) -> LibvirtSource:
    settings = LibvirtSettings.model_validate(
        {"kind": "libvirt", "hosts": hosts, "connect_timeout_s": 0.3, "open_timeout_s": 0.5, "coalesce_s": 0.05}
    )
    made = PLUGIN.create("fleet", settings, CollectorContext(lambda: time.time_ns() // 1000, tmp_path, tmp_path))
    assert isinstance(made, LibvirtSource)
    return made


class Heard:
    """Keeps what a source reports."""

    def __init__(self) -> None:
        self.reports: list[Report] = []

    async def __call__(self, report: Report) -> None:
        self.reports.append(report)

    @property
    def whole(self) -> list[str]:
        seen = (report for report in self.reports if isinstance(report, Observation))
        return [report.covers.scope for report in seen if isinstance(report.covers, Whole)]

    @property
    def failures(self) -> list[ScopeFailure]:
        return [report for report in self.reports if isinstance(report, ScopeFailure)]


@asynccontextmanager
async def running(one: LibvirtSource, heard: Heard) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(one.run(heard))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def stopped_daemon() -> Iterator[str]:
    """A host that accepts connections and then says nothing, as one whose daemon is stopped."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"qemu+tcp://127.0.0.1:{server.getsockname()[1]}/system"


async def test_each_host_is_a_scope_and_its_events_are_about_single_vms(acting: Any, tmp_path: Path) -> None:
    heard = Heard()
    uuid = acting.lookupByName("test").UUIDString()
    async with running(source(tmp_path, h1="test:///default"), heard):
        await until(lambda: heard.whole == ["h1"])
        acting.lookupByName("test").suspend()
        await until(lambda: len(heard.reports) == 2)
        acting.lookupByName("test").resume()
    first, second = heard.reports[:2]
    assert isinstance(first, Observation)
    assert {entity.key.kind for entity in first.entities} >= {EntityKind.HYPERVISOR, EntityKind.VM}
    assert isinstance(second, Observation)
    assert second.covers == Objects(frozenset({NativeKey(EntityKind.VM, uuid)}), "h1")


async def test_what_its_hosts_had_is_written_down_when_it_changes_and_is_known_to_the_next(
    acting: Any, tmp_path: Path
) -> None:
    file, uuid = tmp_path / "libvirt-fleet.json", acting.lookupByName("test").UUIDString()
    heard = Heard()
    async with running(source(tmp_path, h1="test:///default"), heard):
        await until(file.exists)
    assert load(file).domains("h1")[uuid].last is not None
    written = file.stat().st_mtime_ns
    heard = Heard()
    async with running(source(tmp_path, h1="test:///default"), heard):
        await until(lambda: heard.whole == ["h1"])
    assert file.stat().st_mtime_ns == written
    acting.lookupByName("test").destroy()
    heard = Heard()
    async with running(source(tmp_path, h1="test:///default"), heard):
        await until(lambda: heard.whole == ["h1"])
    assert load(file).hosts == {}
    acting.lookupByName("test").create()


async def test_a_host_that_is_silent_is_no_trouble_of_the_others(stopped_daemon: str, tmp_path: Path) -> None:
    heard = Heard()
    async with running(source(tmp_path, h1="test:///default", h2=NOBODY, h3=stopped_daemon), heard) as task:
        await until(lambda: heard.whole == ["h1"])
        await until(lambda: {failure.scope for failure in heard.failures} == {"h2", "h3"})
        assert not task.done()
    refused = next(failure for failure in heard.failures if failure.scope == "h2")
    assert (refused.source, refused.entity) == ("fleet", NativeKey(EntityKind.HYPERVISOR, "h2"))
    assert "Connection refused" in refused.error
    assert "does not answer within 0.3 s" in next(f.error for f in heard.failures if f.scope == "h3")


async def test_a_host_that_left_the_configuration_is_told_to_have_nothing_once(
    acting: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(source(tmp_path, h1="test:///default", h2=NOBODY), heard := Heard()):
        await until(lambda: heard.whole == ["h1"] and bool(heard.failures))
    caplog.set_level("INFO")
    async with running(source(tmp_path, h1="test:///default"), heard := Heard()):
        await until(lambda: "host h2 left the configuration" in caplog.text)
    (retired,) = [r for r in heard.reports if isinstance(r, Observation) and r.covers == Whole("h2")]
    assert (retired.entities, retired.relations) == ((), ())
    async with running(source(tmp_path, h1="test:///default"), heard := Heard()):
        await until(lambda: heard.whole == ["h1"])
        await asyncio.sleep(0.2)
    assert heard.whole == ["h1"]


async def test_a_host_that_left_is_retired_when_one_that_stayed_was_read(acting: Any, tmp_path: Path) -> None:
    async with running(source(tmp_path, h1="test:///default"), heard := Heard()):
        await until(lambda: heard.whole == ["h1"])
    with pytest.raises(SourceUnavailable):
        await source(tmp_path, h2=NOBODY).run(heard := Heard())
    assert heard.whole == []
    async with running(source(tmp_path, h3="test:///default"), heard := Heard()):
        await until(lambda: set(heard.whole) == {"h1", "h2", "h3"})
    assert heard.whole[0] == "h3"


async def test_when_no_host_answers_the_source_has_failed(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match=r"none of 2 hosts can be read; h\d: .*refused"):
        await source(tmp_path, h1=NOBODY, h2="qemu+tcp://127.0.0.1:2/system").run(Heard())
    with pytest.raises(SourceUnavailable, match=r"^h1: 127\.0\.0\.1 port 1: Connection refused$"):
        await source(tmp_path, h1=NOBODY).run(Heard())


async def test_an_error_of_whoever_listens_ends_the_run_as_it_is(tmp_path: Path) -> None:
    class DiskFull(Exception):
        pass

    async def refuse(_report: Report) -> None:
        raise DiskFull

    with pytest.raises(DiskFull):
        await source(tmp_path, h1="test:///default").run(refuse)


async def test_it_may_run_again_after_it_has_failed(tmp_path: Path) -> None:
    path, heard = tmp_path / "host.xml", Heard()
    one = source(tmp_path, h1=f"test://{path}")
    with pytest.raises(SourceUnavailable):
        await one.run(heard)
    path.write_text("<node/>")
    async with running(one, heard):
        await until(lambda: heard.whole == ["h1"])


async def test_threads_that_hang_are_counted_over_all_its_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped_daemon: str
) -> None:
    """An ssh that says nothing, as libvirt's open() would wait for without an end."""
    monkeypatch.setattr(workers_module, "CLOSE_S", 0.05)
    (tmp_path / "ssh").write_text("#!/bin/sh\nexec sleep 20\n")
    (tmp_path / "ssh").chmod(0o755)
    port = stopped_daemon.split(":")[2].split("/")[0]
    one = source(tmp_path, h1=f"test+ssh://127.0.0.1:{port}/default?command={tmp_path}/ssh")
    errors = []
    for _ in range(follower_module.MOST_HANGING + 4):
        with pytest.raises(SourceUnavailable) as error:
            await one.run(Heard())
        errors.append(str(error.value))
    assert sum(thread.name == "libvirt h1" for thread in threading.enumerate()) == follower_module.MOST_HANGING
    assert errors[0] == "h1: no answer within 0.5 s (open)"
    assert errors[-1].startswith("h1: 8 calls hang there; it is tried again when one of them is back, or in ")


async def test_the_check_counts_and_says_what_to_try_by_hand(stopped_daemon: str, tmp_path: Path) -> None:
    assert await source(tmp_path, h1="test:///default").probe() == "1 host, 1 domain"
    with pytest.raises(SourcePartly, match=r"^1 of 3 hosts answers, 1 domain there$") as caught:
        await source(tmp_path, h1="test:///default", h2=NOBODY, h3=stopped_daemon).probe()
    (h2, refused), (h3, silent) = caught.value.parts
    assert (h2, h3) == ("h2", "h3")
    assert refused.startswith("127.0.0.1 port 1: Connection refused; try `virsh -r -c qemu+tcp")
    assert "does not answer within 0.3 s" in silent
    with pytest.raises(SourcePartly, match=r"^none of 7 hosts answers$") as all_of_them:
        await source(tmp_path, **{f"h{n}": f"qemu+tcp://127.0.0.1:{n}/system" for n in range(1, 8)}).probe()
    assert [host for host, _ in all_of_them.value.parts] == [f"h{n}" for n in range(1, 8)]
    assert all(said.endswith("/system list`") for _, said in all_of_them.value.parts)


async def test_nothing_is_left_after_it_was_stopped(stopped_daemon: str, tmp_path: Path) -> None:
    async def once() -> None:
        heard = Heard()
        async with running(source(tmp_path, h1="test:///default", h2=NOBODY, h3=stopped_daemon), heard):
            await until(lambda: heard.whole == ["h1"] and len(heard.failures) >= 2)

    await once()
    before = held()
    for _ in range(5):
        await once()
    assert held() == before
