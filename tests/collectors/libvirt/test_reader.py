"""Reading a host: what it asks for, what it keeps, and what it does without."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import libvirt
import pytest

from gateway.collectors.libvirt.listing import LIST, Row, looked_up
from gateway.collectors.libvirt.loop import EVENT_LOOP
from gateway.collectors.libvirt.reader import HostReader
from gateway.collectors.libvirt.records import Domain, DomainDefinition, DomainReading, HostReading
from gateway.collectors.libvirt.worker import Calls

DOMAIN = """
<domain type="test"><name>vm{0:02}</name><uuid>{1}</uuid><memory>65536</memory><os><type>hvm</type></os><devices>
<disk type="file"><source file="/pool/vm{0:02}.img"/><target dev="vda"/></disk></devices></domain>"""


def uuid(number: int) -> str:
    return str(UUID(int=number, version=4))


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Any]:
    """A host of libvirt's test driver with twelve domains that run, a pool and a network."""
    EVENT_LOOP.start()
    domains = "".join(DOMAIN.format(number, uuid(number)) for number in range(12))
    pool = '<pool type="dir"><name>images</name><target><path>/pool</path></target></pool>'
    network = '<network><name>lan</name><bridge name="br0"/></network>'
    (tmp_path / "host.xml").write_text(f"<node>{domains}{pool}{network}</node>")
    connection = libvirt.open(f"test://{tmp_path}/host.xml")
    yield connection
    connection.close()


