"""What a simulated estate does is exactly what the reconciler tells, for any seed; equal plans give equal events."""

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gateway.collectors.simulated.plan import Deed, Plan, Step
from gateway.collectors.simulated.simulation import Simulation
from gateway.collectors.simulated.view import everything, observe
from gateway.model.conditions import ConditionKind
from gateway.model.entities import EntityKind, EntityState
from gateway.model.events import Cause, EventKind
from gateway.topology.hops import WhereStatus
from gateway.topology.where import where
from tests.collectors.simulated.estates import Estates

MINUTE_S = 60.0


@example(221086, 7, 9, 2)  # a node is drained moments after a resource came there, which had failed there before
@given(st.integers(0, 2**31), st.integers(3, 8), st.integers(3, 12), st.integers(0, 3))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_happens_is_what_is_told(seed: int, hosts: int, vms: int, clusters: int) -> None:
    estates = Estates(Plan(hosts, vms, clusters, seed, steps_per_minute=60.0), until_s=3 * MINUTE_S)
    estates.load()
    assert estates.events == []
    estates.play()
    estates.settle()
    assert estates.notified() == estates.expected()
    assert estates.expected().total() > 50


def test_equal_plans_give_equal_events_and_another_seed_gives_others() -> None:
    def told(seed: int) -> list[object]:
        simulation = Simulation(Plan(4, 10, 1, seed, 30.0), until_s=5 * MINUTE_S)
        return [(moment.at_s, moment.looks, moment.told) for moment in simulation.moments()]

    assert told(7) == told(7)
    assert told(7) != told(8)


def test_the_first_relocation_comes_within_twenty_seconds() -> None:
    for seed in range(20):
        simulation = Simulation(Plan(3, 10, 1, seed, steps_per_minute=6.0))
        first = next(moment for moment in simulation.moments() if moment.told)
        assert first.at_s < 20
        assert first.told[0].kind is EventKind.RELOCATION


def played(*script: Step, hosts: int = 4, clusters: int = 1) -> Estates:
    estates = Estates(Plan(hosts, 5, clusters, 3, 0.0, script))
    estates.load()
    estates.play()
    estates.settle()
    assert estates.notified() == estates.expected()
    assert not estates.simulation.left_out
    return estates


def test_a_lost_host_is_a_failover_of_every_vm_and_of_what_its_ha_nodes_ran() -> None:
    estates = played(Step(1.0, Deed.FAIL_HOST, "hv-0001", lasting=True))
    moves = estates.expected()
    assert {told.cause for told in moves} == {Cause.FAILOVER}
    by_kind = [told.entity.kind for told in moves.elements()]
    assert by_kind.count(EntityKind.VM) == 5
    (group,) = [told for told in moves if told.entity.kind is EntityKind.HA_RESOURCE]
    assert (group.entity.native, group.members) == ("ha1-group", ("ha1-ip", "ha1-fs", "ha1-app"))
    assert (group.old, group.new) == ("ha1-n1", "ha1-n2")


def test_a_drained_host_is_an_evacuation_live() -> None:
    estates = played(Step(1.0, Deed.DRAIN_HOST, "hv-0002"))
    assert {(told.cause, told.live) for told in estates.expected()} == {(Cause.EVACUATION, True)}


def test_a_failed_migration_is_told_as_such_and_moves_nothing() -> None:
    estates = played(Step(1.0, Deed.FAIL_MIGRATION))
    assert [event.kind for event in estates.events] == [EventKind.MIGRATION_FAILED]


def test_what_nothing_repairs_is_raised_once_and_cleared() -> None:
    deeds = (Deed.CRASH_VM, Deed.BLOCK, Deed.EXHAUST, Deed.FAIL_FENCE)
    estates = played(*(Step(60.0 * number, deed) for number, deed in enumerate(deeds)))
    kinds = (ConditionKind.CRASHED, ConditionKind.BLOCKED, ConditionKind.EXHAUSTED, ConditionKind.FENCING_FAILED)
    for kind in kinds:
        told = [event.kind for event in estates.events if event.condition is kind]
        assert told == [EventKind.FAILURE_RAISED, EventKind.FAILURE_CLEARED]


def test_a_written_step_waits_until_it_can_be_done() -> None:
    busy = [Step(1.0, Deed.MOVE_GROUP, "ha1", "ha1-n2"), Step(1.1, Deed.STANDBY, "ha1", "ha1-n2")]
    causes = [event.cause for event in played(*busy).events]
    assert causes == [Cause.ADMINISTRATOR, Cause.EVACUATION, Cause.EVACUATION]


def test_where_goes_from_the_service_down_to_rack_and_site() -> None:
    estates = Estates(Plan(3, 5, 1))
    estates.load()
    snapshot = estates.reconciler.snapshot
    (database,) = snapshot.named("ha1-db")
    answer = where(snapshot, database, estates.clock.now())
    assert answer.status is WhereStatus.PLACED
    kinds, hops = [], answer.below
    while hops:
        kinds.append(hops[0].entity.kind.value)
        hops = hops[0].below
    assert kinds == ["ha_node", "guest_os", "vm", "hypervisor", "physical_host", "rack", "site"]


def test_an_estate_of_the_largest_size_has_no_two_things_of_one_name_or_key() -> None:
    simulation = Simulation(Plan(2000, 50, 20))
    estate = simulation.world.estate
    for of_vm in (estate.vm_name, estate.vm_uuid, estate.vm_mac):
        assert len({of_vm(vm) for vm in range(estate.vms)}) == 100_000
    assert len({estate.machine_uuid(host) for host in range(2000)}) == 2000


def test_a_view_of_a_host_names_its_vms_with_their_keys() -> None:
    world = Simulation(Plan(3, 2, 0)).world
    look = list(everything(world))[1]
    observation = observe(world, look, "sim", 0)
    assert [entity.name for entity in observation.entities] == ["web-000001", "app-000004", "hv-0001"]
    assert observation.entities[0].state is EntityState.RUNNING
    assert {alias.namespace.value for alias in observation.entities[0].aliases} == {"mac", "smbios_uuid"}
