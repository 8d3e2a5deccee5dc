"""HOST-RESOURCES-MIB: the machine and this process as the operating system knows them, measured when asked."""

from __future__ import annotations

import os
import time
from pathlib import Path

from gateway.wire.values import Integer, ObjectIdentifier, OctetString, TimeTicks
from tests.publishers.snmp import estate, netsnmp, running
from tests.publishers.snmp.asking import Asker

HOST = (1, 3, 6, 1, 2, 1, 25)
RUNNING, PERFORMANCE = (*HOST, 4, 2, 1), (*HOST, 5, 1, 1)


def asker() -> Asker:
    return Asker(running.make(running.Holder(estate.snapshot(30))))


def number(value: object) -> int:
    assert isinstance(value, Integer | TimeTicks)
    return value.value


def test_the_machine_is_as_old_and_as_large_as_the_kernel_says():
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    assert abs(number(asker().get((*HOST, 1, 1, 0)).value) / 100 - uptime) < 30
    memory = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    assert number(asker().get((*HOST, 2, 2, 0)).value) >= int(memory.split()[1])


def test_the_only_software_that_is_shown_is_the_gateway_and_its_parameters_are_not_told():
    found = {varbind.oid[len(RUNNING) :]: varbind.value for varbind in asker().walk(RUNNING)}
    process = os.getpid()
    assert {index for _, index in found} == {process}
    assert found[2, process] == OctetString(b"gateway")
    assert found[3, process] == ObjectIdentifier((1, 3, 6, 1, 4, 1, 32473, 7163, 3, 1))
    assert found[5, process] == OctetString(b"")
    assert (found[6, process], found[7, process]) == (Integer(4), Integer(1))


def test_cpu_time_and_memory_are_of_now():
    manager, process = asker(), os.getpid()
    before = number(manager.get((*PERFORMANCE, 1, process)).value)
    begun = time.process_time()
    while time.process_time() - begun < 0.1:
        pass
    after = number(manager.get((*PERFORMANCE, 1, process)).value)
    assert 10 <= after - before < 100
    assert number(manager.get((*PERFORMANCE, 2, process)).value) > 10_000


def test_net_snmp_walks_it():
    netsnmp.require()
    with running.running(running.Holder(estate.snapshot(30))) as publisher:
        said = netsnmp.ask("snmpbulkwalk", publisher.addresses[0][1], "-On", ".1.3.6.1.2.1.25")
    assert f'.1.3.6.1.2.1.25.4.2.1.2.{os.getpid()} = STRING: "gateway"' in said
    assert len(said.splitlines()) == 12
