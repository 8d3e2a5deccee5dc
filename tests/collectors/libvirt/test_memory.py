"""Whatever hosts tell and show, in whatever order: the same read gives the same, and what runs is where it runs."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.collectors.libvirt.fleet import Fleet, Hold
from gateway.collectors.libvirt.mapping import observe_host
from gateway.collectors.libvirt.memory import HostMemory
from gateway.collectors.libvirt.records import Domain, DomainEvent, HostFacts, HostReading
from gateway.collectors.libvirt.states import is_active
from gateway.model.conditions import SECOND
from gateway.model.relations import Phase, RelationKind
from tests.collectors.libvirt.given import CRASHED, LEFT, MIGRATED, OFF, VM1, Lab, domain, told

HOSTS = ("h1", "h2")
SHOWN = [None, (1, 1), (1, 2), (1, 6), (3, 1), (3, 2), (3, 5), (3, 11), (3, 12), (4, 0), (5, 0), (5, 1), (5, 3), (5, 4)]
TOLD = [
    ("LIFECYCLE", ("STARTED", "BOOTED")),
    ("LIFECYCLE", ("STARTED", "MIGRATED")),
    ("LIFECYCLE", ("RESUMED", "MIGRATED")),
    ("LIFECYCLE", ("SUSPENDED", "MIGRATED")),
    ("LIFECYCLE", ("SUSPENDED", "PAUSED")),
    ("LIFECYCLE", ("STOPPED", "MIGRATED")),
    ("LIFECYCLE", ("STOPPED", "FAILED")),
    ("LIFECYCLE", ("STOPPED", "DESTROYED")),
    ("LIFECYCLE", ("UNDEFINED", "REMOVED")),
    ("LIFECYCLE", ("CRASHED", "PANICKED")),
    ("LIFECYCLE", ()),
    ("IO_ERROR_REASON", ("/a", "virtio-disk0", "1", "eio")),
    ("IO_ERROR_REASON", ()),
    ("JOB_COMPLETED", ("{'operation': 5}",)),
    ("WATCHDOG", ("2",)),
    ("REBOOT", ()),
    ("NEWER_THAN_US", ("1", "2")),
]
step = st.one_of(
    st.tuples(st.just("tell"), st.sampled_from(HOSTS), st.sampled_from(TOLD)),
    st.tuples(st.just("read"), st.sampled_from(HOSTS), st.sampled_from(SHOWN), st.booleans()),
)


def of(shown: tuple[int, int] | None, out: bool) -> tuple[Domain, ...]:
    return () if shown is None else (domain(shown, migrating_out=out and shown[0] == 1),)


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(step, max_size=25))
def test_the_same_read_gives_the_same_observation_and_what_is_active_is_there(steps):
    fleet, memories = Fleet(), {host: HostMemory(host) for host in HOSTS}
    for number, (what, host, *how) in enumerate(steps, start=1):
        at, memory = number * SECOND, memories[host]
        if what == "tell":
            memory.note(DomainEvent(at, host, VM1, "vm1", how[0][0], how[0][1]))
            continue
        domains = of(*how)
        reading = HostReading(host, HostFacts(host, "QEMU"), domains)
        seen = observe_host("lab", at, reading, memory, fleet)
        assert observe_host("lab", at, reading, memory, fleet) == seen
        there = [r for r in seen.relations if r.upper.native == VM1 and r.kind is RelationKind.RUNS_ON]
        assert len(there) == sum(is_active(one.status) for one in domains)
        keys = {entity.key for entity in seen.entities}
        assert {condition.entity for condition in seen.conditions} <= keys
        assert all(relation.upper in keys for relation in seen.relations)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(step, max_size=20))
def test_after_any_history_topology_shows_the_domain_where_it_runs_and_nothing_wrong_with_it(steps):
    lab, at_s = Lab(), 0.0
    for what, host, *how in steps:
        at_s += 2
        if what == "tell":
            lab.event(at_s, host, how[0][0], *how[0][1])
        else:
            lab.read(at_s, host, *of(*how))
    lab.event(at_s + 1, "h2", "LIFECYCLE", "STARTED", "BOOTED")
    for later in (2, 62, 122):
        lab.read(at_s + later, "h1")
        lab.read(at_s + later, "h2", domain(instance=7))
    lab.wait(at_s + 800)
    lab.read(at_s + 801, "h2", domain(instance=7))
    assert lab.place() == "h2"
    assert [alarm.key for alarm in lab.house.snapshot.active_alarms()] == []
    assert all(r.phase is Phase.STABLE for r in lab.last["h2"].relations if r.kind is RelationKind.RUNS_ON)


def test_the_firmest_hold_is_home_and_of_equal_ones_the_last():
    fleet = Fleet()
    assert fleet.claim(VM1, "h1", Hold.INACTIVE)
    assert not fleet.claim(VM1, "h2", Hold.LEFT_BEHIND)
    assert fleet.claim(VM1, "h2", Hold.ACTIVE)
    assert fleet.runs_elsewhere(VM1, "h1")
    assert not fleet.claim(VM1, "h1", Hold.INACTIVE)
    assert fleet.claim(VM1, "h2", Hold.INACTIVE)
    fleet.release(VM1, "h2")
    assert fleet.claim(VM1, "h1", Hold.INACTIVE)


def test_a_crash_where_it_was_restarted_is_told_though_the_old_host_never_answered_again():
    lab = Lab()
    lab.read(0, "h1", domain())
    lab.read(0, "h2")
    lab.read(100, "h2", domain())
    lab.wait(400)
    lab.event(410, "h2", "LIFECYCLE", "STOPPED", "FAILED")
    lab.reread(410, "h2", domain(CRASHED))
    assert [condition.kind.value for condition in lab.last["h2"].conditions] == ["crashed"]


def test_a_start_that_was_not_told_is_a_new_instance():
    lab = Lab()
    lab.read(0, "h1", domain())
    lab.read(1, "h2", domain(MIGRATED, instance=3))
    lab.read(1, "h1", domain(LEFT))
    lab.read(300, "h2", domain((1, 1), instance=1))  # its host restarted and started it, unheard
    (runs_on,) = [r for r in lab.last["h2"].relations if r.kind is RelationKind.RUNS_ON and r.upper.native == VM1]
    assert runs_on.arrival.value == "restart"
    lab.read(360, "h2", domain(OFF))
    assert told(lab.wait(400)) == [("failure_raised", "vm1", "crashed")]
