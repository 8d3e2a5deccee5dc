"""Guests that migrate: told once, live, when they have arrived; what failed on the way is told as that."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping

import pytest

from tests.lab.libvirt.told import Notice
from tests.system.comparison import moment
from tests.system.libvirt import heard
from tests.system.libvirt.comparison import LONGEST_SETTLE_S, Comparison

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

SLOWLY_MIB = 1  # a second: the migration takes long enough for something to happen meanwhile


@pytest.mark.parametrize(
    "way",
    [{}, {"move": True}, {"p2p": True}, {"move": True, "p2p": True}, {"options": ("--postcopy",)}],
    ids=["live", "move", "p2p", "move-p2p", "postcopy-allowed"],
)
def test_a_migration_is_told_once_as_live(seen: Comparison, way: Mapping[str, object]):
    old, new = seen.lab.place("vm1"), seen.lab.elsewhere("vm1")
    seen.lab.migrate("vm1", new, **way)  # type: ignore[arg-type]
    seen.step(Notice.relocation("vm1", old, new, live=True))
    seen.end()


def test_a_migration_that_goes_on_as_post_copy_is_told_once(seen: Comparison):
    old, new = seen.lab.place("vm1"), seen.lab.elsewhere("vm1")
    migration = seen.lab.begin_migration("vm1", new, bandwidth_mib=SLOWLY_MIB, options=("--postcopy",))
    seen.lab.wait_migrating(migration)
    seen.note()
    seen.lab.switch_to_postcopy("vm1")
    migration.wait()
    seen.step(Notice.relocation("vm1", old, new, live=True))
    seen.end()


def test_what_is_in_flight_is_not_told(seen: Comparison):
    migration = seen.lab.begin_migration("vm1", seen.lab.elsewhere("vm1"), bandwidth_mib=SLOWLY_MIB)
    seen.lab.wait_migrating(migration)
    seen.nothing()  # for longer than a split brain would have to last
    seen.lab.virsh(migration.source, "migrate-setspeed vm1 1000")
    migration.wait()
    seen.step(Notice.relocation("vm1", migration.source, migration.destination, live=True))
    seen.end()


def test_a_cancelled_migration_is_told_with_the_place_where_the_guest_stayed(seen: Comparison):
    migration = seen.lab.begin_migration("vm2", seen.lab.elsewhere("vm2"), bandwidth_mib=SLOWLY_MIB)
    seen.lab.wait_migrating(migration)
    seen.note()
    seen.lab.cancel_migration("vm2")
    assert not migration.wait(check=False)
    seen.lab.wait_for(lambda status: not status.in_flight(), "the incoming copy is gone")
    seen.step(Notice.migration_failed("vm2", migration.source))
    seen.end()


def test_a_migration_whose_port_cannot_be_reached_is_told_though_no_memory_ever_flowed(seen: Comparison):
    """Its origin is sent to a port where nobody listens. It is over before the lab can be looked at: the log tells."""
    began, old = time.time(), seen.lab.place("vm1")
    options = ("--migrateuri", "tcp://127.0.0.1:49190")
    assert not seen.lab.begin_migration("vm1", seen.lab.elsewhere("vm1"), options=options).wait(check=False)
    time.sleep(LONGEST_SETTLE_S)
    printed = seen.gateway.cli("events", "--since", moment(began - 1), "--limit", "500", "--json")
    assert heard.of_events(json.loads(printed.stdout)["items"]) == Counter([Notice.migration_failed("vm1", old)])


def test_a_migration_whose_network_is_cut_is_told_when_the_source_gives_up(seen: Comparison):
    migration = seen.lab.begin_migration("vm2", seen.lab.elsewhere("vm2"), p2p=True, bandwidth_mib=SLOWLY_MIB)
    seen.lab.wait_migrating(migration)
    seen.note()
    silent = migration.destination
    seen.lab.isolate(silent)
    assert not migration.wait(check=False)
    seen.step(Notice.raised("sourceStale", silent), Notice.migration_failed("vm2", migration.source))
    seen.lab.reconnect(silent)
    seen.lab.wait_for(lambda status: not status.in_flight(), "the incoming copy is gone")
    seen.step(Notice.cleared("sourceStale", silent), quiet_s=LONGEST_SETTLE_S)
    seen.end()


def test_a_guest_that_crashes_while_it_migrates_has_crashed(seen: Comparison):
    migration = seen.lab.begin_migration("vm3", seen.lab.elsewhere("vm3"), bandwidth_mib=SLOWLY_MIB)
    seen.lab.wait_migrating(migration)
    seen.note()
    seen.lab.kill("vm3", migration.source)
    assert not migration.wait(check=False)
    seen.lab.wait_for(lambda status: not status.in_flight(), "the incoming copy is gone")
    seen.step(Notice.raised("crashed", "vm3"))
    seen.lab.start("vm3", migration.source)
    seen.step(Notice.cleared("crashed", "vm3"))
    seen.end()