class Counting(Calls):
    """Counts calls by libvirt's name of them."""

    def __init__(self) -> None:
        super().__init__(5)
        self.made: Counter[str] = Counter()

    def within(self, timeout_s: float, what: str, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self.made[call.__name__] += 1
        return super().within(timeout_s, what, call, *args, **kwargs)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def reader(clock: Callable[[], float] | None = None) -> HostReader:
    return HostReader("h1", 900, clock or Clock())


def whole(reading: HostReading | DomainReading) -> HostReading:
    assert isinstance(reading, HostReading)
    return reading


def test_a_host_is_read_completely(host: Any) -> None:
    reading = whole(reader().whole(host, Calls(5)))
    assert [domain.status.name for domain in reading.domains] == [f"vm{number:02}" for number in range(12)]
    assert {(d.status.state, d.definition.type, d.persistent, d.autostart) for d in reading.domains} == {
        (libvirt.VIR_DOMAIN_RUNNING, "test", True, False)
    }
    assert reading.domains[3].definition.disks[0].source == "/pool/vm03.img"
    assert [pool.name for pool in reading.pools] == ["images"]
    assert [network.name for network in reading.networks] == ["lan"]
    assert (reading.facts.driver, reading.facts.cpus > 0) == ("TEST", True)


def test_an_unchanged_host_costs_one_call_and_gives_the_same_records(host: Any) -> None:
    reads, calls = reader(), Counting()
    first = whole(reads.whole(host, Calls(5)))
    second = whole(reads.whole(host, calls))
    assert calls.made == {"getAllDomainStats": 1}
    assert all(one is other for one, other in zip(first.domains, second.domains, strict=True))


def test_what_changed_is_read_again_and_nothing_else(host: Any) -> None:
    reads, calls = reader(), Counting()
    reads.whole(host, Calls(5))
    host.lookupByName("vm03").suspend()
    reading = whole(reads.whole(host, calls, dirty={uuid(5)}))
    assert calls.made["XMLDesc"] == 2
    assert [d.status.name for d in reading.domains if d.status.state == libvirt.VIR_DOMAIN_PAUSED] == ["vm03"]


def test_definitions_are_read_again_after_their_time_and_not_all_at_once(host: Any) -> None:
    clock = Clock()
    reads = reader(clock)
    reads.whole(host, Calls(5))
    read_again = []
    for _ in range(6):
        clock.now += 900 / 4
        calls = Counting()
        reads.whole(host, calls)
        read_again.append(calls.made["XMLDesc"])
    assert read_again[:2] == [0, 0]
    assert sum(read_again[:5]) >= 14  # the pool and the network among them
    assert max(read_again) < 14


def test_a_new_connection_reads_all_again(host: Any) -> None:
    reads, calls = reader(), Counting()
    first = whole(reads.whole(host, Calls(5)))
    reads.reconnected()
    second = whole(reads.whole(host, calls))
    assert calls.made["XMLDesc"] == 14
    assert all(one is other for one, other in zip(first.domains, second.domains, strict=True))


def test_some_domains_are_read_by_themselves_and_a_missing_one_is_gone(host: Any) -> None:
    reads = reader()
    reads.whole(host, Calls(5))
    domain = host.lookupByName("vm04")
    domain.destroy()
    domain.undefine()
    reading = reads.some(host, Calls(5), {uuid(3), uuid(4)})
    assert reading.uuids == {uuid(3), uuid(4)}
    assert [domain.status.name for domain in reading.domains] == ["vm03"]
    assert uuid(4) not in {domain.status.uuid for domain in whole(reads.whole(host, Calls(5))).domains}


def test_a_domain_whose_definition_hangs_keeps_it_and_its_state_is_still_read(host: Any) -> None:
    reads = reader()
    reads.whole(host, Calls(5))
    assert reads.leave_out(f"domain vm03 {uuid(3)}") == 300
    host.lookupByName("vm03").suspend()
    calls = Counting()
    domain = whole(reads.whole(host, calls)).domains[3]
    assert (domain.status.state, domain.definition.disks[0].source) == (libvirt.VIR_DOMAIN_PAUSED, "/pool/vm03.img")
    assert calls.made["XMLDesc"] == 0


def test_of_a_domain_that_hangs_from_the_first_nothing_is_said_and_all_else_is(host: Any) -> None:
    reads, known = reader(), whole(reader().whole(host, Calls(5)))
    reads.leave_out(f"domain vm03 {uuid(3)}")
    reading = reads.whole(host, Calls(5))
    assert isinstance(reading, DomainReading)
    assert reading.uuids == {uuid(number) for number in range(12)} - {uuid(3)}
    assert len(reading.domains) == 11
    assert (reading.facts is not None, reading.pools, reading.networks) == (True, known.pools, known.networks)


def test_what_was_left_out_is_asked_again_later(host: Any) -> None:
    clock = Clock()
    reads = reader(clock)
    assert [reads.leave_out("pools") for _ in range(5)] == [300, 600, 1200, 2400, 3600]
    clock.now += 3599
    assert isinstance(reads.whole(host, Calls(5)), DomainReading)
    clock.now += 2
    assert [pool.name for pool in whole(reads.whole(host, Calls(5))).pools] == ["images"]


def test_a_migration_that_cannot_be_asked_for_costs_nothing_but_its_answer(host: Any) -> None:
    reads = reader()
    assert reads.leave_out(f"job of domain vm03 {uuid(3)}") == 300
    calls = Counting()
    reading = whole(reads.whole(host, calls, moving={uuid(3), uuid(4)}))
    assert (len(reading.domains), calls.made["jobStats"]) == (12, 1)
    assert not any(domain.migrating_out for domain in reading.domains)


def migrating(row: Row) -> Domain:
    return Domain(row.status, DomainDefinition(), migrating_out=True)


def test_a_migration_of_which_no_answer_comes_goes_on_as_far_as_is_known(host: Any) -> None:
    reads = reader()
    row = looked_up(uuid(3), host, Calls(5))
    assert row is not None
    assert not reads._current(migrating(row), row, Calls(5), ()).migrating_out  # the host says: no job
    reads.leave_out(f"job of {row.what}")
    assert reads._current(migrating(row), row, Calls(5), ()).migrating_out


def test_what_was_leaving_before_a_restart_leaves_until_the_host_says_no(host: Any) -> None:
    reads = reader()
    reads.presume_leaving({uuid(3), uuid(4)})
    reads.leave_out(f"job of domain vm03 {uuid(3)}")
    first = whole(reads.whole(host, Calls(5)))
    assert [domain.status.name for domain in first.domains if domain.migrating_out] == ["vm03"]
    again = host.lookupByName("vm03")
    again.destroy()
    again.create()  # another instance: what was said of the one before holds no more
    second = whole(reads.whole(host, Calls(5)))
    assert not any(domain.migrating_out for domain in second.domains)


def test_without_its_list_a_host_cannot_be_read() -> None:
    assert reader().leave_out(LIST) is None
