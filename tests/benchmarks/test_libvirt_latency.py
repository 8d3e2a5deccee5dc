"""From libvirt's own callback to the trap at snmptrapd: a guest that migrates, and one that crashes."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable

import pytest

from tests.benchmarks.goal import report
from tests.benchmarks.test_trap_latency import percentile
from tests.lab.libvirt import LibvirtLab
from tests.lab.libvirt.recorder import Callback, Recorder, recording
from tests.lab.libvirt.told import Notice
from tests.system import received
from tests.system.libvirt import heard
from tests.system.libvirt.installation import Installation, installed

pytestmark = [pytest.mark.benchmark, pytest.mark.lab, pytest.mark.timeout(900)]

MIGRATIONS = 24
CRASHES = 6
P95_GOAL_S = 1.0
TRAP_TIMEOUT_S = 30.0
VM = "vm1"
RESUMED_AFTER_MIGRATION = (4, 1)  # VIR_DOMAIN_EVENT_RESUMED, _RESUMED_MIGRATED
STOPPED_AFTER_MIGRATION = (5, 3)  # VIR_DOMAIN_EVENT_STOPPED, _STOPPED_MIGRATED
STOPPED_FAILED = (5, 5)  # VIR_DOMAIN_EVENT_STOPPED, _STOPPED_FAILED


@pytest.mark.skipif(received.missing() is not None, reason=str(received.missing()))
def test_a_migration_is_told_within_a_second_of_libvirts_own_callback(libvirt_lab: LibvirtLab):
    with installed(libvirt_lab, settle={"crashed": 0}) as installation, recording(libvirt_lab) as recorder:
        pairs = [_migration(installation, recorder, random.Random(n)) for n in range(MIGRATIONS)]
        crashes = [_crash(installation, recorder) for _ in range(CRASHES)]
    arrived, left = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    print(
        f"\nlive migration, trap after the destination's RESUMED/MIGRATED, n={len(arrived)}: "
        f"median {statistics.median(arrived):.2f} s, p95 {percentile(arrived, 95):.2f} s, slowest {max(arrived):.2f} s"
        f"\nthe same after the source's STOPPED/MIGRATED: "
        f"median {statistics.median(left):.2f} s, p95 {percentile(left, 95):.2f} s"
        f"\ncrash (QEMU killed, settle time 0), trap after STOPPED/FAILED, n={len(crashes)}: "
        f"median {statistics.median(crashes):.2f} s, slowest {max(crashes):.2f} s"
    )
    report("p95 of a migration", percentile(arrived, 95), P95_GOAL_S, " s")


def _migration(installation: Installation, recorder: Recorder, chance: random.Random) -> tuple[float, float]:
    """Seconds to the trap, from the arrival at the destination and from the end at the source."""
    lab = installation.lab
    time.sleep(chance.uniform(0, 1.5))
    old, new = lab.place(VM), lab.elsewhere(VM)
    before = len(recorder.callbacks())
    notice = Notice.relocation(VM, old, new, live=True)
    told_before = _times(installation, notice)
    lab.migrate(VM, new)
    lab.keep_definition(VM)
    _await(lambda: len(_times(installation, notice)) > len(told_before), f"no trap: {notice}")
    told = _times(installation, notice)[-1]
    arrived = _callback(recorder, lab, before, new, RESUMED_AFTER_MIGRATION)
    left = _callback(recorder, lab, before, old, STOPPED_AFTER_MIGRATION)
    return told - arrived.at, told - left.at


def _crash(installation: Installation, recorder: Recorder) -> float:
    """Seconds from the end of QEMU, as libvirt tells it, to the trap."""
    lab = installation.lab
    before, raised = len(recorder.callbacks()), Notice.raised("crashed", VM)
    told_before = _times(installation, raised)
    host = lab.kill(VM)
    _await(lambda: len(_times(installation, raised)) > len(told_before), "no trap of the crash")
    told = _times(installation, raised)[-1]
    lab.start(VM, host)
    _await(lambda: not installation.gateway.items("/alarms"), "the alarm stays")
    return told - _callback(recorder, lab, before, host, STOPPED_FAILED).at


def _times(installation: Installation, notice: Notice) -> list[float]:
    """When the traps of a notice arrived."""
    traps = received.traps(installation.receiver.received())
    return [trap.time for trap in traps if heard.of_traps([trap])[notice]]


def _callback(recorder: Recorder, lab: LibvirtLab, after: int, host: str, event: tuple[int, int]) -> Callback:
    uuid = lab.plan.vm_uuid(VM)

    def found() -> list[Callback]:
        new = recorder.callbacks()[after:]
        return [each for each in new if (each.host, each.uuid, (each.event, each.detail)) == (host, uuid, event)]

    _await(found, f"libvirt did not call back: {host} {event}")
    return found()[0]


def _await(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + TRAP_TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, f"{what} after {TRAP_TIMEOUT_S:.0f} s"
        time.sleep(0.05)
