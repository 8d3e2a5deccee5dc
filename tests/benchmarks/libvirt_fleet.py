"""
Follows a fleet of libvirt hosts as the gateway does, into a real database file; prints what it took as JSON lines.

The hosts are those of libvirt's test driver in real daemons behind UNIX sockets: several to a daemon, a connection to
each, so that this process does what it does with real hosts, and the daemons' work is not counted.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import libvirt

from gateway.collectors.libvirt import PLUGIN
from gateway.collectors.libvirt.loop import LONGEST_REST_S
from gateway.collectors.libvirt.settings import LibvirtSettings
from gateway.engine.reconciler import Reconciler
from gateway.engine.supervisor import SupervisedSource
from gateway.model.conditions import SettleTimes
from gateway.model.entities import EntityKind
from gateway.model.ports import CollectorContext
from gateway.store.database import open_database
from gateway.support.clock import SystemClock
from gateway.support.memory import pace_garbage_collection
from tests.system.libvirt import daemons as private
from tests.system.libvirt.daemons import Daemon

TO_A_DAEMON = 50
EVENTS, EVENTS_PER_S = 100, 5.0
COLLECTOR, RECONCILER = "collector", "reconciler"
SHARED = "shared"
"""The host whose one domain is acted on."""


def main(hosts: int, domains: int, idle_s: float) -> None:
    pace_garbage_collection()
    names = [f"h{host:04}" for host in range(hosts)]
    parts = [names[first : first + TO_A_DAEMON] for first in range(0, hosts, TO_A_DAEMON)]
    with private.running({f"d{n}": () for n in range(len(parts))}) as daemons, tempfile.TemporaryDirectory() as folder:
        uris = {SHARED: daemons["d0"].shared_uri()}
        for daemon, part in zip(daemons.values(), parts, strict=True):
            for host in part:
                daemon.has([f"{host}-vm{vm:02}" for vm in range(domains)], host)
                uris[host] = daemon.uri_of(host)
        asyncio.run(_follow(Path(folder), uris, domains * hosts + 1, idle_s, daemons["d0"]))


async def _follow(folder: Path, uris: Mapping[str, str], domains: int, idle_s: float, acting: Daemon) -> None:
    settings = LibvirtSettings.model_validate({"kind": "libvirt", "hosts": uris})
    clock, settle = SystemClock(), SettleTimes()
    source = PLUGIN.create("fleet", settings, CollectorContext(clock.now, folder, folder))
    database = open_database(f"sqlite:///{folder / 'topology.db'}")
    reconciler = Reconciler(database.repository, settle, clock.now)
    reconciler.load()
    supervised = SupervisedSource("fleet", "libvirt", source, reconciler, clock, settle)
    empty_mb, before, began = _rss_mb(), _cpu(), time.monotonic()
    tasks = [asyncio.create_task(reconciler.run()), asyncio.create_task(supervised.run())]
    await _all_known(reconciler, len(uris), domains)
    taken = {"wall_s": time.monotonic() - began, "rss_mb": _rss_mb() - empty_mb, **_since(before)}
    _say("first", taken | {"threads": threading.active_count(), "handles": len(os.listdir("/proc/self/fd"))})
    await asyncio.sleep(settings.interval_s * 1.2)  # what the first reads left behind
    before, revision = _cpu(), reconciler.snapshot.revision
    reads = reconciler.snapshot.sources["fleet"].reads
    await asyncio.sleep(idle_s)
    idle = {what: seconds / idle_s for what, seconds in _since(before).items()}
    reads = reconciler.snapshot.sources["fleet"].reads - reads
    revisions = reconciler.snapshot.revision - revision
    _say("idle", idle | {"reads": reads, "revisions": revisions, "rss_mb": _rss_mb() - empty_mb})
    before, revision, began = _cpu(), reconciler.snapshot.revision, time.monotonic()
    await asyncio.to_thread(_act, acting.shared_uri(writes=True))
    await asyncio.sleep(1)
    seconds = time.monotonic() - began
    event = {what: (spent - idle[what] * seconds) / EVENTS for what, spent in _since(before).items()}
    _say("event", event | {"revisions": reconciler.snapshot.revision - revision})
    for task in reversed(tasks):
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await reconciler.close()
    database.close()
    await asyncio.sleep(5 * LONGEST_REST_S)  # libvirt's loop lets go of what was closed
    _say("end", {"threads": threading.active_count(), "handles": len(os.listdir("/proc/self/fd"))})


def _act(uri: str) -> None:
    """Suspend and resume a domain, again and again."""
    connection = libvirt.open(uri)
    domain = connection.lookupByName("test")
    for number in range(EVENTS):
        _ = domain.resume() if number % 2 else domain.suspend()
        time.sleep(1 / EVENTS_PER_S)
    connection.close()


async def _all_known(reconciler: Reconciler, hosts: int, domains: int) -> None:
    """Wait until so many VMs are known."""
    while True:
        await asyncio.sleep(0.2)
        snapshot = reconciler.snapshot
        if (fleet := snapshot.sources.get("fleet")) is None or fleet.reads < hosts:
            continue  # counting costs time, too
        if sum(entity.kind is EntityKind.VM for _, entity in snapshot.entities.rows()) >= domains:
            return


def _cpu() -> Counter[str]:
    """CPU seconds of the threads that run, by whose they are."""
    spent: Counter[str] = Counter()
    for thread in threading.enumerate():
        whose = RECONCILER if thread.name.startswith("topology-writer") else COLLECTOR
        spent[whose] += _thread_s(thread.native_id)
    return spent


def _thread_s(thread: int | None) -> float:
    return int(Path(f"/proc/self/task/{thread}/schedstat").read_text().split()[0]) / 1e9


def _since(before: Mapping[str, float]) -> dict[str, float]:
    now = _cpu()
    return {what: now[what] - before.get(what, 0.0) for what in (COLLECTOR, RECONCILER)}


def _rss_mb() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def _say(what: str, taken: Mapping[str, Any]) -> None:
    print(json.dumps({what: taken}), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
