"""A host judges the domains whose state it tells, whatever else is in the same read."""

from gateway.collectors.libvirt.conditions import JUDGED, vm_key
from gateway.collectors.libvirt.mapping import observe_domains
from gateway.collectors.libvirt.records import Domain, DomainReading
from gateway.model.observations import Objects
from tests.collectors.libvirt.given import ARRIVING, CRASHED, IO_ERROR, LEFT, SOURCE, VM1, Lab, domain, told
from tests.topology.house import T0

VM2 = "11111111-5392-5ee5-b6dd-01e1d286b245"


def beside_one_left_behind(lab: Lab, *domains: Domain) -> tuple[Domain, ...]:
    """These, and a definition of vm2, which runs on h2."""
    lab.read(0, "h2", domain(uuid=VM2, name="vm2"))
    return (*domains, domain(LEFT, uuid=VM2, name="vm2"))


def test_an_error_that_heals_is_not_raised_though_a_domain_left_behind_is_in_the_same_read():
    lab = Lab()
    lab.read(0, "h1", *beside_one_left_behind(lab, domain()))
    lab.event(5, "h1", "IO_ERROR_REASON", "/x", "vda", "pause", "enospc")
    lab.reread(5, "h1", domain(IO_ERROR))
    lab.event(10, "h1", "LIFECYCLE", "RESUMED", "UNPAUSED")
    assert told(lab.reread(10, "h1", *beside_one_left_behind(lab, domain((1, 5))), uuids=(VM1, VM2))) == []
    assert told(lab.wait(300)) == []


def test_a_crash_is_over_at_once_though_a_domain_left_behind_is_in_the_same_read():
    lab = Lab()
    lab.read(0, "h1", *beside_one_left_behind(lab, domain()))
    lab.event(5, "h1", "LIFECYCLE", "STOPPED", "FAILED")
    lab.reread(5, "h1", domain(CRASHED))
    assert told(lab.wait(60)) == [("failure_raised", "vm1", "crashed")]
    lab.event(70, "h1", "LIFECYCLE", "STARTED", "BOOTED")
    again = beside_one_left_behind(lab, domain(instance=4))
    assert told(lab.reread(70, "h1", *again, uuids=(VM1, VM2))) == [("failure_cleared", "vm1", "crashed")]


def test_a_storm_goes_on_though_the_copy_on_another_host_goes():
    lab = Lab()
    lab.read(0, "h1", domain())
    for at_s in (1, 20, 40):
        lab.event(at_s, "h1", "WATCHDOG", "reset")
    lab.reread(41, "h1", domain())
    assert told(lab.wait(110)) == [("finding_raised", "vm1", "degraded")]
    lab.event(120, "h2", "LIFECYCLE", "STARTED", "MIGRATED")
    lab.reread(120, "h2", domain(ARRIVING))
    lab.event(121, "h2", "LIFECYCLE", "STOPPED", "FAILED")
    assert told(lab.reread(121, "h2")) == []


def test_of_one_read_what_others_speak_of_is_apart_from_what_is_judged():
    lab = Lab()
    lab.read(0, "h1", *beside_one_left_behind(lab, domain()))
    reading = DomainReading("h1", frozenset({VM1, VM2}), beside_one_left_behind(lab, domain()))
    ours, others = observe_domains(SOURCE, T0, reading, lab.memory("h1"), lab.fleet)
    assert (ours.covers, ours.judged) == (Objects(frozenset({vm_key(VM1)}), "h1"), JUDGED)
    assert (others.covers, others.judged) == (Objects(frozenset({vm_key(VM2)}), "h1"), frozenset())


def test_a_host_of_which_no_domain_could_be_read_was_heard_of():
    (seen,) = observe_domains(SOURCE, T0, DomainReading("h1", frozenset()), Lab().memory("h1"), Lab().fleet)
    assert seen.covers == Objects(frozenset(), "h1")
